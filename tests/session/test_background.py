"""Background work: on a thread of its own, and ended with the interpreter."""

from __future__ import annotations

import subprocess
import sys
import threading

from tabwidget.session import background

CODE = """
import time
from tabwidget.session import background

class Busy:
    stopped = False
    def stop(self):
        self.stopped = True
    def wait(self, seconds):
        return True
    def work(self):
        while not self.stopped:
            time.sleep(0.01)
        print("stopped", flush=True)
        self.wait = lambda seconds: True

busy = Busy()
busy.wait = lambda seconds: time.sleep(0.2)
background.start(busy, busy.work, "busy")
"""


class Once:
    """Notes the thread that it works on."""

    def __init__(self) -> None:
        self.name = ""
        self.ended = threading.Event()

    def work(self) -> None:
        self.name = threading.current_thread().name
        self.ended.set()

    def stop(self) -> None:
        pass

    def wait(self, seconds: float) -> bool:
        return self.ended.wait(seconds)


def test_work_has_a_thread_of_its_own() -> None:
    worker = Once()
    background.start(worker, worker.work, "tabwidget-test")
    assert worker.wait(10)
    assert worker.name == "tabwidget-test"


def test_work_in_progress_ends_before_the_interpreter() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "stopped\n")

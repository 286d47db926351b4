"""Background work: threads that yield to all others, and that end before the interpreter does."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Protocol

__all__ = ["Worker", "asked", "start", "turn"]

NICENESS = 10
QUIET_SECONDS = 0.4  # without a question, before the next piece of work
EXIT_SECONDS = 10.0

_asked_at = 0.0
_turn = threading.Lock()  # one piece of work at a time: a question needs the other core
_workers: weakref.WeakSet[Worker] = weakref.WeakSet()


class Worker(Protocol):
    """What works in the background."""

    def stop(self) -> None:
        """End the work soon."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait for the end; return whether it has come."""
        ...


def start(worker: Worker, work: Callable[[], None], name: str) -> None:
    """Run `work` of a worker on a thread of its own.

    Examples
    --------
    >>> class Counter:
    ...     def __init__(self):
    ...         self.ended = threading.Event()
    ...     def stop(self):
    ...         pass
    ...     def wait(self, seconds):
    ...         return self.ended.wait(seconds)
    >>> counter = Counter()
    >>> start(counter, counter.ended.set, "tabwidget-example")
    >>> counter.wait(10)
    True
    """
    _workers.add(worker)
    threading.Thread(target=_run, args=(work,), name=name, daemon=True).start()


def asked() -> None:
    """Note that somebody asks: background work rests until it has been quiet for a moment."""
    global _asked_at
    _asked_at = time.monotonic()


@contextlib.contextmanager
def turn(stopped: threading.Event, quiet: float = QUIET_SECONDS) -> Iterator[None]:
    """Wait for a quiet moment, and keep other background work out for one piece of it.

    Parameters
    ----------
    stopped : Event
        Ends the wait.
    quiet : float, default 0.4
        Seconds without a question.
    """
    with _turn:
        while not stopped.is_set() and time.monotonic() < _asked_at + quiet:
            stopped.wait(0.05)
        yield


def _run(work: Callable[[], None]) -> None:
    # Threads have a niceness of their own on Linux alone.
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    work()


@atexit.register
def stop_all() -> None:
    """End all background work: a thread inside torch would abort the interpreter at its end."""
    for worker in list(_workers):
        worker.stop()
    for worker in list(_workers):
        worker.wait(EXIT_SECONDS)

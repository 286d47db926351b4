"""Training speed in steps/s beside another process that takes one core.

    python -m tests.benchmarks.contention

Prints the rate with torch's default number of threads and with tabwidget's, alone and beside the
other process.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from unittest import mock

import torch

from tabwidget import TabularLanguageModel, TrainingConfig, datasets
from tabwidget.backends import threads

STEPS = 30


@contextlib.contextmanager
def background_load(busy: bool) -> Iterator[None]:
    """Keep one core busy in the context, if `busy`."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
    try:
        yield
    finally:
        if other is not None:
            other.kill()
            other.wait()


def rate() -> float:
    """Return the steps per second of a fit."""
    model = TabularLanguageModel(training=TrainingConfig(max_steps=STEPS), random_state=0)
    began = time.perf_counter()
    model.fit(datasets.load("penguins"))
    return STEPS / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    rate()  # torch imports modules during the first fit
    print("| threads | alone | beside a busy process |\n|---|---|---|")
    settings = {f"torch's own ({torch.get_num_threads()})": 2 * torch.get_num_threads(), "ours": 0}
    for name, cores in settings.items():
        patched = mock.patch.object(threads, "_cores", lambda cores=cores: cores)
        with patched if cores else contextlib.nullcontext():
            rates = []
            for busy in (False, True):
                with background_load(busy):
                    rates.append(f"{rate():.1f} steps/s")
        print(f"| {name} | {' | '.join(rates)} |", flush=True)


if __name__ == "__main__":
    main()

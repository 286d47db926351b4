"""How many cores an engine takes: half of them, for the calling thread alone.

A step of a small model is short, and OpenMP's threads wait for each other at the end of each
operation. Where a browser, a kernel and a fit share two cores, that wait made steps up to a
hundred times longer (``tests/benchmarks/contention.py``); one thread less costs a third at most.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import joblib
import torch

__all__ = ["few_threads"]


@contextmanager
def few_threads() -> Iterator[None]:
    """Let torch use half of the cores here; other threads of the process keep theirs.

    Examples
    --------
    >>> with few_threads():
    ...     few = torch.get_num_threads()
    >>> few <= torch.get_num_threads()
    True
    """
    before = torch.get_num_threads()
    wanted = min(before, max(1, _cores() // 2))
    if wanted == before:
        yield
        return
    _limit(wanted, before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _limit(here: int, elsewhere: int) -> None:
    """Set the number of threads of this thread, and leave that of threads to come as it was.

    torch keeps a number for each thread, and the last one set for threads that start later.
    """
    torch.set_num_threads(here)
    other = threading.Thread(target=torch.set_num_threads, args=(elsewhere,))
    other.start()
    other.join()


@functools.cache
def _cores() -> int:
    # Also right inside a container that is given a part of the machine.
    return int(joblib.cpu_count())

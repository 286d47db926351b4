"""How many cores an engine takes: half of them, for the calling thread alone.

A step of a small model is short, and OpenMP's threads wait for each other at the end of each
operation. Where a browser, a kernel and a fit share two cores, that wait made steps up to a
hundred times longer (`tests/benchmarks/contention.py`); one thread less costs a third at most.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import joblib
import torch
from threadpoolctl import ThreadpoolController

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
    # torch sets a thread's number when the thread first asks for it, so it must ask before us.
    before = torch.get_num_threads()
    wanted = min(before, max(1, _cores() // 2))
    with _controller().limit(limits=wanted, user_api="openmp"):
        yield


@functools.cache
def _cores() -> int:
    # Also right inside a container that is given a part of the machine.
    return int(joblib.cpu_count())


@functools.cache
def _controller() -> ThreadpoolController:
    # Looking for the loaded libraries takes milliseconds, and torch's is there by now.
    return ThreadpoolController()

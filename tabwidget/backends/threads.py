"""How many cores a backend takes: half of them.

A step of a small model is short, and OpenMP's threads wait for each other at the end of each
operation. Where a browser, a kernel and a fit share two cores, that wait made steps up to a
hundred times longer (``tests/benchmarks/contention.py``); one thread less costs a third at most.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import joblib

from tabwidget.minilm.threads import limited_threads

__all__ = ["cores", "few_threads", "one_thread"]


@contextmanager
def few_threads() -> Iterator[None]:
    """Let torch use half of the cores here; other threads of the process keep theirs.

    Examples
    --------
    >>> import torch
    >>> with few_threads():
    ...     few = torch.get_num_threads()
    >>> few <= torch.get_num_threads()
    True
    """
    with limited_threads(max(1, cores() // 2)):
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one core here, where several threads of ours work side by side."""
    with limited_threads(1):
        yield


@functools.cache
def cores() -> int:
    """Return how many cores there are, also in a container that is given a part of them."""
    return int(joblib.cpu_count())

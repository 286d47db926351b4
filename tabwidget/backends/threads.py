"""Threads: a backend uses half of the cores.

Steps of a small model are short, and OpenMP threads wait for each other after each operation. With
a browser, a kernel and a fit on two cores, that wait made steps up to a hundred times longer
(``tests/benchmarks/contention.py``); one thread less costs a third at most.
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
    """Limit torch to half of the cores in this thread; other threads keep theirs.

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
    """Limit torch to one core in this thread, one of several worker threads."""
    with limited_threads(1):
        yield


@functools.cache
def cores() -> int:
    """Return the number of cores available, also within the limits of a container."""
    return int(joblib.cpu_count())

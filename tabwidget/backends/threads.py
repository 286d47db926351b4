"""How many cores an engine takes: half of them.

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

__all__ = ["few_threads"]


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
    with limited_threads(max(1, _cores() // 2)):
        yield


@functools.cache
def _cores() -> int:
    # Also right inside a container that is given a part of the machine.
    return int(joblib.cpu_count())

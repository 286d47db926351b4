"""Threads: a backend uses half of the cores.

Steps of a small model are short, and OpenMP threads wait for each other after each operation. With
a browser, a kernel and a fit on two cores, that wait made steps up to a hundred times longer
(``tests/benchmarks/contention.py``); one thread less costs a third at most.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import joblib

from tabwidget.minilm.threads import limited_threads

__all__ = ["cores", "few_threads", "one_thread", "short_turns"]

# For a thread that waits for the interpreter; Python's default is ten times as long, and a question
# waits at each of its many small operations.
TURN_SECONDS = 0.0005

_turns_lock = threading.Lock()
_n_short = 0
_usual_turn = 0.0


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


@contextmanager
def short_turns() -> Iterator[None]:
    """Let other threads have the interpreter sooner, while this one trains in the background.

    Applies to the process, and until the last of several such contexts ends.

    Examples
    --------
    >>> import sys
    >>> with short_turns():
    ...     short = sys.getswitchinterval()
    >>> short < sys.getswitchinterval()
    True
    """
    global _n_short, _usual_turn
    with _turns_lock:
        if not _n_short:
            _usual_turn = sys.getswitchinterval()
            sys.setswitchinterval(min(TURN_SECONDS, _usual_turn))
        _n_short += 1
    try:
        yield
    finally:
        with _turns_lock:
            _n_short -= 1
            if not _n_short:
                sys.setswitchinterval(_usual_turn)


@functools.cache
def cores() -> int:
    """Return the number of cores available, also within the limits of a container."""
    return int(joblib.cpu_count())

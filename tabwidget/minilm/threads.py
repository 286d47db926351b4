"""A limit on torch's CPU threads, for the calling thread alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["limited_threads"]


@contextmanager
def limited_threads(max_threads: int) -> Iterator[None]:
    """Limit torch's threads in this thread; other threads of the process keep theirs.

    Parameters
    ----------
    max_threads : int
        At least 1; no effect above the present number.

    Examples
    --------
    >>> with limited_threads(1):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    if max_threads >= before:
        yield
        return
    _set(max_threads, before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _set(here: int, elsewhere: int) -> None:
    """Set the number of this thread, and keep that of later threads.

    torch keeps a number per thread; new threads get the one set last.
    """
    torch.set_num_threads(here)
    other = threading.Thread(target=torch.set_num_threads, args=(elsewhere,))
    other.start()
    other.join()

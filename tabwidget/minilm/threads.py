"""A limit on torch's threads for the calling thread alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["limited_threads"]


@contextmanager
def limited_threads(most: int) -> Iterator[None]:
    """Let torch use at most so many threads here; other threads of the process keep theirs.

    Parameters
    ----------
    most : int
        At least 1; more than torch uses anyway changes nothing.

    Examples
    --------
    >>> with limited_threads(1):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    if most >= before:
        yield
        return
    _set(most, before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _set(here: int, elsewhere: int) -> None:
    """Set the number of this thread, and leave that of threads to come as it was.

    torch keeps a number for each thread, and the last one set for threads that start later.
    """
    torch.set_num_threads(here)
    other = threading.Thread(target=torch.set_num_threads, args=(elsewhere,))
    other.start()
    other.join()

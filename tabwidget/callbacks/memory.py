"""The memory use of this process, as an event."""

from __future__ import annotations

import psutil  # type: ignore[import-untyped]

from tabwidget.events import Memory

__all__ = ["memory_of_process"]


def memory_of_process(seconds: float) -> Memory:
    """Return the resident memory of this process, `seconds` into the fit.

    Examples
    --------
    >>> memory_of_process(0.0).used > 1_000_000
    True
    """
    return Memory(seconds, psutil.Process().memory_info().rss)

"""One dashboard at a time on the terminal, and no bars beside it: they would overwrite each other.

A dashboard takes the screen: bars on the terminal then give way, and further dashboards write
plain lines. Worker processes share their parent's terminal, and leave it alone.
"""

from __future__ import annotations

import multiprocessing
import threading
import weakref
from typing import Protocol

__all__ = ["add_bar", "free", "is_free", "take"]


class Bar(Protocol):
    """What draws a line on the terminal."""

    def give_way(self) -> None:
        """Take the line off the terminal."""
        ...


_lock = threading.Lock()
_bars: weakref.WeakSet[Bar] = weakref.WeakSet()
_owner: object | None = None


def take(owner: object) -> bool:
    """Return whether `owner` has the screen from now on: if it was free."""
    global _owner
    with _lock:
        if not is_free():
            return False
        _owner = owner
        bars = list(_bars)
    for bar in bars:
        bar.give_way()
    return True


def free(owner: object) -> None:
    """Give the screen back, if `owner` has it."""
    global _owner
    with _lock:
        if _owner is owner:
            _owner = None


def is_free() -> bool:
    """Return whether there is a screen to draw on, and no dashboard open."""
    return _owner is None and multiprocessing.parent_process() is None


def add_bar(bar: Bar) -> None:
    """Have a bar give way to the next dashboard."""
    with _lock:
        _bars.add(bar)

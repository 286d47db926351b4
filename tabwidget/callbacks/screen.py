"""Ownership of the terminal: one dashboard at a time, and no progress bars beside it.

When a dashboard acquires the screen, bars on the terminal are hidden and further dashboards print
plain lines. Worker processes share the terminal of their parent and never draw on it.
"""

from __future__ import annotations

import multiprocessing
import threading
import weakref
from typing import Protocol

__all__ = ["acquire", "add_bar", "is_free", "release"]


class Bar(Protocol):
    """An object that draws a line on the terminal."""

    def hide(self) -> None:
        """Remove the line from the terminal."""
        ...


_lock = threading.Lock()
_bars: weakref.WeakSet[Bar] = weakref.WeakSet()
_owner: object | None = None


def acquire(owner: object) -> bool:
    """Give the screen to `owner` and hide all bars; return False if it is not free."""
    global _owner
    with _lock:
        if not is_free():
            return False
        _owner = owner
        bars = list(_bars)
    for bar in bars:
        bar.hide()
    return True


def release(owner: object) -> None:
    """Free the screen if `owner` has it."""
    global _owner
    with _lock:
        if _owner is owner:
            _owner = None


def is_free() -> bool:
    """Return whether no dashboard is open and this is not a worker process."""
    return _owner is None and multiprocessing.parent_process() is None


def add_bar(bar: Bar) -> None:
    """Register a bar to be hidden by the next dashboard."""
    with _lock:
        _bars.add(bar)

"""LRUCache: the least recently used objects leave once their memory exceeds a bound."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

__all__ = ["LRUCache"]


class Sized(Protocol):
    """An object that knows its memory."""

    @property
    def n_bytes(self) -> int:
        """Memory in bytes."""
        ...


T = TypeVar("T", bound=Sized)


class LRUCache(Generic[T]):
    """A cache bounded by the memory of its objects; safe for several threads.

    Parameters
    ----------
    max_bytes : int
        The bound. The newest object stays even if it alone exceeds the bound.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> cache = LRUCache(max_bytes=100)
    >>> for key in "aba":
    ...     _ = cache.get(key, lambda: SimpleNamespace(n_bytes=60))
    >>> list(cache.keys())
    ['a']
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._objects: OrderedDict[Hashable, T] = OrderedDict()
        self._making: dict[Hashable, threading.Event] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, int]:
        """Return the bound alone: a copy begins empty."""
        return {"max_bytes": self.max_bytes}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the object of a key, made if it is not there.

        Another thread that asks for an object in the making waits for it; those that ask for
        others do not.
        """
        while True:
            with self._lock:
                if key in self._objects:
                    self._objects.move_to_end(key)
                    return self._objects[key]
                made = self._making.get(key)
                if made is None:
                    made = self._making[key] = threading.Event()
                    break
            made.wait()
        try:
            found = make()
            with self._lock:
                self._objects[key] = found
                self._evict()
            return found
        finally:
            # Also after an error: a thread that waits makes it itself.
            with self._lock:
                del self._making[key]
            made.set()

    def keys(self) -> tuple[Hashable, ...]:
        """Return the keys, the least recently used first."""
        with self._lock:
            return tuple(self._objects)

    @property
    def n_bytes(self) -> int:
        """Memory of all objects."""
        with self._lock:
            return sum(item.n_bytes for item in self._objects.values())

    def _evict(self) -> None:
        total = sum(item.n_bytes for item in self._objects.values())
        while total > self.max_bytes and len(self._objects) > 1:
            total -= self._objects.popitem(last=False)[1].n_bytes

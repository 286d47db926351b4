"""FairLock: one model, asked by some threads while another one trains it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

__all__ = ["FairLock"]


class FairLock:
    """A lock that is had in turn: who trains step after step lets who waits go first.

    A thread that has its turn may take it again, as a callback does that asks for a prediction.

    Examples
    --------
    >>> lock = FairLock()
    >>> with lock.hold(), lock.hold():
    ...     pass
    """

    def __init__(self) -> None:
        self._next = threading.Lock()
        self._lock = threading.Lock()
        self._owner: int | None = None

    def __reduce__(self) -> tuple[type[FairLock], tuple[()]]:
        # A copy of a model, as scikit-learn's clone makes one, has turns of its own.
        return FairLock, ()

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Have a turn."""
        if self._owner == threading.get_ident():
            yield
            return
        self._take()
        try:
            yield
        finally:
            self._give()

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Give up the turn meanwhile, if this thread has it, and have it again afterwards.

        What is told to others must be told so: they may wait for something that a thread holds
        which itself waits for its turn.
        """
        if self._owner != threading.get_ident():
            yield
            return
        self._give()
        try:
            yield
        finally:
            self._take()

    def yield_to_waiting(self) -> None:
        """Let those go first who wait, and have the next turn after them."""
        self._give()
        self._take()

    def _take(self) -> None:
        # Whoever waits holds the first lock, so that no one comes before it.
        with self._next:
            self._lock.acquire()
        self._owner = threading.get_ident()

    def _give(self) -> None:
        self._owner = None
        self._lock.release()

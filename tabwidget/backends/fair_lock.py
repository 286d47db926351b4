"""FairLock: predictions of a model by some threads while another one trains it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

__all__ = ["FairLock"]


class FairLock:
    """A fair lock: waiting threads acquire it before the training thread can take it again.

    It is reentrant, since a callback may predict within the thread that trains.

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
        # A copy of a model, such as a clone by scikit-learn, gets a lock of its own.
        return FairLock, ()

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock."""
        if self._owner == threading.get_ident():
            yield
            return
        self._acquire()
        try:
            yield
        finally:
            self._release()

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Release the lock, if this thread holds it, and acquire it again afterwards.

        Callbacks must be called so: they may wait for a thread that waits for this lock.
        """
        if self._owner != threading.get_ident():
            yield
            return
        self._release()
        try:
            yield
        finally:
            self._acquire()

    def yield_to_waiting(self) -> None:
        """Release the lock to the threads that wait, and acquire it again after them."""
        self._release()
        self._acquire()

    def _acquire(self) -> None:
        # The first thread to wait holds `_next`, so that no other overtakes it.
        with self._next:
            self._lock.acquire()
        self._owner = threading.get_ident()

    def _release(self) -> None:
        self._owner = None
        self._lock.release()

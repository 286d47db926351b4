"""SurpriseScan: how surprising each cell is, computed in the background, what is seen first."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from tabwidget._typing import Floats, Ints
from tabwidget.session import background

__all__ = ["Score", "SurpriseScan"]

# Bits of some rows' cells in one column, NaN if missing.
Score: TypeAlias = Callable[[Ints, int], Floats]

MAX_ROWS = 3_000  # that are scored besides those on screen
MAX_KEPT = 20_000  # rows whose bits are kept
# Rows of a block. Most of the time goes to contexts without the rows, the same for few and many.
BLOCK, MAX_BLOCK = 32, 256
PIECE_SECONDS = 1.0  # of a block's column, above which blocks stop growing
MAX_REST = 0.2
MAX_BITS = 40.0  # of a value that the model excludes
NEWS_SECONDS = 0.25  # between notifications

_log = logging.getLogger(__name__)


class SurpriseScan:
    """Scores the rows of a table on a thread of its own, those on screen first.

    Parameters
    ----------
    score : callable
        Returns the bits of the cells of some rows, by their positions, in the column of an index:
        how much more surprising they are than was to be expected.
    n_columns : int
        Number of columns that are scored.
    n_rows : int
        Rows of the table. Of more than 3,000, evenly spaced ones are scored, besides those on
        screen.
    notify : callable
        Called now and then, on the scan's thread, while rows are scored, and at its end.

    Attributes
    ----------
    total : int
        Rows that are scored in the end, at least.
    pieces : int
        Columns of blocks scored so far: what `bits` returns changes with it.

    Examples
    --------
    >>> scan = SurpriseScan(lambda rows, column: np.ones(len(rows)), 2, 5, lambda: None)
    >>> scan.start()
    >>> scan.wait(10), scan.done, scan.bits([4])[4].tolist()
    (True, 5, [1.0, 1.0])
    """

    def __init__(
        self, score: Score, n_columns: int, n_rows: int, notify: Callable[[], None]
    ) -> None:
        self.total = min(n_rows, MAX_ROWS)
        self.pieces = 0
        self.error = ""
        self._score, self._notify = score, notify
        self._n_columns, self._n_rows = n_columns, n_rows
        spaced = np.linspace(0, n_rows - 1, self.total).round().astype(np.int64)
        self._left = list(dict.fromkeys(reversed(spaced.tolist())))
        self._seen: list[int] = []
        self._bits: dict[int, Floats] = {}
        self._partial: dict[int, Floats] = {}  # the block in progress
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._ended = threading.Event()
        self._ended.set()
        self._size = BLOCK
        self._news_at = 0.0

    @property
    def done(self) -> int:
        """Number of rows that have been scored."""
        return len(self._bits)

    @property
    def running(self) -> bool:
        """Whether rows are being scored."""
        return not self._ended.is_set()

    def start(self) -> None:
        """Begin, or go on; nothing happens while it is running."""
        with self._lock:
            self._stopped.clear()
            if self.running or self.error:
                return
            self._ended.clear()
        background.start(self, self._work, "tabwidget-surprise")

    def stop(self) -> None:
        """Stop after the column in progress; what was scored is kept."""
        self._stopped.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; return whether it has come."""
        return self._ended.wait(seconds)

    def look(self, positions: Sequence[int]) -> None:
        """Score these rows before all others."""
        with self._lock:
            self._seen = [row for row in positions if row not in self._bits][::-1]
        if self._seen:
            self.start()

    def bits(self, positions: Sequence[int]) -> dict[int, Floats]:
        """Return the bits of the cells of those rows that have been scored; NaN where not yet."""
        with self._lock:
            known = {row: self._bits[row] for row in positions if row in self._bits}
            known |= {row: self._partial[row] for row in positions if row in self._partial}
        return known

    def scored(self, positions: Sequence[int]) -> list[int]:
        """Return which of these rows have been scored in all columns."""
        with self._lock:
            return [row for row in positions if row in self._bits]

    def of_rows(self) -> Floats:
        """Return the bits of each row's most surprising cell; NaN where it was not scored."""
        found = np.full(self._n_rows, np.nan)
        with self._lock:
            known = list(self._bits.items())
        for row, bits in known:
            if not np.isnan(bits).all():
                found[row] = np.nanmax(bits)
        return found

    def cell(self, rank: int) -> tuple[int, int, float] | None:
        """Return the row, the column's index and the bits of the cell of a rank, from 0.

        None if fewer cells have been scored.
        """
        with self._lock:
            rows = list(self._bits)
            bits = np.array([self._bits[row] for row in rows])
        if not len(rows):
            return None
        flat = np.where(np.isnan(bits), -np.inf, bits).ravel()
        if not 0 <= rank < np.count_nonzero(np.isfinite(flat)):
            return None
        place = np.argsort(-flat, kind="stable")[rank]
        row, column = divmod(int(place), bits.shape[1])
        return rows[row], column, float(flat[place])

    def _work(self) -> None:
        try:
            while not self._stopped.is_set():
                rows = self._next()
                if not rows:
                    break
                self._block(rows)
        except Exception as error:
            # The model may be another one by now; the next scan is of that.
            self.error = f"{type(error).__name__}: {error}"
            _log.debug("the surprise of rows could not be computed", exc_info=error)
        finally:
            with self._lock:
                self._ended.set()
            self._notify()

    def _next(self) -> list[int]:
        """Return the rows of the next block."""
        with self._lock:
            rows: list[int] = []
            for source in (self._seen, self._left):
                while source and len(rows) < self._size:
                    row = source.pop()
                    if row not in self._bits and row not in rows:
                        rows.append(row)
            if not rows:
                # With the lock held, so that rows on screen from now on start another thread.
                self._ended.set()
            return rows

    def _block(self, rows: list[int]) -> None:
        positions = np.array(rows)
        bits = np.full((len(rows), self._n_columns), np.nan)
        self._partial = dict(zip(rows, bits, strict=True))
        slowest = 0.0
        for column in range(self._n_columns):
            with background.turn(self._stopped):
                began = time.monotonic()
                bits[:, column] = np.minimum(self._score(positions, column), MAX_BITS)
                took = time.monotonic() - began
            self.pieces += 1
            slowest = max(slowest, took)
            self._tell()
            # Half of the time is left to others.
            self._stopped.wait(min(took, MAX_REST))
            if self._stopped.is_set():
                with self._lock:
                    self._partial = {}
                    self._left.extend(reversed(rows))
                return
        with self._lock:
            self._bits.update(self._partial)
            self._partial = {}
            while len(self._bits) > MAX_KEPT:
                del self._bits[next(iter(self._bits))]
        if slowest < PIECE_SECONDS:
            self._size = min(2 * self._size, MAX_BLOCK)

    def _tell(self) -> None:
        now = time.monotonic()
        if now >= self._news_at:
            self._news_at = now + NEWS_SECONDS
            self._notify()

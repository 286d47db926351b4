"""SkillCheck: on how many columns the answers beat the table's own shares, in the background."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import numpy as np

from tabwidget._typing import Floats
from tabwidget.model import TabularLanguageModel
from tabwidget.session import background
from tabwidget.table import Column, Table

__all__ = ["SkillCheck"]

N_ROWS = 96  # that are predicted without being in the context
MAX_COLUMNS = 48  # of more, as many that are evenly spaced
MAX_REST = 1.0  # seconds between two columns, for those who ask

_log = logging.getLogger(__name__)


class SkillCheck:
    """Predicts rows that the model has not read, and compares with the table's shares.

    A column counts as better if its cells, given the rest of their rows, are less surprising than
    by the shares of its values in the table.

    Parameters
    ----------
    model : TabularLanguageModel
        A model of the table.
    table : Table
        The table.
    notify : callable
        Called on the check's thread at its end.

    Attributes
    ----------
    gains : dict of str to float
        By column, the mean bits per cell by which the answers beat the shares.

    Examples
    --------
    >>> from tabwidget import TabularLanguageModel
    >>> from tabwidget.table import as_table
    >>> iris = as_table("iris")
    >>> check = SkillCheck(TabularLanguageModel("pretrained").fit(iris), iris, lambda: None)
    >>> check.start()
    >>> check.wait(60), check.better
    (True, (5, 5))
    """

    def __init__(
        self, model: TabularLanguageModel, table: Table, notify: Callable[[], None]
    ) -> None:
        self.gains: dict[str, float] = {}
        self._model, self._table, self._notify = model, table, notify
        self._stopped, self._ended = threading.Event(), threading.Event()

    @property
    def better(self) -> tuple[int, int] | None:
        """Columns on which the answers are better, and columns checked; None before the end."""
        if not self._ended.is_set() or not self.gains:
            return None
        return sum(gain > 0 for gain in self.gains.values()), len(self.gains)

    def start(self) -> None:
        """Begin."""
        background.start(self, self._work, "tabwidget-skill")

    def stop(self) -> None:
        """Stop after the column in progress."""
        self._stopped.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; return whether it has come."""
        return self._ended.wait(seconds)

    def _work(self) -> None:
        try:
            targets = self._model.schema.targets
            chosen = np.linspace(0, len(targets) - 1, min(len(targets), MAX_COLUMNS))
            for place in chosen.round().astype(int):
                began = time.monotonic()
                with background.turn(self._stopped):
                    if self._stopped.is_set():
                        self.gains = {}
                        return
                    self._check(targets[place])
                self._stopped.wait(min(time.monotonic() - began, MAX_REST))
        except Exception as error:
            # A state of training that cannot answer: the next check is of the next model.
            self.gains = {}
            _log.debug("the skill could not be measured", exc_info=error)
        finally:
            self._ended.set()
            self._notify()

    def _check(self, name: str) -> None:
        cells = self._table.frame[name]
        known = np.flatnonzero(cells.notna())
        rows = known[np.linspace(0, len(known) - 1, min(len(known), N_ROWS)).round().astype(int)]
        bits = self._model.surprise(self._table.frame.iloc[rows], columns=[name])[name].to_numpy()
        column = self._model.schema[name]
        by_shares = _bits_by_shares(column, column.numbers(cells.to_numpy()))[rows]
        finite = np.isfinite(bits) & np.isfinite(by_shares)
        if finite.any():
            self.gains[name] = float((by_shares[finite] - bits[finite]).mean())


def _bits_by_shares(column: Column, numbers: Floats) -> Floats:
    """Return -log2 of the share of each cell's value among the other rows."""
    bits = np.full(len(numbers), np.nan)
    known = ~np.isnan(numbers)
    codes = column.codes(numbers[known])
    counts = np.bincount(codes[codes >= 0], minlength=len(column.support))
    others = np.where(codes >= 0, counts[codes] - 1, 0)
    # A value that no other row has is smoothed: it would surprise without limit.
    bits[known] = -np.log2((others + 0.5) / (known.sum() - 1 + 0.5 * len(counts)))
    return bits

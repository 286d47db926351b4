"""MissingCells: predictions for the missing cells on screen, each with its spread."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tabwidget._formatting import format_date
from tabwidget.inference.distribution import Distribution
from tabwidget.model import TabularLanguageModel
from tabwidget.session import background
from tabwidget.table import Table

__all__ = ["MissingCells", "PredictedCell", "predict_missing"]

MAX_KEPT = 20_000
_log = logging.getLogger(__name__)

MAX_DECIMALS = 6
_UNITS = (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0))


@dataclass(frozen=True)
class PredictedCell:
    """What the model predicts for a missing cell.

    Attributes
    ----------
    position : int
        Position of the row in the table.
    column : str
        The column.
    text : str
        A number with its standard deviation, or the likeliest level with its probability.
    """

    position: int
    column: str
    text: str


def predict_missing(
    model: TabularLanguageModel, table: Table, positions: Sequence[int], columns: Sequence[str]
) -> list[PredictedCell]:
    """Return predictions for the missing cells of some rows, each given the rest of its row.

    Parameters
    ----------
    model : TabularLanguageModel
        A model that is ready.
    table : Table
        The table it was fitted to.
    positions : sequence of int
        Positions of the rows.
    columns : sequence of str
        The columns; those that cannot be targets are skipped.

    Examples
    --------
    >>> from tabwidget import TabularLanguageModel
    >>> from tabwidget.table import as_table
    >>> penguins = as_table("penguins")
    >>> lm = TabularLanguageModel("pretrained", random_state=0).fit(penguins.frame)
    >>> [cell.column for cell in predict_missing(lm, penguins, [3, 4], ["sex", "body_mass_g"])]
    ['sex', 'body_mass_g']
    """
    rows = table.frame.take(list(positions))
    targets = model.schema.targets
    found = []
    for name in columns:
        column = table.schema[name]
        if name not in targets:
            continue
        at = np.flatnonzero(np.isnan(column.numbers(rows[name])))
        if not len(at):
            continue
        shares = model.predict_proba_many(rows.iloc[at], name)
        for place, probabilities in zip(at.tolist(), shares, strict=True):
            text = in_a_cell(Distribution(model.schema[name], probabilities))
            found.append(PredictedCell(int(positions[place]), name, text))
    return found


class MissingCells:
    """Predicts missing cells on a thread of its own, since a column's first answer takes long.

    Parameters
    ----------
    model : TabularLanguageModel
        A model that is ready.
    table : Table
        The table it was fitted to.
    notify : callable
        Called on that thread whenever more cells are known.

    Attributes
    ----------
    pieces : int
        Grows whenever more cells are known.

    Examples
    --------
    >>> from tabwidget import TabularLanguageModel
    >>> from tabwidget.table import as_table
    >>> penguins = as_table("penguins")
    >>> lm = TabularLanguageModel("pretrained", random_state=0).fit(penguins.frame)
    >>> cells = MissingCells(lm, penguins, lambda: None)
    >>> cells.look([8], ["sex"])
    >>> cells.wait(60), [cell.position for cell in cells.known([8, 9], ["sex"])]
    (True, [8])
    """

    def __init__(
        self, model: TabularLanguageModel, table: Table, notify: Callable[[], None]
    ) -> None:
        self.pieces = 0
        self._model, self._table, self._notify = model, table, notify
        self._known: dict[tuple[int, str], PredictedCell] = {}
        self._wanted: tuple[list[int], list[str]] = ([], [])
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._idle = threading.Event()
        self._idle.set()

    def look(self, positions: Sequence[int], columns: Sequence[str]) -> None:
        """Predict the missing cells of these rows and columns, and no longer any others."""
        with self._lock:
            self._stopped.clear()
            self._wanted = (list(positions), list(columns))
            if not self._idle.is_set():
                return
            self._idle.clear()
        background.start(self, self._work, "tabwidget-missing")

    def stop(self) -> None:
        """Predict no more cells."""
        self._stopped.set()
        with self._lock:
            self._wanted = ([], [])

    def known(self, positions: Sequence[int], columns: Sequence[str]) -> list[PredictedCell]:
        """Return what has been predicted of some cells."""
        with self._lock:
            keys = [(row, name) for row in positions for name in columns]
            return [self._known[key] for key in keys if key in self._known]

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is left to predict; return whether that is so."""
        return self._idle.wait(seconds)

    def _work(self) -> None:
        try:
            while True:
                with self._lock:
                    positions, columns = self._wanted
                    if not columns:
                        self._idle.set()
                        return
                    name = columns.pop(0)
                    rows = [row for row in positions if (row, name) not in self._known]
                with background.turn(self._stopped):
                    found = predict_missing(self._model, self._table, rows, [name])
                with self._lock:
                    self._known.update({(cell.position, name): cell for cell in found})
                    while len(self._known) > MAX_KEPT:
                        del self._known[next(iter(self._known))]
                    self.pieces += bool(found)
                if found:
                    self._notify()
        except Exception as error:
            # The model may be another one by now: its cells are predicted by another thread.
            _log.debug("missing cells could not be predicted", exc_info=error)
            self._idle.set()


def in_a_cell(distribution: Distribution) -> str:
    """Return a distribution in a few letters.

    Examples
    --------
    >>> from tabwidget.table import as_table
    >>> schema = as_table("penguins").schema
    >>> in_a_cell(Distribution(schema["sex"], [0.13, 0.87]))
    'male 87%'
    """
    if distribution.kind in ("categorical", "boolean"):
        share = float(np.max(distribution.probabilities))
        return f"{distribution.mode()} {'>99%' if 0.995 <= share < 1 else f'{share:.0%}'}"
    spread = distribution.std()
    if distribution.kind == "datetime":
        unit, seconds = next((u for u in _UNITS if spread >= u[1]), _UNITS[-1])
        return f"{format_date(distribution.median(), spread)} ± {spread / seconds:.0f} {unit}"
    # One digit of the spread, and the value to the same place.
    places = 0 if not spread > 0 else -math.floor(math.log10(spread))
    places = min(max(places, 0), MAX_DECIMALS)
    return f"{distribution.mean():.{places}f} ± {spread:.{places}f}"

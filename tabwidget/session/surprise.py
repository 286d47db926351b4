"""SurprisingCells: how surprising each cell of a table is, computed once per state of the model."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tabwidget._typing import Bools, Ints
from tabwidget.model import TabularLanguageModel

__all__ = ["SurprisingCells"]

# Rows asked at once: so few that a question never waits for long, and a whole batch of the model.
BLOCK_ROWS = 256


class SurprisingCells:
    """The surprise of a table's cells, remembered as long as the model stays what it is.

    Parameters
    ----------
    model : TabularLanguageModel
        A model of the table.
    frame : DataFrame
        The table.
    relative : bool, default False
        As in `TabularLanguageModel.surprise`.

    Examples
    --------
    >>> from tabwidget import datasets
    >>> iris = datasets.load("iris")
    >>> lm = TabularLanguageModel("pretrained", random_state=0).fit(iris)
    >>> cells = SurprisingCells(lm, iris)
    >>> cells.of(np.array([0, 149]), ["species"])["species"].round(1).tolist()
    [0.0, 0.2]
    """

    def __init__(
        self, model: TabularLanguageModel, frame: pd.DataFrame, relative: bool = False
    ) -> None:
        self._model, self._frame, self._relative = model, frame, relative
        self._version = _version(model)
        self._bits = np.full(frame.shape, np.nan, dtype=np.float32)
        self._known: Bools = np.zeros(frame.shape, dtype=bool)
        self._lock = threading.Lock()  # held for a block, so that no two threads compute it

    def current(self, model: TabularLanguageModel) -> bool:
        """Return whether these are the cells of a model in its present state."""
        return self._model is model and _same(self._version, _version(model))

    def of(self, rows: Ints, columns: Sequence[str]) -> pd.DataFrame:
        """Return the surprise of some cells, computed where it is not known yet.

        Parameters
        ----------
        rows : ndarray of int
            Positions of the rows.
        columns : sequence of str
            Columns that can be targets.

        Returns
        -------
        DataFrame
            The rows with all columns; NaN for missing cells and for the other columns.
        """
        names = list(self._frame.columns)
        # Column by column, since the model prepares for each of them.
        for name in columns:
            place = names.index(name)
            for start in range(0, len(rows), BLOCK_ROWS):
                self._compute(rows[start : start + BLOCK_ROWS], place)
        bits = np.full((len(rows), len(names)), np.nan)
        places = [names.index(name) for name in columns]
        bits[:, places] = self._bits[rows][:, places]
        return pd.DataFrame(bits, index=self._frame.index[rows], columns=self._frame.columns)

    def _compute(self, rows: Ints, place: int) -> None:
        with self._lock:
            rows = np.unique(rows[~self._known[rows, place]])
            if not len(rows):
                return
            name = self._frame.columns[place]
            found = self._model.surprise(
                self._frame.iloc[rows], columns=[name], relative=self._relative
            )
            self._bits[rows, place] = found[name]
            self._known[rows, place] = True


def _version(model: TabularLanguageModel) -> tuple[Any, ...]:
    """Return what changes with a model's answers: the fit, its weights in a pool, and its end."""
    return model.state, model.trained, tuple(model.gains.items()), model.state.reason


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    # A state is compared by identity: every fit has another.
    return one[0] is other[0] and one[1:] == other[1:]

"""ScoringMethods: how likely rows and cells are, and whether the predictions are calibrated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import pandas as pd

from tabwidget._typing import Floats, Ints
from tabwidget.errors import ConfigError, EvidenceError
from tabwidget.inference.calibration import calibration_table
from tabwidget.inference.surprise import relative_surprise, surprise
from tabwidget.model.queries import QueryMethods

__all__ = ["ScoringMethods"]


class ScoringMethods(QueryMethods):
    """Methods of `TabularLanguageModel` that compare its predictions with observed cells."""

    @overload
    def log_likelihood(self, frame: pd.DataFrame) -> Floats: ...

    @overload
    def log_likelihood(self, frame: pd.DataFrame, *, per_cell: bool) -> Floats | pd.DataFrame: ...

    def log_likelihood(
        self, frame: pd.DataFrame, *, per_cell: bool = False
    ) -> Floats | pd.DataFrame:
        """Return the log-probability of each row's cells, in nats.

        A number contributes the probability of its value or bin of the support, so that rows are
        comparable whatever the units. Free text is evidence for single cells (`per_cell`) and
        otherwise not part of the likelihood.

        Parameters
        ----------
        frame : DataFrame
            Rows; columns may be missing.
        per_cell : bool, default False
            Return log p(cell | rest of the row) of each cell instead, to find anomalous cells.

        Returns
        -------
        ndarray of shape (n_rows,), or DataFrame of shape (n_rows, n_columns)
            NaN for missing cells, minus infinity for a value never seen in training.
        """
        rows = self.schema.rows(frame)
        if not per_cell:
            rows[:, len(self.schema.targets) :] = np.nan
            return self.backend_.chain(rows).sum(1)
        names = self.schema.targets
        cells = {name: np.full(len(rows), np.nan) for name in names}
        for name, present, probabilities in self._cell_predictions(rows, names):
            codes = self.schema[name].codes(rows[present, names.index(name)])
            cells[name][present] = -math.log(2) * surprise(probabilities, codes)
        return pd.DataFrame(cells, index=frame.index)

    def surprise(
        self,
        frame: pd.DataFrame,
        *,
        columns: Sequence[str] | None = None,
        relative: bool = False,
    ) -> pd.DataFrame:
        """Return how surprising each cell is given the rest of its row, in bits.

        Rows of the fitted table are left out of the context that they are predicted from.

        Parameters
        ----------
        frame : DataFrame
            Rows.
        columns : sequence of str, optional
            Columns whose cells are scored; all by default. The others are evidence alone.
        relative : bool, default False
            By how much the surprise exceeds what was to be expected, instead of -log2 p: see
            `tabwidget.inference.surprise.relative_surprise`. To be compared between columns.

        Returns
        -------
        DataFrame
            Of the shape of `frame`; NaN for missing cells and columns that are not scored, also
            free text and ignored columns. Infinite for a value never seen in training.

        Raises
        ------
        NotFittedError, ColumnError
            If the model is not fitted, or a column cannot be a target.

        Examples
        --------
        >>> from tabwidget import TabularLanguageModel, datasets
        >>> iris = datasets.load("iris")
        >>> lm = TabularLanguageModel("pretrained", random_state=0).fit(iris)
        >>> odd = iris.assign(species=["virginica", *iris["species"][1:]])
        >>> lm.surprise(odd.head(3), columns=["species"])["species"].idxmax()
        0
        """
        rows = self.schema.rows(frame)
        chosen = self.schema.targets if columns is None else tuple(columns)
        wanted = [self.schema.target_column(name).name for name in chosen]
        places = {str(name): place for place, name in enumerate(frame.columns)}
        bits = np.full(frame.shape, np.nan)
        for name, present, probabilities in self._cell_predictions(rows, wanted):
            column = self.schema[name]
            numbers = rows[present, self.schema.targets.index(name)]
            codes = column.codes(numbers)
            bits[present, places[name]] = (
                relative_surprise(column, probabilities, codes, numbers)
                if relative
                else surprise(probabilities, codes)
            )
        return pd.DataFrame(bits, index=frame.index, columns=frame.columns)

    def calibration(self, target: str, frame: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return a calibration table of p(target | all other columns).

        Parameters
        ----------
        target : str
            The target column.
        frame : DataFrame, optional
            Rows not used for training; the validation rows of the last fit by default.

        Returns
        -------
        DataFrame
            For levels, predictions binned by the probability of the likeliest level: its mean
            ``predicted``, its accuracy ``observed``, and ``n``. For numbers, the coverage
            ``observed`` of the central interval of each ``share``, and ``n``. ``attrs["ece"]`` is
            the expected calibration error, the mean absolute difference of the two.

        Raises
        ------
        ConfigError
            Without a frame, if the model was loaded: rows are not saved.
        EvidenceError
            If the target is missing in every row.
        """
        column = self.schema.target_column(target)
        index = self.schema.targets.index(target)
        if frame is not None:
            rows = self.schema.rows(frame)
            rows = rows[np.isfinite(rows[:, index])]
            found = self._predict(rows, np.full(len(rows), index))
            truth = rows[:, index]
        else:
            if self.table_ is None:
                raise ConfigError(
                    "a loaded model has no validation rows: give calibration() a frame"
                )
            rows = self.schema.rows(self.table_.frame)
            numbers, found = self.backend_.validation_predictions(rows, index)
            truth = rows[numbers, index]
        if not len(truth):
            raise EvidenceError(f"column {target!r} is missing in every row: give other rows")
        return calibration_table(column, found[:, : len(column.support)], truth)

    def _cell_predictions(
        self, rows: Floats, names: Sequence[str]
    ) -> Iterator[tuple[str, Ints, Floats]]:
        """Yield the rows that have a cell of each column, and its out-of-sample predictions."""
        for name in names:
            index = self.schema.targets.index(name)
            present = np.flatnonzero(np.isfinite(rows[:, index]))
            if len(present):
                targets = np.full(len(present), index)
                found = self.backend_.predict_out_of_sample(rows[present], targets).probabilities
                yield name, present, found[:, : len(self.schema[name].support)]

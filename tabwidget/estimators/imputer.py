"""LanguageModelImputer: missing cells from p(cell | observed cells of the row)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from tabwidget._typing import Floats
from tabwidget.config import DiscretizationConfig
from tabwidget.errors import ColumnError, ConfigError
from tabwidget.estimators.base import (
    LanguageModelEstimator,
    array_dtype,
    check_count,
    known_cells,
    warn_of_columns,
)
from tabwidget.estimators.candidates import nearest_shares
from tabwidget.estimators.discretization import candidates, collapsed
from tabwidget.estimators.parameters import SharedParameters, with_parameters
from tabwidget.inference.distribution import quantiles
from tabwidget.inference.sampling import draw
from tabwidget.model import TabularLanguageModel
from tabwidget.table.column import Column
from tabwidget.table.dtypes import as_dtype
from tabwidget.table.values import is_missing

__all__ = ["LanguageModelImputer"]

Mask: TypeAlias = NDArray[np.bool_]
Strategy: TypeAlias = Literal["auto", "mean", "mode", "median", "draw"]

STRATEGIES = ("auto", "mean", "mode", "median", "draw")


@with_parameters
class ImputerParameters(SharedParameters):
    """Parameters of `LanguageModelImputer`, which documents them."""

    strategy: Strategy = "auto"
    n_imputations: int = 1
    discretization: DiscretizationConfig | Mapping[str, DiscretizationConfig] | None = None
    add_indicator: bool = False
    keep_empty_features: bool = False


class LanguageModelImputer(TransformerMixin, ImputerParameters, LanguageModelEstimator):  # type: ignore[misc]
    """Fill missing cells from a language model of the table.

    Each cell is filled from its exact distribution given the observed cells of its row. None,
    NaN and infinite numbers are missing. A column that cannot be a target, such as an identifier
    or free text, keeps its missing cells, with a warning.

    The other parameters are those of `LanguageModelEstimator`.

    Parameters
    ----------
    strategy : {"auto", "mean", "mode", "median", "draw"}, default "auto"
        How a cell's distribution is reduced. "auto" is the mean of a number, which minimizes the
        squared error, and the mode of a category, which maximizes the accuracy; "mean" and
        "median" take the mode of a category too. "draw" samples the missing cells of a row
        jointly, so that they are consistent and vary as the observed ones do. Integers are
        rounded.
    n_imputations : int, default 1
        Tables that `multiple` returns.
    discretization : DiscretizationConfig or mapping of str to it, optional
        Restrict numbers to a few observed values; for all columns, or by column. "draw" and
        `multiple` ignore it.
    add_indicator : bool, default False
        Append a missing indicator for each column with missing cells at `fit`.
    keep_empty_features : bool, default False
        Columns without any value at `fit` are dropped; True keeps them, filled with 0 if numeric,
        else missing. As in scikit-learn's imputers.
    generation : GenerationConfig, optional
        Temperature and truncation of draws, and how `n_samples` draws are reduced (`aggregate`);
        by default, one draw from the model's distribution unchanged.

    Attributes
    ----------
    lm_ : TabularLanguageModel
        The fitted language model.
    n_features_in_ : int
        Number of columns at `fit`.
    feature_names_in_ : ndarray of str
        Their names, if `X` was a DataFrame that has them.

    Examples
    --------
    >>> from tabwidget.config import TrainingConfig
    >>> frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0] * 10, "y": ["a", "a", "b", "b"] * 10})
    >>> frame.loc[0, "x"] = None
    >>> imputer = LanguageModelImputer(training=TrainingConfig(max_steps=20), random_state=0)
    >>> int(imputer.fit_transform(frame).isna().sum().sum())
    0
    """

    _supported_generation: ClassVar[frozenset[str]] = frozenset(
        {"aggregate", "n_samples", "temperature", "top_k", "top_p"}
    )

    _empty: tuple[str, ...]  # columns without any value at fit
    _gappy: tuple[str, ...]  # columns with missing cells at fit
    _training_rows: pd.DataFrame | None

    @classmethod
    def from_fitted(cls, lm: TabularLanguageModel, **params: Any) -> Self:
        """Return an imputer of all columns of a fitted model; nothing is trained.

        Parameters
        ----------
        lm : TabularLanguageModel
            A fitted model.
        **params
            Parameters of the constructor.
        """
        imputer = cls._over(lm, **params)
        imputer._check_params(imputer._names)
        imputer._empty = ()
        imputer._gappy = tuple(name for name, column in lm.schema.items() if column.missing)
        imputer._training_rows = None if lm.table_ is None else lm.table_.frame
        return imputer

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit a language model to the table; its missing cells are skipped.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.
        """
        frame = self._frame(X, reset=True)
        self._check_params(self._names)
        lm = self._learn(frame)
        self._empty = tuple(name for name in self._names if name not in lm.schema)
        self._gappy = tuple(name for name in self._names if missing_cells(frame[name]).any())
        self._training_rows = frame
        self.lm_ = lm
        return self

    def transform(self, X: Any) -> Any:
        """Return the rows with their missing cells filled.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_features_out)
            Of the type of `X`; a DataFrame keeps its index and dtypes.
        """
        check_is_fitted(self)
        frame = self._frame(X, reset=False)
        evidence, missing = self._observed_and_missing(frame)
        if self.strategy == "draw":
            filled = self._drawn(evidence, missing, self._rng())
        else:
            filled = {name: self._reduced(evidence[rows], name) for name, rows in missing.items()}
        return self._output(X, frame, missing, filled)

    def multiple(self, X: Any) -> list[Any]:
        """Return `n_imputations` tables, each with new draws of the missing cells.

        Run the analysis on each, and pool its estimates with `tabwidget.estimators.pooling.pool`.
        The draws come from one fitted model: the uncertainty of its weights is not included.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        """
        check_is_fitted(self)
        frame = self._frame(X, reset=False)
        evidence, missing = self._observed_and_missing(frame)
        rng = self._rng()
        tables = []
        for _ in range(self.n_imputations):
            filled = self._drawn_once(evidence, missing, rng)
            tables.append(self._output(X, frame, missing, filled))
        return tables

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the column names of the output of `transform`.

        Parameters
        ----------
        input_features : array-like of str, optional
            Checked against the names at `fit`.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        label = dict(zip(self._names, names, strict=True))
        kept = [label[name] for name in self._names if self._keeps(name)]
        flags = [f"missingindicator_{label[name]}" for name in self._flagged()]
        return np.array([*kept, *flags], dtype=object)

    def _check_params(self, names: Sequence[str]) -> None:
        if self.strategy not in STRATEGIES:
            raise ConfigError(f"strategy must be {', '.join(STRATEGIES)}, not {self.strategy!r}")
        check_count(self.n_imputations, "n_imputations")
        configs = self.discretization
        if configs is None:
            return
        if not isinstance(configs, Mapping):
            configs = {"every column": configs}
        elif unknown := [name for name in configs if name not in names]:
            raise ColumnError(f"discretization has column {unknown[0]!r}, but X does not")
        for name, config in configs.items():
            if not isinstance(config, DiscretizationConfig):
                kind = type(config).__name__
                raise ConfigError(
                    f"discretization of {name} must be a DiscretizationConfig, not {kind}"
                )
            config.validate()

    def _observed_and_missing(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Mask]]:
        """Return the evidence, and the mask of the missing cells of each target column."""
        schema = self.lm_.schema
        missing = {name: missing_cells(frame[name]) for name in self._names}
        missing = {name: rows for name, rows in missing.items() if rows.any()}
        left = [name for name in missing if name in schema and name not in schema.targets]
        warn_of_columns(
            "cells stay missing where a column cannot be a target",
            {name: schema[name].note for name in left},
            stacklevel=4,
        )
        missing = {name: rows for name, rows in missing.items() if name in schema.targets}
        return known_cells(frame, schema), missing

    def _reduced(self, evidence: pd.DataFrame, name: str) -> Floats:
        """Return a column's distribution in each row, reduced to one number or code."""
        column = self.lm_.schema[name]
        probabilities = self.lm_.predict_proba_many(evidence, name, generation=self.generation)
        config = self._discretization_of(name)
        if column.is_number and config is not None and config.bins:
            return self._on_candidates(probabilities, column, config)
        if column.is_number and self.strategy in ("auto", "mean"):
            return collapsed(probabilities, column.grid)
        if column.is_number and self.strategy == "median":
            return quantiles(column, probabilities, 0.5)
        return column.grid[(probabilities / column.widths).argmax(axis=1)]

    def _discretization_of(self, name: str) -> DiscretizationConfig | None:
        if isinstance(self.discretization, Mapping):
            return self.discretization.get(name)
        return self.discretization

    def _on_candidates(
        self, probabilities: Floats, column: Column, config: DiscretizationConfig
    ) -> Floats:
        rows = self._training_rows
        cells = column.grid if rows is None else column.numbers(rows[column.name])
        few = candidates(cells, config)
        return collapsed(probabilities @ nearest_shares(column, few), few, config.estimate)

    def _drawn(
        self, evidence: pd.DataFrame, missing: Mapping[str, Mask], rng: np.random.Generator
    ) -> dict[str, Floats]:
        n = 1 if self.generation is None else self.generation.n_samples
        draws = [self._drawn_once(evidence, missing, rng) for _ in range(n)]
        if n == 1:
            return draws[0]
        return {name: self._aggregated(name, [each[name] for each in draws]) for name in missing}

    def _aggregated(self, name: str, draws: Sequence[Floats]) -> Floats:
        assert self.generation is not None
        column, aggregate = self.lm_.schema[name], self.generation.aggregate
        if column.is_number:
            return np.array([float(aggregate(cell.tolist(), True)) for cell in np.stack(draws, 1)])
        levels = np.stack([column.restore(each) for each in draws], axis=1)
        return column.numbers([aggregate(cell.tolist(), False) for cell in levels])

    def _drawn_once(
        self, evidence: pd.DataFrame, missing: Mapping[str, Mask], rng: np.random.Generator
    ) -> dict[str, Floats]:
        """Sample each column in turn, given the observed cells and those sampled before it."""
        known, drawn = evidence.copy(), {}
        for name in rng.permutation(list(missing)):
            rows, column = missing[name], self.lm_.schema[name]
            found = self.lm_.predict_proba_many(known[rows], name, generation=self.generation)
            drawn[name] = draw(found, column, rng, self.generation)
            known[name] = with_cells(known[name], rows, drawn[name], column)
        return drawn

    def _keeps(self, name: str) -> bool:
        return self.keep_empty_features or name not in self._empty

    def _flagged(self) -> tuple[str, ...]:
        return self._gappy if self.add_indicator else ()

    def _output(
        self,
        X: Any,
        frame: pd.DataFrame,
        missing: Mapping[str, Mask],
        filled: Mapping[str, Floats],
    ) -> Any:
        """Return the frame with its missing cells filled, as the type of `X`."""
        columns: list[pd.Series] = []
        for name in filter(self._keeps, self._names):
            cells = frame[name]
            if name in missing:
                cells = with_cells(cells, missing[name], filled[name], self.lm_.schema[name])
            elif name in self._empty and pd.api.types.is_numeric_dtype(cells.dtype):
                cells = cells.where(~missing_cells(cells), 0)
            columns.append(cells)
        flags = [pd.Series(missing_cells(frame[n]), index=frame.index) for n in self._flagged()]
        labels = list(self._names)
        if isinstance(X, pd.DataFrame) and not hasattr(self, "feature_names_in_"):
            labels = list(X.columns)
        labels = [label for label, n in zip(labels, self._names, strict=True) if self._keeps(n)]
        labels += [f"missingindicator_{name}" for name in self._flagged()]
        parts = dict(enumerate([*columns, *flags]))
        out = pd.DataFrame(parts, index=frame.index).set_axis(labels, axis=1)
        if isinstance(X, pd.DataFrame) or hasattr(X, "to_pandas"):
            return out
        return out.to_numpy(dtype=array_dtype(X))


def missing_cells(cells: pd.Series) -> Mask:
    """Return which cells are missing: None, NaN, NaT, NA and infinite numbers.

    Examples
    --------
    >>> missing_cells(pd.Series([1.0, None, float("inf")])).tolist()
    [False, True, True]
    """
    if pd.api.types.is_float_dtype(cells.dtype):
        return ~np.isfinite(cells.to_numpy(dtype=np.float64, na_value=np.nan))
    if cells.dtype == "object":
        return np.array([is_missing(cell) for cell in cells], dtype=bool)
    return cells.isna().to_numpy(dtype=bool)


def with_cells(cells: pd.Series, rows: Mask, numbers: Floats, column: Column) -> pd.Series:
    """Return a column with some cells replaced by the column's values for numbers or codes.

    The dtype is kept if it can hold them.
    """
    dtype = cells.dtype
    if rows.all():
        # An empty column's dtype says nothing: take that at fit.
        dtype = pd.api.types.pandas_dtype(column.dtype)
    values = as_dtype(column.restore(numbers), dtype, column)
    if rows.all():
        return values.set_axis(cells.index)
    if isinstance(dtype, pd.CategoricalDtype):
        levels = pd.Index(column.restore(numbers)).difference(dtype.categories)
        cells, values = cells.cat.add_categories(levels), pd.Series(column.restore(numbers))
    elif values.dtype != dtype:
        cells = cells.astype(object)
    out = cells.copy()
    out.iloc[np.flatnonzero(rows)] = values.array
    return out

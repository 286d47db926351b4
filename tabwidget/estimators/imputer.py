"""LanguageModelImputer: missing cells, each filled given all that is known of its row."""

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
    """Parameters of a `LanguageModelImputer`, which explains them."""

    strategy: Strategy = "auto"
    n_imputations: int = 1
    discretization: DiscretizationConfig | Mapping[str, DiscretizationConfig] | None = None
    add_indicator: bool = False
    keep_empty_features: bool = False


class LanguageModelImputer(TransformerMixin, ImputerParameters, LanguageModelEstimator):  # type: ignore[misc]
    """Fill missing cells with what a language model of the table says of them.

    Every cell is answered given all observed cells of its row, whichever they are, by exact
    probabilities. None, NaN and infinite numbers are missing. A column that
    cannot be asked for, such as an identifier or free text, keeps its missing cells, with a
    warning.

    Parameters that are not listed here are those of `LanguageModelEstimator`.

    Parameters
    ----------
    strategy : {"auto", "mean", "mode", "median", "draw"}, default "auto"
        What becomes of a cell's distribution. "auto" is the mean of numbers, which has the least
        squared error, and the likeliest of levels, which is right most often. With "mean" and
        "median" levels are filled so as well. "draw" draws the missing cells of a row together,
        so that they fit each other and vary as the observed ones do. Whole numbers are rounded.
    n_imputations : int, default 1
        Tables that `multiple` returns.
    discretization : DiscretizationConfig or mapping of str to it, optional
        Answer numbers on a few observed values instead; for all columns, or by column. Draws do
        not look at it.
    add_indicator : bool, default False
        Append a column for each that had missing cells at `fit`: where they were.
    keep_empty_features : bool, default False
        Columns without any value at `fit` are left out; True keeps them, filled with 0 if they are
        of numbers, else missing. As scikit-learn's imputers do.
    generation : GenerationConfig, optional
        Temperature and truncation of draws, and how `n_samples` draws become one (`aggregate`);
        the plain distribution, and one draw, by default.

    Attributes
    ----------
    lm_ : TabularLanguageModel
        What answers.
    n_features_in_ : int
        Number of columns at `fit`.
    feature_names_in_ : ndarray of str
        Their names, if they have them.

    Examples
    --------
    >>> from tabwidget.config import TrainingConfig
    >>> frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0] * 10, "y": ["a", "a", "b", "b"] * 10})
    >>> frame.loc[0, "x"] = None
    >>> imputer = LanguageModelImputer(training=TrainingConfig(max_steps=20), random_state=0)
    >>> int(imputer.fit_transform(frame).isna().sum().sum())
    0
    """

    _draws_by: ClassVar[frozenset[str]] = frozenset(
        {"aggregate", "n_samples", "temperature", "top_k", "top_p"}
    )

    _empty: tuple[str, ...]  # columns without any value at fit
    _gappy: tuple[str, ...]  # those with missing cells at fit
    _learned: pd.DataFrame | None

    @classmethod
    def from_fitted(cls, lm: TabularLanguageModel, **params: Any) -> Self:
        """Return an imputer of all columns of a fitted model; nothing is trained.

        Parameters
        ----------
        lm : TabularLanguageModel
            A fitted one.
        **params
            Of the constructor.
        """
        imputer = cls(prefit=lm, **params)
        imputer._check_params(list(lm.schema))
        imputer._adopt(lm)
        imputer._empty = ()
        imputer._gappy = tuple(name for name, column in lm.schema.items() if column.missing)
        imputer._learned = None if lm.table_ is None else lm.table_.frame
        return imputer

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn a table as it is: a missing cell is simply absent from its row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        y : None
            Not used.
        """
        frame = self._frame(X, reset=True)
        self._check_params(self._names)
        lm = self._learn(frame)
        self._empty = tuple(name for name in self._names if name not in lm.schema)
        self._gappy = tuple(name for name in self._names if missing_cells(frame[name]).any())
        self._learned = frame
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
            As it came: a DataFrame keeps its index and dtypes.
        """
        check_is_fitted(self)
        frame = self._frame(X, reset=False)
        asked, missing = self._known_and_missing(frame)
        if self.strategy == "draw":
            filled = self._drawn(asked, missing, self._rng())
        else:
            filled = {name: self._answered(asked[rows], name) for name, rows in missing.items()}
        return self._output(X, frame, missing, filled)

    def multiple(self, X: Any) -> list[Any]:
        """Return `n_imputations` tables, each with other draws of the missing cells.

        An analysis is made on each, and its estimates are pooled by
        `tabwidget.estimators.pooling.pool`. The draws come from one fitted model, whose own
        uncertainty they do not hold.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        """
        check_is_fitted(self)
        frame = self._frame(X, reset=False)
        asked, missing = self._known_and_missing(frame)
        rng = self._rng()
        tables = []
        for _ in range(self.n_imputations):
            filled = self._drawn_once(asked, missing, rng)
            tables.append(self._output(X, frame, missing, filled))
        return tables

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of the columns of what `transform` returns.

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
            raise ConfigError(f"strategy={self.strategy!r} is none of {', '.join(STRATEGIES)}")
        check_count(self.n_imputations, "n_imputations")
        configs = self.discretization
        if configs is None:
            return
        if not isinstance(configs, Mapping):
            configs = {"every column": configs}
        elif unknown := [name for name in configs if name not in names]:
            raise ColumnError(f"discretization names a column {unknown[0]!r} that X does not have")
        for name, config in configs.items():
            if not isinstance(config, DiscretizationConfig):
                kind = type(config).__name__
                raise ConfigError(f"discretization of {name} is a DiscretizationConfig, not {kind}")
            config.validate()

    def _known_and_missing(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Mask]]:
        """Return what the model can be told, and where cells of each column it can answer lack."""
        schema = self.lm_.schema
        missing = {name: missing_cells(frame[name]) for name in self._names}
        missing = {name: rows for name, rows in missing.items() if rows.any()}
        left = [name for name in missing if name in schema and name not in schema.targets]
        warn_of_columns(
            "missing cells stay so where a column cannot be asked for",
            {name: schema[name].note for name in left},
            stacklevel=4,
        )
        missing = {name: rows for name, rows in missing.items() if name in schema.targets}
        return known_cells(frame, schema), missing

    def _answered(self, asked: pd.DataFrame, name: str) -> Floats:
        """Return one number for each row: what is said of a column given the others."""
        column = self.lm_.schema[name]
        probabilities = self.lm_.predict_proba_many(asked, name, generation=self.generation)
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
        cells = column.grid if self._learned is None else column.numbers(self._learned[column.name])
        few = candidates(cells, config)
        return collapsed(probabilities @ nearest_shares(column, few), few, config.estimate)

    def _drawn(
        self, asked: pd.DataFrame, missing: Mapping[str, Mask], rng: np.random.Generator
    ) -> dict[str, Floats]:
        n = 1 if self.generation is None else self.generation.n_samples
        draws = [self._drawn_once(asked, missing, rng) for _ in range(n)]
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
        self, asked: pd.DataFrame, missing: Mapping[str, Mask], rng: np.random.Generator
    ) -> dict[str, Floats]:
        """Draw each column in turn, given all that is observed or drawn before it."""
        known, drawn = asked.copy(), {}
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
        """Return the frame, its missing cells filled, as `X` came."""
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
    """Return a column with some of its cells replaced by numbers, as values of the column.

    The dtype stays as it is, unless it cannot hold them.
    """
    dtype = cells.dtype
    if rows.all():
        # Nothing tells how the cells are meant, but the column does.
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

"""LanguageModelEstimator: the base class of all estimators, over one TabularLanguageModel."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from tabwidget.callbacks import as_list
from tabwidget.config import (
    GenerationConfig,
    LoRAConfig,
    ModelConfig,
    QuantizationConfig,
    TrainingConfig,
)
from tabwidget.errors import ConfigError, TableError
from tabwidget.estimators.parameters import SharedParameters
from tabwidget.model import TabularLanguageModel
from tabwidget.params import Config, NestedParams, warn_unused
from tabwidget.serializers import resolve_serializer
from tabwidget.table import Table, TableSchema
from tabwidget.table.column import Column
from tabwidget.table.infer import infer_column
from tabwidget.table.values import listed

__all__ = [
    "LanguageModelEstimator",
    "array_dtype",
    "check_config",
    "check_count",
    "check_labels_present",
    "known_cells",
    "warn_of_columns",
]

# Fields of `ModelConfig` that are parameters of an estimator too.
_LOADING = (
    "model",
    "lora",
    "quantization",
    "precision",
    "device",
    "tokenizer",
    "trust_remote_code",
    "attn_implementation",
)


class LanguageModelEstimator(SharedParameters, NestedParams, BaseEstimator):  # type: ignore[misc]  # sklearn: no types
    """The constructor, the validation of `X` and the language model of every estimator.

    X is a DataFrame, whose columns are matched by name, or an array, whose columns are named
    ``x0``, ``x1``, … Numbers, text, booleans and dates may be mixed, and cells may be missing
    (None, NaN or infinite). Sample weights are not supported.

    An estimator from `from_fitted`, or a clone of one, keeps its fitted model: its `fit` trains
    nothing and only checks the columns.

    Parameters
    ----------
    backend : str or Backend, default "auto"
        The backend: "auto" pools a pretrained model of tables with one trained on the rows;
        `model`, `lora` or `quantization` choose one that fine-tunes a language model. See
        `tabwidget.backends.choose`.
    serializer : str or Serializer, default "json"
        The text form of a row: "json", "key-value", "bracket" or an instance.
    max_decimals : int or None, default 3
        Decimals of numbers, if the serializer is chosen by name.
    training : TrainingConfig, optional
        How long to train. By default until the validation loss no longer falls: seconds for
        hundreds of rows, minutes for tens of thousands. ``TrainingConfig(max_seconds=10)`` bounds
        it.
    generation : GenerationConfig, optional
        How values are sampled, in the estimators that sample.
    model_config : ModelConfig, optional
        Size of the model, and how it is loaded.
    model, lora, quantization, precision, device, tokenizer, trust_remote_code, attn_implementation
        Fields of `ModelConfig`; where one differs from its default, it overrides `model_config`.
    callbacks : Callback or list of Callback, optional
        Receive every event of a fit.
    random_state : int, RandomState or None, default None
        Random seed.

    Attributes
    ----------
    lm_ : TabularLanguageModel
        The fitted language model.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of str
        Their names, if `X` was a DataFrame that has them.
    """

    lm_: TabularLanguageModel
    feature_names_in_: NDArray[Any]
    _names: list[str]

    # Set by `from_fitted` and kept by `clone`.
    _fitted_lm: TabularLanguageModel | None = None
    _fitted_target: str | None = None

    _nested: ClassVar[dict[str, type[Config]]] = {
        "training": TrainingConfig,
        "generation": GenerationConfig,
        "model_config": ModelConfig,
        "lora": LoRAConfig,
        "quantization": QuantizationConfig,
    }

    # Fields of `generation` that have an effect.
    _supported_generation: ClassVar[frozenset[str]] = frozenset()

    def __sklearn_clone__(self) -> Self:
        copy: Self = super().__sklearn_clone__()
        copy._fitted_lm, copy._fitted_target = self._fitted_lm, self._fitted_target
        return copy

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "lm_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def _language_model(self) -> TabularLanguageModel:
        """Return the unfitted language model of the parameters."""
        return TabularLanguageModel(
            backend=self.backend,
            serializer=resolve_serializer(self.serializer, self.max_decimals),
            training=self.training,
            model_config=self._model_config(),
            callbacks=as_list(self.callbacks),
            random_state=self._seed(),
        )

    def _model_config(self) -> ModelConfig:
        config = (
            ModelConfig() if self.model_config is None else clone(self.model_config, safe=False)
        )
        check_config(config, ModelConfig, "model_config")
        default = ModelConfig().get_params(deep=False)
        for name in _LOADING:
            value = getattr(self, name)
            # By `is` first: a loaded model may not support ==.
            if value is not default[name] and not _same(value, default[name]):
                setattr(config, name, value)
        config.validate()
        return config

    def _seed(self) -> int | None:
        """Return the seed of one fit; a RandomState gives each fit a new one."""
        if self.random_state is None or isinstance(self.random_state, Integral):
            return None if self.random_state is None else int(self.random_state)
        # Raises for any other type.
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self._seed())

    def _learn(
        self,
        frame: pd.DataFrame,
        *,
        targets: Sequence[str] = (),
        levels: Sequence[str] = (),
        binned_by: NDArray[np.int64] | None = None,
    ) -> TabularLanguageModel:
        """Fit a language model to a frame, or return that of `from_fitted` after a column check.

        Columns without any value are ignored. `targets` are never ignored; columns in `levels`
        are categorical, however many levels they have. Numbers are binned by the rows
        `binned_by`, which may repeat.
        """
        check_config(self.generation, GenerationConfig, "generation")
        backend = self.backend if isinstance(self.backend, str) else self.backend.name
        warn_unused(self.generation, self._supported_generation, backend)
        if self._fitted_lm is not None:
            schema = self._fitted_lm.schema
            for name in frame.columns:
                schema[name]
            for name in targets:
                schema.target_column(name)
            return self._fitted_lm
        lm = self._language_model()
        if targets:
            frame = frame.apply(lambda cells: cells if cells.name in levels else _as_numbers(cells))
        names = [name for name in frame.columns if _has_value(frame[name])]
        columns = [_column(frame[name], name, targets, levels) for name in names]
        if targets:
            # The fix in a note needs the Table, which is not the user's here.
            notes = {
                c.name: c.note.partition(". Table(")[0] for c in columns if c.role == "ignored"
            }
            warn_of_columns("ignored columns", notes, stacklevel=4)
        if binned_by is not None:
            columns = [_binned(column, frame[column.name].iloc[binned_by]) for column in columns]
        schema = TableSchema(columns)
        return lm.fit(Table(frame[names], schema=schema), target_cols=[*targets])

    def _frame(self, X: Any, *, reset: bool) -> pd.DataFrame:
        """Return `X` as a frame, its columns in the order of `fit`.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        reset : bool
            True in `fit`, which sets the columns; False in later calls, which check them.
        """
        if not isinstance(X, pd.DataFrame) and hasattr(X, "to_pandas"):
            X = X.to_pandas()
        if not isinstance(X, pd.DataFrame):
            # NumPy would turn a list's numbers into strings where one item is a string.
            X = X if hasattr(X, "__array__") or issparse(X) else np.asarray(X, dtype=object)
            X = check_array(X, dtype=None, ensure_all_finite=False, estimator=self, input_name="X")
        elif X.columns.has_duplicates:
            twice = X.columns[X.columns.duplicated()][0]
            raise TableError(f"the column name {twice!r} is not unique: rename one of the columns")
        if reset:
            # A fit that fails leaves the estimator unfitted.
            if hasattr(self, "lm_"):
                del self.lm_
        elif isinstance(X, pd.DataFrame) and hasattr(self, "feature_names_in_"):
            known = list(self.feature_names_in_)
            if len(known) == X.shape[1] and set(known) == set(X.columns):
                X = X[known]
        validate_data(self, X, reset=reset, skip_check_array=True)
        # For scikit-learn's errors about the shape.
        check_array(
            np.broadcast_to(np.float32(0), X.shape),
            ensure_min_samples=2 if reset and self._fitted_lm is None else 1,
            estimator=self,
            input_name="X",
        )
        if reset:
            self._names = self._names_of(X)
        # Each column of an array gets a dtype of its own.
        frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X).infer_objects()
        return frame.set_axis(self._names, axis=1)

    def _rows(self, X: Any, y: Any) -> tuple[pd.DataFrame, str]:
        """Return `X` at `fit` as a frame, and the name of `y`'s column in the language model."""
        frame = self._frame(X, reset=True)
        if self._fitted_target is not None:
            return frame, self._fitted_target
        own = getattr(y, "name", None)
        if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
            own = y.columns[0]
        names = [own, "target", *(f"target_{i}" for i in range(2, frame.shape[1] + 3))]
        return frame, next(n for n in names if isinstance(n, str) and n not in frame)

    def _names_of(self, X: Any) -> list[str]:
        if hasattr(self, "feature_names_in_"):
            return [str(name) for name in self.feature_names_in_]
        if self._fitted_lm is not None:
            names = _features(self._fitted_lm, self._fitted_target)
            if len(names) == X.shape[1]:
                return names
        return [f"x{i}" for i in range(X.shape[1])]

    def _evidence(self, X: Any) -> pd.DataFrame:
        """Return the cells of `X` that are evidence to the model."""
        check_is_fitted(self)
        return known_cells(self._frame(X, reset=False), self.lm_.schema)

    @classmethod
    def _over(cls, lm: TabularLanguageModel, target: str | None = None, **params: Any) -> Self:
        """Return an estimator as if fitted with a fitted model's columns, less `target`."""
        if not isinstance(lm, TabularLanguageModel) or not lm.ready:
            raise ConfigError(f"{lm!r} is not a fitted TabularLanguageModel: call fit(frame) first")
        found = cls(**params)
        found._fitted_lm, found._fitted_target, found.lm_ = lm, target, lm
        found._names = _features(lm, target)
        found.n_features_in_ = len(found._names)
        found.feature_names_in_ = np.array(found._names, dtype=object)
        return found


def known_cells(frame: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """Return the columns of a frame that a model has, with unknown levels as missing cells.

    Warns
    -----
    UserWarning
        Names all unknown levels.

    Examples
    --------
    >>> schema = Table(pd.DataFrame({"a": ["x", "y"]})).schema
    >>> known_cells(pd.DataFrame({"a": ["y", None], "b": [1, 2]}), schema)["a"].tolist()
    ['y', nan]
    """
    found, unknown = {}, []
    for name in frame.columns:
        if name not in schema:
            continue
        cells, column = frame[name], schema[name]
        if column.role == "feature" and not column.is_number:
            new = _unknown(cells, column)
            if new.any():
                levels = cells[new].astype(object)
                unknown.append(f"column {name!r} has no level {listed(levels[:1].tolist())}")
                cells = cells.astype(object).mask(new)
        found[name] = cells
    if unknown:
        warnings.warn(
            f"{'; '.join(unknown)}: such cells count as missing", UserWarning, stacklevel=4
        )
    return pd.DataFrame(found, index=frame.index)


def array_dtype(X: Any) -> np.dtype[Any] | None:
    """Return the dtype of an array of rows like those of `X`; None to infer it."""
    # Strings of a fixed width would be truncated.
    return X.dtype if isinstance(X, np.ndarray) and X.dtype.kind != "U" else None


def _unknown(cells: pd.Series, column: Column) -> pd.Series:
    """Return which cells hold no level of a column."""
    objects = cells.astype(object)
    # Numbers and strings that print alike are one level.
    texts = {str(level) for level in column.support}
    unknown = objects.notna() & ~objects.map(str).isin(texts)
    if not unknown.any():
        return unknown
    levels = set(column.support.tolist())
    return unknown & ~objects.where(unknown).map(lambda cell: _among(cell, levels))


def _among(cell: Any, levels: set[Any]) -> bool:
    try:
        return cell in levels
    except TypeError:  # unhashable
        return False


def _column(cells: pd.Series, name: str, targets: Sequence[str], levels: Sequence[str]) -> Column:
    column = infer_column(cells, name, keep=name in targets or name in levels)
    if name in levels and column.role == "ignored":
        # Such as numeric labels stored as strings.
        return replace(column, role="feature", note="")
    return column


def _binned(column: Column, cells: pd.Series) -> Column:
    """Return a column with the bins of other cells."""
    if column.edges is None:
        return column
    other = infer_column(cells, column.name, keep=True)
    return replace(
        column, support=other.support, grid=other.grid, edges=other.edges, atoms=other.atoms
    )


def _has_value(cells: pd.Series) -> bool:
    """Return whether any cell is neither missing nor infinite."""
    if pd.api.types.is_float_dtype(cells.dtype):
        return bool(np.isfinite(cells.to_numpy(dtype=np.float64, na_value=np.nan)).any())
    return bool(cells.notna().any())


def _as_numbers(cells: pd.Series) -> pd.Series:
    """Return strings as numbers where all of them are, as in an array of strings."""
    if not (cells.dtype == object or pd.api.types.is_string_dtype(cells.dtype)):
        return cells
    texts = cells.map(lambda cell: isinstance(cell, str))
    if not texts.any() or not (texts | cells.isna()).all():
        return cells
    numbers = pd.to_numeric(cells, errors="coerce")
    return cells if (numbers.isna() & texts).any() else numbers


def warn_of_columns(what: str, notes: Mapping[str, str], *, stacklevel: int) -> None:
    """Warn once about all these columns, with the reason for each."""
    if notes:
        columns = ", ".join(f"{name!r} ({note})" for name, note in notes.items())
        warnings.warn(
            f"{what}: {columns}; drop or transform them first",
            UserWarning,
            stacklevel=stacklevel,
        )


def check_config(config: object, kind: type[Config], name: str) -> None:
    """Raise `ConfigError` if a config is of another class, or invalid."""
    if config is None:
        return
    if not isinstance(config, kind):
        raise ConfigError(f"{name} must be a {kind.__name__}, not {config!r}")
    config.validate()


def check_count(count: object, name: str) -> None:
    """Raise `ConfigError` if a parameter is not an integer >= 1."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ConfigError(f"{name} must be an integer >= 1, not {count!r}")


def check_labels_present(y: Any) -> None:
    """Raise `ValueError` if `y` has missing cells: scikit-learn's message, and the fix."""
    if y is None:
        return  # scikit-learn raises for it
    values = y if hasattr(y, "isna") else pd.Series(np.asarray(y, dtype=object).ravel())
    missing = int(np.asarray(values.isna()).sum())
    if missing:
        raise ValueError(
            f"Input y contains NaN. {missing} of its {len(values)} cells are missing: drop their "
            "rows (X[y.notna()], y.dropna()), or use TabularLanguageModel.fit, which takes them"
        )


def _features(lm: TabularLanguageModel, target: str | None) -> list[str]:
    """Return the names of a fitted model's columns without `target`."""
    return [name for name in lm.schema if name != target]


def _same(value: object, default: object) -> bool:
    return type(value) is type(default) and bool(value == default)

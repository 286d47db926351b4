"""LanguageModelEstimator: what all estimators share, over one TabularLanguageModel."""

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
from tabwidget.serializers.base import resolve_serializer
from tabwidget.table import Table, TableSchema
from tabwidget.table.column import Column, column_of
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

# Parameters of a `ModelConfig` that an estimator takes by themselves.
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
    """Constructor, validation of `X` and the language model of every estimator.

    X is a DataFrame, whose columns are matched by name, or an array, whose columns are called
    ``x0``, ``x1``, … Numbers, texts, truth values and dates may stand beside each other, and cells
    may be missing (None, NaN or infinite). Rows cannot be weighted.

    Parameters
    ----------
    backend : str or Backend, default "auto"
        The backend: "minilm" from scratch, or one that tunes a pretrained model if `model`, `lora`
        or `quantization` ask for that. See `tabwidget.backends.choose`.
    serializer : str or Serializer, default "json"
        How a row is written as text: "json", "key-value", "bracket" or an instance.
    max_decimals : int or None, default 3
        Decimals that numbers are written with, if the serializer is chosen by name.
    training : TrainingConfig, optional
        How long to train. By default until validation rows are predicted no better: seconds for
        hundreds of rows, minutes for tens of thousands. ``TrainingConfig(max_seconds=10)`` bounds
        it.
    generation : GenerationConfig, optional
        How values are drawn, by those that draw.
    model_config : ModelConfig, optional
        Size of the model, and how it is loaded.
    model, lora, quantization, precision, device, tokenizer, trust_remote_code, attn_implementation
        Fields of a `ModelConfig`: one that is not at its default goes before `model_config`.
    callbacks : Callback or list of Callback, optional
        Told of every event of a fit.
    prefit : TabularLanguageModel, optional
        A fitted model that answers: `fit` then trains nothing and only checks the columns.
    random_state : int, RandomState or None, default None
        Seed of everything random.

    Attributes
    ----------
    lm_ : TabularLanguageModel
        What answers.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of str
        Their names, if `X` was a DataFrame that has them.
    """

    lm_: TabularLanguageModel
    feature_names_in_: NDArray[Any]
    _names: list[str]

    _nested: ClassVar[dict[str, type[Config]]] = {
        "training": TrainingConfig,
        "generation": GenerationConfig,
        "model_config": ModelConfig,
        "lora": LoRAConfig,
        "quantization": QuantizationConfig,
    }

    # Fields of `generation` that have an effect.
    _draws_by: ClassVar[frozenset[str]] = frozenset()

    def __sklearn_clone__(self) -> Self:
        # A clone of a fitted model is an unfitted one, and would answer nothing.
        copy: Self = super().__sklearn_clone__()
        copy.prefit = self.prefit
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
        """Return the language model that the parameters describe, unfitted."""
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
            # By `is` first: a loaded model may not allow to be compared.
            if value is not default[name] and not _same(value, default[name]):
                setattr(config, name, value)
        config.validate()
        return config

    def _seed(self) -> int | None:
        """Return the seed of one fit; a RandomState gives each fit another."""
        if self.random_state is None or isinstance(self.random_state, Integral):
            return None if self.random_state is None else int(self.random_state)
        # Raises for what is neither.
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
        """Return a language model of a frame, or `prefit` if it knows the frame's columns.

        Columns without any value take no part. `targets` are the columns that matter most, learned
        whatever they look like, and those in `levels` as levels, however many they have. Numbers
        are cut into bins as they lie in the rows `binned_by`, some of which may stand there often.
        """
        check_config(self.generation, GenerationConfig, "generation")
        backend = self.backend if isinstance(self.backend, str) else self.backend.name
        warn_unused(self.generation, self._draws_by, backend)
        if self.prefit is not None:
            schema = _ready(self.prefit).schema
            for name in frame.columns:
                schema[name]
            for name in targets:
                schema.target_column(name)
            return self.prefit
        lm = self._language_model()
        if targets:
            frame = frame.apply(lambda cells: cells if cells.name in levels else _as_numbers(cells))
        learned = [name for name in frame.columns if _has_value(frame[name])]
        columns = [_column(frame[name], name, targets, levels) for name in learned]
        if targets:
            # The cure that a note names is for whoever holds the table.
            notes = {
                c.name: c.note.partition(". Table(")[0] for c in columns if c.role == "ignored"
            }
            warn_of_columns("columns that take no part", notes, stacklevel=4)
        if binned_by is not None:
            columns = [_binned(column, frame[column.name].iloc[binned_by]) for column in columns]
        schema = TableSchema(columns)
        return lm.fit(Table(frame[learned], schema=schema), target_cols=[*targets])

    def _frame(self, X: Any, *, reset: bool, target: str | None = None) -> pd.DataFrame:
        """Return `X` as a frame, in the columns' order at `fit`.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        reset : bool
            Whether this is `fit`, which learns the columns, or a later call, which checks them.
        target : str, optional
            The column of `prefit` that `X` lacks.
        """
        if not isinstance(X, pd.DataFrame) and hasattr(X, "to_pandas"):
            X = X.to_pandas()
        if not isinstance(X, pd.DataFrame):
            # As an object, a list's numbers do not become texts when a text stands among them.
            X = X if hasattr(X, "__array__") or issparse(X) else np.asarray(X, dtype=object)
            X = check_array(X, dtype=None, ensure_all_finite=False, estimator=self, input_name="X")
        elif X.columns.has_duplicates:
            twice = X.columns[X.columns.duplicated()][0]
            raise TableError(f"the column name {twice!r} stands more than once: rename one of them")
        if reset:
            # Nothing is left of an older fit, should this one fail.
            if hasattr(self, "lm_"):
                del self.lm_
        elif isinstance(X, pd.DataFrame) and hasattr(self, "feature_names_in_"):
            known = list(self.feature_names_in_)
            if len(known) == X.shape[1] and set(known) == set(X.columns):
                X = X[known]
        validate_data(self, X, reset=reset, skip_check_array=True)
        # Only the shape is checked, in scikit-learn's words.
        check_array(
            np.broadcast_to(np.float32(0), X.shape),
            ensure_min_samples=2 if reset and self.prefit is None else 1,
            estimator=self,
            input_name="X",
        )
        if reset:
            self._names = self._names_of(X, target)
        # Each column of an array gets a dtype of its own.
        frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X).infer_objects()
        return frame.set_axis(self._names, axis=1)

    def _rows(self, X: Any, y: Any) -> tuple[pd.DataFrame, str]:
        """Return `X` at `fit` as a frame, and the name of the column that `y` is in the model."""
        own = getattr(y, "name", None)
        if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
            own = y.columns[0]
        if self.prefit is None:
            frame = self._frame(X, reset=True)
            names = [own, "target", *(f"target_{i}" for i in range(2, frame.shape[1] + 3))]
            return frame, next(n for n in names if isinstance(n, str) and n not in frame)
        known = list(_ready(self.prefit).schema)
        left = [name for name in known if name not in getattr(X, "columns", ())]
        if own not in left and len(left) != 1:
            raise ConfigError(
                "the prefit model has several columns that y could be: name it, as in "
                f"y.rename({(left or known)[-1]!r})"
            )
        target = own if own in left else left[0]
        return self._frame(X, reset=True, target=target), target

    def _names_of(self, X: Any, target: str | None) -> list[str]:
        if hasattr(self, "feature_names_in_"):
            return [str(name) for name in self.feature_names_in_]
        if self.prefit is not None:
            names = _features(self.prefit, target)
            if len(names) == X.shape[1]:
                return names
        return [f"x{i}" for i in range(X.shape[1])]

    def _asked(self, X: Any) -> pd.DataFrame:
        """Return the cells of `X` that the model can be told."""
        check_is_fitted(self)
        return known_cells(self._frame(X, reset=False), self.lm_.schema)

    def _adopt(self, lm: TabularLanguageModel, target: str | None = None) -> None:
        """Take over a fitted model as if `fit` had been called with its columns, less `target`."""
        self._names = _features(lm, target)
        self.n_features_in_ = len(self._names)
        self.feature_names_in_ = np.array(self._names, dtype=object)
        self.lm_ = _ready(lm)


def known_cells(frame: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """Return the columns of a frame that a model has, levels it has not learned as missing cells.

    Warns
    -----
    UserWarning
        Once for all unknown levels, which it names.

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
            strange = _strange(cells, column)
            if strange.any():
                levels = cells[strange].astype(object)
                unknown.append(f"column {name!r} has no level {listed(levels[:1].tolist())}")
                cells = cells.astype(object).mask(strange)
        found[name] = cells
    if unknown:
        warnings.warn(
            f"{'; '.join(unknown)}: such cells count as missing", UserWarning, stacklevel=4
        )
    return pd.DataFrame(found, index=frame.index)


def array_dtype(X: Any) -> np.dtype[Any] | None:
    """Return the dtype of an array that has rows like `X`; None where the cells decide."""
    # Texts of a fixed width would be cut.
    return X.dtype if isinstance(X, np.ndarray) and X.dtype.kind != "U" else None


def _strange(cells: pd.Series, column: Column) -> pd.Series:
    """Return which cells hold no level of a column."""
    objects = cells.astype(object)
    # Numbers and texts that print alike are one level to whoever types them.
    texts = {str(level) for level in column.support}
    strange = objects.notna() & ~objects.map(str).isin(texts)
    if not strange.any():
        return strange
    levels = set(column.support.tolist())
    return strange & ~objects.where(strange).map(lambda cell: _among(cell, levels))


def _among(cell: Any, levels: set[Any]) -> bool:
    try:
        return cell in levels
    except TypeError:  # it cannot be hashed
        return False


def _column(cells: pd.Series, name: str, targets: Sequence[str], levels: Sequence[str]) -> Column:
    column = column_of(cells, name, keep=name in targets or name in levels)
    if name in levels and column.role == "ignored":
        # Such as labels that are numbers, which in a feature would be numbers written as text.
        return replace(column, role="feature", note="")
    return column


def _binned(column: Column, cells: pd.Series) -> Column:
    """Return a column in the bins that other cells of its would have."""
    if column.edges is None:
        return column
    other = column_of(cells, column.name, keep=True)
    return replace(
        column, support=other.support, grid=other.grid, edges=other.edges, atoms=other.atoms
    )


def _has_value(cells: pd.Series) -> bool:
    """Whether any cell holds something to learn from, which infinite numbers are not."""
    if pd.api.types.is_float_dtype(cells.dtype):
        return bool(np.isfinite(cells.to_numpy(dtype=np.float64, na_value=np.nan)).any())
    return bool(cells.notna().any())


def _as_numbers(cells: pd.Series) -> pd.Series:
    """Return texts that are all numbers, as an array of texts makes them, as numbers."""
    if not (cells.dtype == object or pd.api.types.is_string_dtype(cells.dtype)):
        return cells
    texts = cells.map(lambda cell: isinstance(cell, str))
    if not texts.any() or not (texts | cells.isna()).all():
        return cells
    numbers = pd.to_numeric(cells, errors="coerce")
    return cells if (numbers.isna() & texts).any() else numbers


def warn_of_columns(what: str, notes: Mapping[str, str], *, stacklevel: int) -> None:
    """Warn, once for all of them, of what becomes of columns, and why: a note by name."""
    if notes:
        columns = ", ".join(f"{name!r} ({note})" for name, note in notes.items())
        warnings.warn(
            f"{what}: {columns}; drop them, or transform them first",
            UserWarning,
            stacklevel=stacklevel,
        )


def check_config(config: object, kind: type[Config], name: str) -> None:
    """Raise `ConfigError` if a config is of another kind, or says what cannot be."""
    if config is None:
        return
    if not isinstance(config, kind):
        raise ConfigError(f"{name} is a {kind.__name__}, not {config!r}")
    config.validate()


def check_count(count: object, name: str) -> None:
    """Raise `ConfigError` if a parameter is not a whole number from 1 on."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ConfigError(f"{name}={count!r} is no number from 1 on")


def check_labels_present(y: Any) -> None:
    """Raise `ValueError`, in scikit-learn's words and with a mend, if `y` has missing cells."""
    if y is None:
        return  # which scikit-learn says in its own words
    values = y if hasattr(y, "isna") else pd.Series(np.asarray(y, dtype=object).ravel())
    missing = int(np.asarray(values.isna()).sum())
    if missing:
        raise ValueError(
            f"Input y contains NaN. {missing} of its {len(values)} cells are missing: leave their "
            "rows out (X[y.notna()], y.dropna()), or let TabularLanguageModel.fit learn all rows"
        )


def _features(lm: TabularLanguageModel, target: str | None) -> list[str]:
    """Return the names of a fitted model's columns other than `target`."""
    return [name for name in _ready(lm).schema if name != target]


def _ready(lm: object) -> TabularLanguageModel:
    if not isinstance(lm, TabularLanguageModel) or not lm.ready:
        raise ConfigError(
            f"prefit={lm!r} is no fitted TabularLanguageModel: call fit(frame) on one first"
        )
    return lm


def _same(value: object, default: object) -> bool:
    return type(value) is type(default) and bool(value == default)

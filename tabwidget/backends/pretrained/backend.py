"""PretrainedBackend: answers from the table's rows as context, without any training.

Shapes: R stored rows, B query rows, C columns, F features, S the largest support of a column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget._typing import Bools, Floats, Ints
from tabwidget.backends.base import FitRequest, Prediction, arrays_below
from tabwidget.backends.chain import chain_rule
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.fit_log import FitLog
from tabwidget.backends.pretrained.table_context import TableContext
from tabwidget.backends.pretrained.weights import pretrained_model
from tabwidget.backends.threads import few_threads
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.params import warn_unused
from tabwidget.serializers.base import Serializer
from tabwidget.table import Column, Table

__all__ = ["PretrainedBackend"]

MAX_STORED_ROWS = 20_000  # a sample of a larger table
MAX_VALIDATION_ROWS = 1_000
MAX_MEMBERS = 4


class PretrainedBackend:
    """The in-context model over the rows of a table; see `tabwidget.backends.pretrained`.

    Parameters
    ----------
    model_config : ModelConfig, optional
        As for every backend; none of its fields has an effect.

    Attributes
    ----------
    numbers : ndarray of int
        Row number in the table of each stored row; -1 for rows of an earlier table.

    Examples
    --------
    >>> backend = PretrainedBackend()
    >>> backend.name, backend.ready
    ('pretrained', False)
    """

    name = "pretrained"

    def __init__(self, model_config: ModelConfig | None = None) -> None:
        self.model_config = model_config or ModelConfig()
        # Replaced as a whole, never changed: predictions need no lock.
        self._context: TableContext | None = None
        self.numbers = np.empty(0, dtype=np.int64)
        self._loaded = False

    @property
    def ready(self) -> bool:
        """Whether there are rows to answer from."""
        return self._context is not None

    @property
    def context(self) -> TableContext:
        """The rows of the table; `NotFittedError` before `fit`."""
        if self._context is None:
            raise NotFittedError("this model is not fitted yet: call fit() first")
        return self._context

    @property
    def trained(self) -> bool:
        """Whether anything was trained on the table: never."""
        return False

    @property
    def gains(self) -> dict[int, float]:
        """Nats per validation cell that training added: none."""
        return {}

    def fit(self, request: FitRequest) -> None:
        """Take the rows of a table as the context; nothing is trained.

        With ``request.resume``, rows that were loaded from a folder stay in the context.
        """
        for config in (request.training, self.model_config):
            warn_unused(config, {"max_seconds"}, self.name)
        n_rows, n_columns = len(request.table), len(request.table.schema.inputs)
        log = FitLog(request.emit, self.name, max_seconds=request.training.max_seconds)
        n_parameters = sum(weight.numel() for weight in pretrained_model().parameters())
        log.start(
            n_rows=n_rows,
            n_columns=n_columns,
            n_train=0,
            n_validation=0,
            n_parameters=n_parameters,
        )
        log.phase("reading")
        self.take(request)
        log.end("budget")

    def take(self, request: FitRequest) -> None:
        """Take the rows of a table as the context, without events."""
        schema, frame, seed = request.table.schema, request.table.frame, request.seed
        numbers = np.arange(len(frame))
        if len(frame) > MAX_STORED_ROWS:
            sample = np.random.default_rng(seed).choice(len(frame), MAX_STORED_ROWS, replace=False)
            numbers = np.sort(sample)
        rows = schema.rows(frame.iloc[numbers])
        columns = schema.inputs
        if request.resume and self._loaded:
            old = self.context.rows
            old = old[~_contained(old, rows)]
            rows = np.concatenate([old, rows])
            numbers = np.concatenate([np.full(len(old), -1), numbers])
            # The newest rows stay.
            rows, numbers = rows[-MAX_STORED_ROWS:], numbers[-MAX_STORED_ROWS:]
            counts: Callable[[int], Floats] = _RowCounts(columns, rows)
        else:
            self._loaded = False
            counts = _FrameCounts(columns, frame)
        self.numbers = numbers
        self._context = TableContext(pretrained_model(), columns, rows, counts, seed)

    def size(self, table: Table, serializer: Serializer, training: TrainingConfig) -> ModelSize:
        """Return the size of the model; nothing of it is trained."""
        model = pretrained_model()
        n_parameters = sum(weight.numel() for weight in model.parameters())
        return ModelSize(
            n_parameters=n_parameters,
            n_trained=0,
            n_multiplied=n_parameters,
            weight_bytes=4,
            layers=model.config["layers"],
            width=model.config["width"],
            vocabulary=0,
            tokens_per_row=1.0,
            rows_per_step=1,
            device="cpu",
        )

    @few_threads()
    def predict(
        self, contexts: Floats, targets: Sequence[int] | NDArray[np.int64], orders: int = 1
    ) -> Prediction:
        """Return the distribution of column ``targets[i]`` given row i of `contexts`.

        Each two of the `orders` are one context, at most four, that differ in what is random.
        """
        members = min(max(1, orders // 2), MAX_MEMBERS)
        return Prediction(*self.context.predict(contexts, np.asarray(targets), members))

    @few_threads()
    def predict_out_of_sample(
        self, contexts: Floats, targets: Sequence[int] | NDArray[np.int64]
    ) -> Prediction:
        """Return what `predict` does, each row of the table from a context that lacks it."""
        context, targets = self.context, np.asarray(targets)
        folds = context.folds_without(contexts, targets)
        return Prediction(*context.predict(contexts, targets, folds=folds))

    @few_threads()
    def validation_predictions(self, rows: Floats, target: int) -> tuple[NDArray[np.int64], Floats]:
        """Return out-of-fold predictions of the stored rows, of a sample where they are many."""
        context = self.context
        scored = np.flatnonzero((self.numbers >= 0) & context.encoding.known[:, target])
        if len(scored) > MAX_VALIDATION_ROWS:
            rng = np.random.default_rng(context.seed)
            scored = np.sort(rng.choice(scored, MAX_VALIDATION_ROWS, replace=False))
        numbers = self.numbers[scored]
        folds, targets = context.folds[scored], np.full(len(scored), target)
        return numbers, context.predict(rows[numbers], targets, folds=folds)[0]

    @few_threads()
    def predictions_without(
        self, numbers: Ints, rows: Floats, target: int, max_rows: int | None = None
    ) -> Floats:
        """Return predictions of rows of the table from a context that lacks all of them.

        Parameters
        ----------
        numbers : ndarray of int
            Row numbers of the table.
        rows : ndarray of shape (len(numbers), F)
            Evidence of these rows; cells may be hidden.
        target : int
            The target column.
        max_rows : int, optional
            Most rows of the context, fewer than usual.
        """
        return self.context.predict_without(self.places_of(numbers), rows, target, max_rows)

    def places_of(self, numbers: Ints) -> Ints:
        """Return the positions among the stored rows of some rows of the table.

        Rows of the table that are not stored are left out.
        """
        return np.flatnonzero(np.isin(self.numbers, numbers))

    def without_rows(self) -> NoReturn:
        """Raise `ConfigError`, since the rows are all that it knows of the table."""
        raise ConfigError(
            "the table's rows are all that the backend 'pretrained' knows: save it with its rows, "
            "or train a model with the backend 'auto'"
        )

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the fitted state: JSON content, and the context's rows among the arrays."""
        context = self.context
        arrays: dict[str, NDArray[Any]] = {"context.rows": context.rows}
        for target in context.targets:
            arrays[f"context.counts.{target}"] = context.counts(target)
        return {"seed": context.seed}, arrays

    def restore(
        self,
        columns: Sequence[Column],
        content: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Restore what `state` returned for these columns."""
        rows = np.asarray(arrays["context.rows"])

        saved = {int(i): counts for i, counts in arrays_below("context.counts.", arrays).items()}
        self.numbers, self._loaded = np.full(len(rows), -1), True
        self._context = TableContext(
            pretrained_model(), columns, rows, saved.__getitem__, content["seed"]
        )

    def grow(self, columns: Sequence[Column]) -> None:
        """Extend the support of the columns: new levels after the old ones, numbers anywhere."""
        old = self.context
        counts = _RowCounts(columns, old.rows)
        self._context = TableContext(pretrained_model(), columns, old.rows, counts, old.seed)

    def chain(self, rows: Floats) -> Floats:
        """Return each cell's log-probability given the cells read before it in its row."""
        context = self.context
        return chain_rule(rows, context.columns, context.seed, self.predict_out_of_sample)


@dataclass(frozen=True)
class _RowCounts:
    """Counts the support values of rows."""

    columns: Sequence[Column]
    rows: Floats

    def __call__(self, target: int) -> Floats:
        return _counted(self.columns[target], self.rows[:, target])


@dataclass(frozen=True)
class _FrameCounts:
    """Counts the support values of all rows of a frame, also where only a sample is stored."""

    columns: Sequence[Column]
    frame: pd.DataFrame

    def __call__(self, target: int) -> Floats:
        column = self.columns[target]
        return _counted(column, column.numbers(self.frame[column.name]))


def _counted(column: Column, numbers: Floats) -> Floats:
    codes = column.codes(numbers)
    return np.bincount(codes[codes >= 0], minlength=len(column.support)).astype(np.float64)


def _contained(rows: Floats, others: Floats) -> Bools:
    """Return which rows are among the others."""
    keys = {row.tobytes() for row in others}
    return np.array([row.tobytes() in keys for row in rows], dtype=bool)

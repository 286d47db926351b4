"""Backend: the interface between a table and the language model fitted to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tabwidget.backends.cost import ModelSize
from tabwidget.config import TrainingConfig
from tabwidget.events import Event
from tabwidget.serializers.base import Serializer
from tabwidget.table import Column, Table

__all__ = ["Backend", "FitRequest", "FittedWeights", "Prediction", "arrays_below"]

T = TypeVar("T")


@dataclass(frozen=True)
class FitRequest:
    """A table to fit, and the settings of the fit.

    Attributes
    ----------
    table : Table
        All rows, for training and validation.
    targets : tuple of str
        Columns with a larger share of the loss; empty if all count alike.
    training : TrainingConfig
        Validated.
    serializer : Serializer
        Serializes rows for text backends.
    seed : int
        Seed of everything random.
    resume : bool
        Whether to continue from the present weights.
    emit : callable
        Called with each event as it happens.
    stopped : callable
        Returns whether the fit is to end; the best weights are kept.
    """

    table: Table
    targets: tuple[str, ...]
    training: TrainingConfig
    serializer: Serializer
    seed: int
    resume: bool
    emit: Callable[[Event], None]
    stopped: Callable[[], bool]

    def serialize(self, row: int, names: Iterable[str]) -> str:
        """Return a row of the table as text: its cells among `names`, in that order."""
        cells = self.table.row(row)
        return self.serializer.serialize({n: cells[n] for n in names if n in cells}).text


@dataclass(frozen=True)
class Prediction:
    """Predicted distributions of one target column per row.

    Attributes
    ----------
    probabilities : ndarray of shape (n_rows, largest support)
        Over the support of the target; zero beyond its end.
    spread : ndarray of shape (n_rows,)
        Disagreement between column orders: the mean total variation distance of their
        distributions from the mean distribution, 0 to 1.
    """

    probabilities: NDArray[np.float64]
    spread: NDArray[np.float64]


@runtime_checkable
class Backend(Protocol):
    """A language model of a table.

    Columns are those of ``table.schema.inputs``, in that order; rows are as `TableSchema.rows`
    returns them, NaN where a cell is missing.
    """

    name: str

    @property
    def ready(self) -> bool:
        """Whether there are weights to predict with; also in training, once there are some."""
        ...

    @property
    def trained(self) -> bool:
        """Whether the answers use weights that were trained on the table."""
        ...

    @property
    def gains(self) -> dict[int, float]:
        """Nats per validation cell that training added to a pretrained answer, by target column."""
        ...

    def fit(self, request: FitRequest) -> None:
        """Fit a table; returns at the first limit, or once `stopped` is true."""
        ...

    def size(self, table: Table, serializer: Serializer, training: TrainingConfig) -> ModelSize:
        """Return the size of the model that a fit would train, without loading anything."""
        ...

    def predict(
        self, contexts: NDArray[np.float64], targets: Sequence[int] | NDArray[np.int64], orders: int
    ) -> Prediction:
        """Return the distribution of column ``targets[i]`` given row i of `contexts`.

        Parameters
        ----------
        contexts : ndarray of shape (n_rows, n_columns)
            Evidence; NaN where missing. The target's own cell is ignored.
        targets : sequence of int, length n_rows
            Target column of each row.
        orders : int
            Maximum number of column orders to average over.
        """
        ...

    def predict_out_of_sample(
        self, contexts: NDArray[np.float64], targets: Sequence[int] | NDArray[np.int64]
    ) -> Prediction:
        """Return what `predict` does, for rows that may be rows of the fitted table.

        A backend that reads the table's rows as context answers each from a context without it.
        """
        ...

    def validation_predictions(
        self, rows: NDArray[np.float64], target: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return predictions of the validation rows of the last fit.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_columns)
            The table of the last fit.
        target : int
            Target column, given all others.

        Returns
        -------
        ndarray of shape (n_predictions,)
            Row number of each prediction; a row may be a validation row of several members.
        ndarray of shape (n_predictions, n_support)
            Probabilities, each by weights that were not trained on the row.
        """
        ...

    def without_rows(self) -> Backend:
        """Return a backend whose state holds no rows of the table; `ConfigError` if none can."""
        ...

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the fitted state: strict JSON content, and arrays by name."""
        ...

    def restore(
        self,
        columns: Sequence[Column],
        content: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Restore what `state` returned for these columns."""
        ...

    def grow(self, columns: Sequence[Column]) -> None:
        """Extend the support of the columns: new levels after the old ones, numbers anywhere."""
        ...

    def chain(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each cell's log-probability given the cells read before it in its row.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_columns)
            NaN where missing.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            In nats, zero where missing; the sum over a row is the row's log-probability.
        """
        ...


class FittedWeights:
    """The part of the protocol that is the same for all backends whose state is weights alone."""

    @property
    def trained(self: Any) -> bool:
        """Whether there are weights, all of them trained on the table."""
        return bool(self.ready)

    @property
    def gains(self) -> dict[int, float]:
        """Nats that training added to a pretrained answer: there is no such answer."""
        return {}

    def without_rows(self: T) -> T:
        """Return itself: the state holds no rows."""
        return self

    def predict_out_of_sample(
        self: Any, contexts: NDArray[np.float64], targets: Sequence[int] | NDArray[np.int64]
    ) -> Prediction:
        """Return what `predict` does: weights do not hold single rows."""
        prediction: Prediction = self.predict(contexts, targets, 2)
        return prediction


def arrays_below(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin with a prefix, without the prefix.

    Examples
    --------
    >>> arrays_below("a.", {"a.x": np.zeros(1), "b.x": np.ones(1)})
    {'x': array([0.])}
    """
    return {name.removeprefix(prefix): x for name, x in arrays.items() if name.startswith(prefix)}

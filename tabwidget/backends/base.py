"""Backend: the seam between a table and whatever language model learns it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tabwidget.backends.cost import ModelSize
from tabwidget.config import TrainingConfig
from tabwidget.events import Event
from tabwidget.serializers.base import Serializer
from tabwidget.table import Column, Table

__all__ = ["Backend", "FitRequest", "Prediction"]


@dataclass(frozen=True)
class FitRequest:
    """What a backend is to learn, and whom it tells.

    Attributes
    ----------
    table : Table
        All rows, those to be held out included.
    targets : tuple of str
        Columns that matter most; empty if all matter alike.
    training : TrainingConfig
        Validated.
    serializer : Serializer
        Writes the rows that text backends learn, and the examples shown of any backend.
    seed : int
        Everything random depends on it.
    resume : bool
        Go on from the weights there are.
    emit : callable
        Takes each event as it happens.
    stopped : callable
        True once the fit is to end, the best weights kept.
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
    """The distributions of one column each.

    Attributes
    ----------
    probabilities : ndarray of shape (n_rows, most answers)
        Over the support of the asked column; zero beyond its end.
    spread : ndarray of shape (n_rows,)
        How far the answers of different column orders lie apart: their mean total variation
        distance from the mean answer, 0 to 1.
    """

    probabilities: NDArray[np.float64]
    spread: NDArray[np.float64]


@runtime_checkable
class Backend(Protocol):
    """A language model of a table.

    Columns are those of ``table.schema.inputs``, in that order; rows are given as
    `TableSchema.rows` writes them, NaN where a cell is absent.
    """

    name: str

    @property
    def ready(self) -> bool:
        """Whether there are weights to ask, be it while they are still being trained."""
        ...

    def fit(self, request: FitRequest) -> None:
        """Learn a table; returns when a limit is reached, or `stopped` says so."""
        ...

    def size(self, table: Table, serializer: Serializer, training: TrainingConfig) -> ModelSize:
        """Return the size of the model that a fit would train; nothing is loaded for it."""
        ...

    def predict(
        self, contexts: NDArray[np.float64], targets: Sequence[int] | NDArray[np.int64], orders: int
    ) -> Prediction:
        """Return the distribution of column ``targets[i]`` given row i of `contexts`.

        Parameters
        ----------
        contexts : ndarray of shape (n_rows, n_columns)
            Known cells; NaN where absent. The target's own cell is not looked at.
        targets : sequence of int, length n_rows
            The column asked in each row.
        orders : int
            Column orders to average over, at most.
        """
        ...

    def validation_predictions(
        self, rows: NDArray[np.float64], target: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the answers on validation rows of the last fit.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_columns)
            The table of the last fit.
        target : int
            The column asked for, given all others.

        Returns
        -------
        ndarray of shape (n_answers,)
            The row that each answer is of. A row may be held out more than once.
        ndarray of shape (n_answers, n_support)
            Each by weights that never saw the row.
        """
        ...

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned, as strict JSON holds it, and arrays by name."""
        ...

    def restore(
        self,
        columns: Sequence[Column],
        content: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Take back what `state` returned of these columns."""
        ...

    def grow(self, columns: Sequence[Column]) -> None:
        """Take in new values of the columns: levels after the old ones, numbers anywhere."""
        ...

    def chain(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each cell's log-probability given the cells read before it in its row.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_columns)
            NaN where absent.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            In nats, zero where absent; the sum over a row is the row's log-probability.
        """
        ...

"""FitLog: what every backend tells of a fit, and which of its limits is near."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tabwidget.backends.base import FitRequest
from tabwidget.events import EvalReport, FitEnd, FitStart, Reason, TrainExamples, TrainReport

__all__ = ["TARGET_SHARE", "FitLog", "train_validation_split"]

TARGET_SHARE = 0.5  # of the loss, for the columns named as targets
REPORT_SECONDS = 0.1
EXAMPLE_SECONDS = 0.5
N_EXAMPLES = 8


class FitLog:
    """One fit's clock, counters and events.

    Parameters
    ----------
    request : FitRequest
        The limits, and whom to tell.
    backend : str
        Its name.

    Attributes
    ----------
    n_steps, n_seen : int
        Steps done, and rows seen in them.
    losses : list of float
        Training losses since the last report.
    reserve : float
        Seconds that are still needed once training ends.
    best_loss, best_step
        The lowest loss on the validation rows, and when it was.
    """

    def __init__(self, request: FitRequest, backend: str) -> None:
        self.began = time.perf_counter()
        self.request, self.backend = request, backend
        self.n_steps = self.n_seen = self.best_step = 0
        self.best_loss = math.inf
        self.reserve = 0.0
        self.losses: list[float] = []
        self._reported = self._shown = -math.inf

    @property
    def seconds(self) -> float:
        """Seconds since the fit began."""
        return time.perf_counter() - self.began

    def shares(self, epochs: float) -> dict[Reason, float]:
        """Return the share used of each limit, 0 to 1, after so many epochs."""
        training = self.request.training
        shares: dict[Reason, float] = {}
        if training.max_seconds is not None:
            shares["budget"] = (self.seconds + self.reserve) / training.max_seconds
        if training.max_steps is not None:
            shares["steps"] = self.n_steps / training.max_steps
        if training.epochs is not None:
            shares["epochs"] = epochs / training.epochs
        return {reason: min(1.0, share) for reason, share in shares.items()}

    def start(self, n_columns: int, n_train: int, n_validation: int, n_parameters: int) -> None:
        """Tell that it begins."""
        training = self.request.training
        self.request.emit(
            FitStart(
                self.seconds,
                n_rows=len(self.request.table),
                n_columns=n_columns,
                n_train=n_train,
                n_validation=n_validation,
                n_parameters=n_parameters,
                backend=self.backend,
                budget_seconds=training.max_seconds,
                total_steps=training.max_steps,
                total_epochs=training.epochs,
            )
        )

    def training(self, epoch: int, learning_rate: float, *, now: bool) -> None:
        """Tell of the losses since the last time; unless `now`, not if that was just before."""
        seconds = self.seconds
        if not now and seconds - self._reported < REPORT_SECONDS:
            return
        loss = float(np.mean(self.losses)) if self.losses else math.nan
        speed = self.n_seen / max(seconds, 1e-9)
        self.request.emit(TrainReport(seconds, self.n_steps, epoch, loss, learning_rate, speed))
        self._reported, self.losses = seconds, []

    def evaluate(self, loss: float, column_losses: Mapping[str, float]) -> bool:
        """Tell of a loss on the validation rows, and return whether none was lower."""
        best = loss < self.best_loss
        if best:
            self.best_loss, self.best_step = loss, self.n_steps
        self.request.emit(EvalReport(self.seconds, self.n_steps, loss, dict(column_losses), best))
        return best

    def examples(self, rows: Iterable[tuple[int, Sequence[str]]]) -> None:
        """Show some rows of the table, each with its columns in an order; not too often."""
        if self.seconds - self._shown < EXAMPLE_SECONDS:
            return
        self._shown = self.seconds
        table, serializer = self.request.table, self.request.serializer
        examples = []
        for (row, names), _ in zip(rows, range(N_EXAMPLES), strict=False):
            cells = table.row(row)
            examples.append(serializer.serialize({n: cells[n] for n in names if n in cells}).text)
        self.request.emit(TrainExamples(self.seconds, tuple(examples)))

    def end(self, reason: Reason) -> None:
        """Tell that it is over."""
        self.request.emit(
            FitEnd(self.seconds, self.n_steps, reason, self.best_step, self.best_loss)
        )


def train_validation_split(
    present: NDArray[np.bool_], fraction: float, seed: int
) -> tuple[NDArray[np.int64], int]:
    """Shuffle the rows that have a cell; all, if that leaves nothing to hold out.

    A row without cells has nothing to learn, and no loss to choose weights by.

    Parameters
    ----------
    present : ndarray of bool of shape (n_rows, n_columns)
        Which cells are there.
    fraction : float
        Of the rows, to be held out.
    seed : int
        Of the shuffling.

    Returns
    -------
    ndarray of int
        Numbers of rows.
    int
        How many of them are to be held out: at least one, and not all.

    Examples
    --------
    >>> present = np.array([[True], [False], [True], [True]])
    >>> rows, n_held = train_validation_split(present, 0.1, seed=0)
    >>> sorted(rows.tolist()), n_held
    ([0, 2, 3], 1)
    """
    usable = np.flatnonzero(present.any(axis=1))
    usable = usable if len(usable) > 1 else np.arange(len(present))
    shuffled = np.random.default_rng(seed).permutation(usable)
    return shuffled, min(len(usable) - 1, max(1, round(fraction * len(usable))))

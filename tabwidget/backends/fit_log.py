"""FitLog: the clock, counters and events of one fit, the same for every backend."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabwidget.events import (
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    Phase,
    PhaseReport,
    Reason,
    TrainExamples,
    TrainReport,
)

__all__ = ["TARGET_SHARE", "FitLog", "train_validation_split"]

TARGET_SHARE = 0.5  # minimum share of the loss for the target columns
REPORT_SECONDS = 0.1
EXAMPLE_SECONDS = 0.5
N_EXAMPLES = 8


class FitLog:
    """The clock, counters and events of one fit.

    Parameters
    ----------
    emit : callable
        Called with each event.
    backend : str
        Name of the backend, for `FitStart`.
    max_seconds, max_steps, epochs : optional
        Limits of the fit, as in `TrainingConfig`.

    Attributes
    ----------
    began : float
        `time.perf_counter` at the start; a resumed run moves it back by its earlier seconds.
    n_steps, n_seen : int
        Steps done, and rows seen in them.
    losses : list of float
        Training losses since the last report.
    reserve : float
        Seconds still needed once training ends.
    best_loss, best_step
        Validation loss of the best evaluation, and its step.

    Examples
    --------
    >>> events = []
    >>> log = FitLog(events.append, "minilm", max_steps=10)
    >>> log.n_steps = 5
    >>> log.shares(epochs=1)
    {'steps': 0.5}
    >>> log.validation(0.7, {"species": 0.7}), log.validation(0.8, {"species": 0.8})
    (True, False)
    >>> [event.best for event in events]
    [True, False]
    """

    def __init__(
        self,
        emit: Callable[[Event], None],
        backend: str,
        *,
        max_seconds: float | None = None,
        max_steps: int | None = None,
        epochs: float | None = None,
    ) -> None:
        self.began = time.perf_counter()
        self.emit, self.backend = emit, backend
        self.max_seconds, self.max_steps, self.epochs = max_seconds, max_steps, epochs
        self.n_steps = self.n_seen = self.best_step = 0
        self.best_loss = math.inf
        self.reserve = 0.0
        self.losses: list[float] = []
        self._reported_at = self._examples_at = -math.inf

    @property
    def seconds(self) -> float:
        """Seconds since the fit began."""
        return time.perf_counter() - self.began

    def shares(self, epochs: float) -> dict[Reason, float]:
        """Return the used share of each limit, 0 to 1, after so many epochs."""
        shares: dict[Reason, float] = {}
        if self.max_seconds is not None:
            used = self.seconds + self.reserve
            shares["budget"] = used / self.max_seconds if self.max_seconds else 1.0
        if self.max_steps is not None:
            shares["steps"] = self.n_steps / self.max_steps
        if self.epochs is not None:
            shares["epochs"] = epochs / self.epochs
        return {reason: min(1.0, share) for reason, share in shares.items()}

    def start(
        self, *, n_rows: int, n_columns: int, n_train: int, n_validation: int, n_parameters: int
    ) -> None:
        """Emit `FitStart`."""
        self.emit(
            FitStart(
                self.seconds,
                n_rows=n_rows,
                n_columns=n_columns,
                n_train=n_train,
                n_validation=n_validation,
                n_parameters=n_parameters,
                backend=self.backend,
                budget_seconds=self.max_seconds,
                total_steps=self.max_steps,
                total_epochs=None if self.epochs is None else math.ceil(self.epochs),
            )
        )

    def phase(self, phase: Phase, seconds_left: float | None = None) -> None:
        """Emit the begin of a phase.

        By default, learning takes the rest of the time limit.
        """
        if phase == "learning" and seconds_left is None and self.max_seconds is not None:
            seconds_left = max(0.0, self.max_seconds - self.reserve - self.seconds)
        self.emit(PhaseReport(self.seconds, phase, seconds_left))

    def training(self, epoch: int, learning_rate: float, *, now: bool = False) -> None:
        """Emit the mean training loss since the last report; at most every 0.1 s unless `now`."""
        seconds = self.seconds
        if not now and seconds - self._reported_at < REPORT_SECONDS:
            return
        loss = float(np.mean(self.losses)) if self.losses else math.nan
        rows_per_second = self.n_seen / max(seconds, 1e-9)
        self.emit(TrainReport(seconds, self.n_steps, epoch, loss, learning_rate, rows_per_second))
        self._reported_at, self.losses = seconds, []

    def validation(
        self,
        loss: float,
        column_losses: Mapping[str, float],
        *,
        metrics: Mapping[str, Any] | None = None,
        best: bool | None = None,
    ) -> bool:
        """Emit the result of an evaluation, and return whether it is the best so far.

        Parameters
        ----------
        loss : float
            Loss of the validation rows.
        column_losses : mapping of str to float
            Loss of each column.
        metrics : mapping, optional
            Other measures of the validation rows.
        best : bool, optional
            Whether it is the best so far; by default, whether no earlier loss was as low.
        """
        if best is None:
            best = loss < self.best_loss
        if best:
            self.best_loss, self.best_step = loss, self.n_steps
        self.emit(
            EvalReport(
                self.seconds, self.n_steps, loss, dict(column_losses), best, dict(metrics or {})
            )
        )
        return best

    def examples(self, texts: Iterable[str]) -> None:
        """Emit the first texts, at most every 0.5 s; otherwise `texts` is not consumed."""
        if self.seconds - self._examples_at < EXAMPLE_SECONDS:
            return
        self._examples_at = self.seconds
        self.emit(TrainExamples(self.seconds, tuple(islice(texts, N_EXAMPLES))))

    def end(self, reason: Reason) -> None:
        """Emit `FitEnd`."""
        self.emit(FitEnd(self.seconds, self.n_steps, reason, self.best_step, self.best_loss))


def train_validation_split(
    present: NDArray[np.bool_], fraction: float, seed: int
) -> tuple[NDArray[np.int64], int]:
    """Shuffle the rows that have cells, and return how many of them are for validation.

    A row without cells has neither a training nor a validation loss; where fewer than two rows
    have cells, all rows are used.

    Parameters
    ----------
    present : ndarray of bool of shape (n_rows, n_columns)
        False where a cell is missing.
    fraction : float
        Share of validation rows.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    ndarray of int
        Row numbers.
    int
        Number of validation rows: at least one, and not all.

    Examples
    --------
    >>> present = np.array([[True], [False], [True], [True]])
    >>> rows, n_validation = train_validation_split(present, 0.1, seed=0)
    >>> sorted(rows.tolist()), n_validation
    ([0, 2, 3], 1)
    """
    usable = np.flatnonzero(present.any(axis=1))
    usable = usable if len(usable) > 1 else np.arange(len(present))
    shuffled = np.random.default_rng(seed).permutation(usable)
    return shuffled, min(len(usable) - 1, max(1, round(fraction * len(usable))))

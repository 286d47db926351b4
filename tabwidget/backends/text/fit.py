"""TextFit: the training loop of a text backend; it keeps the weights of lowest validation loss."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Ints
from tabwidget.backends.base import FitRequest
from tabwidget.backends.fair_lock import FairLock
from tabwidget.backends.fit_log import FitLog
from tabwidget.backends.text.fit_data import Batch, FitData
from tabwidget.backends.text.fit_settings import FitDefaults, FitSettings
from tabwidget.backends.text.rows import RowTokens
from tabwidget.backends.text.scoring_model import ScoringModel
from tabwidget.errors import ConfigError
from tabwidget.events import Event, Reason

__all__ = ["LoopFit", "TextFit"]

PATIENCE = 5  # evaluations without a gain, after which the schedule "auto" ends
MIN_GAIN = 1e-3  # relative decrease of the loss that counts as a gain


class TextFit(ABC):
    """Trains a scoring model, and leaves its best weights in it.

    Parameters
    ----------
    request : FitRequest
        The table, the training settings, and where events go.
    name : str
        Name of the backend in events.
    scorer : ScoringModel
        The model.
    tokens : RowTokens
        Encodes the rows.
    lock : FairLock
        Held while the model is used.
    adapters : bool, default False
        Whether only adapters are trained.
    processes : int, default 1
        Processes that share the batches.
    """

    defaults: ClassVar[FitDefaults] = FitDefaults()

    def __init__(
        self,
        request: FitRequest,
        name: str,
        scorer: ScoringModel,
        tokens: RowTokens,
        lock: FairLock,
        *,
        adapters: bool = False,
        processes: int = 1,
    ) -> None:
        self.request = replace(request, emit=_unlocked(request.emit, lock))
        training = request.training
        self.log = FitLog(
            self.request.emit,
            name,
            max_seconds=training.max_seconds,
            max_steps=training.max_steps,
            epochs=training.epochs,
        )
        self.log.phase("reading")
        self.scorer, self.lock = scorer, lock
        self.data = FitData(request, tokens)
        _check_lengths(int(self.data.lengths.max()), training.max_seq_length, scorer.max_length)
        self.settings = FitSettings.of(
            training,
            self.defaults,
            n_rows=len(self.data.train_rows),
            adapters=adapters,
            processes=processes,
        )
        self.batches = self.data.batches(self.settings.batch_size)
        self.validation_batches = self.data.validation_batches()
        self.progress = 0.0  # share of the nearest limit that is used up
        self.evals_without_gain, self.loss_to_beat = 0, math.inf
        self.newest: list[tuple[int, Ints]] = []  # rows of the last batch
        self.best: dict[str, NDArray[np.float32]] = {}
        self.reason: Reason = "stopped"

    @abstractmethod
    def train(self) -> None:
        """Take steps until `after_step` returns True."""

    def run(self) -> None:
        """Train, then restore the best weights."""
        data = self.data
        self.log.start(
            n_rows=len(self.request.table),
            n_columns=len(data.tokens.columns),
            n_train=len(data.train_rows),
            n_validation=len(data.validation_rows),
            n_parameters=self.scorer.n_parameters,
        )
        self.log.phase("learning")
        try:
            with self.lock.hold():
                self.evaluate()
                self.train()
        except Exception:
            self.reason = "failed"
            raise
        finally:
            with self.lock.hold():
                self.scorer.load_weights(self.best)
            self.log.end(self.reason)

    def after_step(self, loss: float, n_rows: int, epoch: int, rate: float) -> bool:
        """Log a step, evaluate when it is due, and return whether training is over.

        Parameters
        ----------
        loss : float
            The step's training loss, in nats per cell.
        n_rows : int
            Rows in the step.
        epoch : int
            Epoch of the step, from 0.
        rate : float
            The learning rate.
        """
        log = self.log
        log.n_steps += 1
        log.n_seen += n_rows
        log.losses.append(loss)
        shares = log.shares(log.n_steps / self.settings.steps_per_epoch)
        self.progress = self._max_over_processes(max(shares.values(), default=0.0))
        nearest = max(shares, key=shares.__getitem__, default=None)
        over = nearest if self.progress >= 1 else None
        stopped = self._max_over_processes(float(self.request.stopped())) > 0
        # A stopped fit skips the evaluation, unless no trained weights have been kept yet.
        due = bool(over) or log.n_steps % self.settings.eval_steps == 0
        evaluate = not log.best_step if stopped else due
        log.training(epoch, rate, now=evaluate)
        if evaluate:
            self.evaluate()
            if self.evals_without_gain >= PATIENCE and self.request.training.lr_scheduler == "auto":
                over = over or "converged"
        log.examples(self._examples())
        self.reason = "stopped" if stopped else over or self.reason
        self.lock.yield_to_waiting()
        return stopped or over is not None

    def evaluate(self) -> None:
        """Compute the validation loss in nats per cell; keep the weights if it is the lowest."""
        began = self.log.seconds
        columns, weights = self.data.tokens.columns, self.data.weights
        sums, counts = np.zeros(len(columns)), np.zeros(len(columns))
        for batch in self.validation_batches:
            losses = -self.scorer.token_log_probabilities(
                batch["ids"], batch["at"], batch["labels"]
            )
            np.add.at(sums, batch["owner"], losses)
            cells = np.unique(np.stack([batch["row"], batch["owner"]]), axis=1)
            np.add.at(counts, cells[1], 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            by_column = sums / counts
            loss = float((sums @ weights) / (counts @ weights))
        self.evals_without_gain += 1
        if loss < self.loss_to_beat * (1 - MIN_GAIN):
            self.loss_to_beat, self.evals_without_gain = loss, 0
        named = zip(columns, by_column, counts, strict=True)
        if self.log.validation(
            loss, {column.name: float(value) for column, value, n in named if n}
        ):
            self.best = self.scorer.trained_weights()
        # The last evaluation must fit into the time budget.
        self.log.reserve = self.log.seconds - began

    def batch(self, items: Sequence[tuple[int, Ints]]) -> Batch:
        """Return training rows, each with its column order, as a batch (see `collate`)."""
        self.newest = list(items)
        return self.data.batch(items)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, relative to the peak."""
        training = self.request.training
        progress = self.progress
        if training.warmup_ratio is not None:
            warm = progress / training.warmup_ratio if training.warmup_ratio else 1.0
        else:
            warm = (step + 1) / max(1, training.warmup_steps)
        if training.lr_scheduler == "cosine":
            decay = 0.5 * (1 + math.cos(math.pi * progress))
        elif training.lr_scheduler == "constant":
            decay = 1.0
        else:
            decay = 1.0 - progress
        return min(1.0, warm) * decay

    def _max_over_processes(self, value: float) -> float:
        """Return the largest value of any process: all must stop together, at one rate."""
        return value

    def _examples(self) -> Iterator[str]:
        """Yield the rows of the last batch as text, each in its column order."""
        names = [column.name for column in self.data.tokens.columns]
        for row, order in self.newest:
            number = int(self.data.train_rows[row])
            yield self.request.serialize(number, [names[i] for i in order])


class LoopFit(TextFit):
    """A fit with a loop of its own, in one process on one device."""

    @abstractmethod
    def step(self, batches: Sequence[Batch], rate: float) -> float:
        """Take one step on the summed gradients of the batches; return the loss per cell."""

    def train(self) -> None:
        """Take steps until `after_step` returns True."""
        size = self.request.training.grad_accumulation_steps
        for epoch in itertools.count():
            drawn = self.batches.epoch(epoch)
            while items := list(itertools.islice(drawn, size)):
                rate = self.settings.learning_rate * self.rate(self.log.n_steps)
                loss = self.step([self.batch(part) for part in items], rate)
                if self.after_step(loss, sum(map(len, items)), epoch, rate):
                    return


def _unlocked(emit: Callable[[Event], None], lock: FairLock) -> Callable[[Event], None]:
    """Return an `emit` that releases the lock, so that callbacks can query the model."""

    def emit_unlocked(event: Event) -> None:
        with lock.released():
            emit(event)

    return emit_unlocked


def _check_lengths(longest: int, asked: int | None, supported: int | None) -> None:
    if asked is not None and longest > asked:
        raise ConfigError(
            f"the longest row has {longest} tokens, more than max_seq_length={asked}: leave "
            "columns out, or raise max_seq_length"
        )
    if supported is not None and longest > supported:
        raise ConfigError(
            f"the longest row has {longest} tokens, and the model accepts at most {supported}: "
            "leave columns out, or give another model"
        )

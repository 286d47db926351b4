"""TextFit: one fit of a text model; what is learned, for how long, and which weights are kept."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Floats, Ints
from tabwidget.backends.base import FitRequest
from tabwidget.backends.fair_lock import FairLock
from tabwidget.backends.fit_log import TARGET_SHARE, FitLog, train_validation_split
from tabwidget.backends.text import RowBatches, RowTokens, ScoringModel, collated
from tabwidget.backends.text.batches import distinct_orders
from tabwidget.errors import ConfigError
from tabwidget.events import Event, Reason

__all__ = ["Batch", "LoopFit", "TextFit"]

Batch = Mapping[str, NDArray[Any]]

BATCH_SIZE = 8
LEARNING_RATE = 1e-4
ADAPTER_LEARNING_RATE = 1e-3
MAX_GRAD_NORM = 1.0
MAX_EVALUATED = 128  # validation rows that a loss is taken of
LOOK_STEPS = (5, 50)  # between two looks at least and at most; an epoch, if between these
PATIENCE = 5  # looks without a gain, after which "auto" ends
MIN_GAIN = 1e-3  # of the loss, that counts as one
NEVER = 10**9  # steps


class TextFit(ABC):
    """Trains what can be trained of a model, and leaves its best weights in it.

    Parameters
    ----------
    request : FitRequest
        What to learn, and whom to tell.
    name : str
        Of the model, as events tell it.
    scorer : ScoringModel
        The model.
    tokens : RowTokens
        Writes the rows.
    lock : FairLock
        Whose turn it is with the model.
    adapters : bool
        Whether only adapters are trained, which stand a higher learning rate.
    """

    batch_size = BATCH_SIZE
    learning_rate = LEARNING_RATE
    processes = 1

    def __init__(
        self,
        request: FitRequest,
        name: str,
        scorer: ScoringModel,
        tokens: RowTokens,
        lock: FairLock,
        *,
        adapters: bool = False,
    ) -> None:
        request = replace(request, emit=self._emitter(request.emit, lock))
        training = request.training
        self.log = FitLog(
            request.emit,
            name,
            max_seconds=training.max_seconds,
            max_steps=training.max_steps,
            epochs=training.epochs,
        )
        self.request, self.scorer, self.tokens, self.lock = (
            request,
            scorer,
            tokens,
            lock,
        )
        table = request.table
        self.rows = table.schema.rows(table.frame)[:, : len(tokens.columns)]
        present = np.isfinite(self.rows)
        shuffled, n_held = train_validation_split(
            present, training.validation_fraction, request.seed
        )
        self.held_rows, self.train_rows = shuffled[:n_held], shuffled[n_held:]
        names = [column.name for column in tokens.columns]
        targets = [index for index, name in enumerate(names) if name in request.targets]
        last = targets if training.loss_on_target_only else []
        self.weights = _column_weights(len(names), targets, only=bool(last))
        natural = np.arange(len(names))
        lengths = np.array(
            [len(tokens.row(self.rows[row], natural).ids) for row in self.train_rows]
        )
        self._check_lengths(int(lengths.max()))
        self.batches = RowBatches(
            present[self.train_rows],
            lengths,
            self.batch_size if training.batch_size == "auto" else training.batch_size,
            seed=request.seed,
            copies=training.augmentation_factor,
            last=last,
        )
        rate = training.learning_rate
        default = ADAPTER_LEARNING_RATE if adapters else self.learning_rate
        self.highest_rate = default if rate == "auto" else rate
        norm = training.max_grad_norm
        self.max_grad_norm = MAX_GRAD_NORM if norm == "auto" else norm or 0.0
        batches_per_step = training.grad_accumulation_steps * self.processes
        self.steps_per_epoch = math.ceil(len(self.batches) / batches_per_step)
        least, most = LOOK_STEPS
        self.eval_steps = min(max(least, self.steps_per_epoch), most)
        self.held = self._held_batches(present, last)
        self.progress = 0.0
        self.evals_since, self.mark = 0, math.inf
        self.newest: list[tuple[int, Ints]] = []
        self.best: dict[str, NDArray[np.float32]] = {}
        self.reason: Reason = "stopped"

    @staticmethod
    def _emitter(emit: Callable[[Event], None], lock: FairLock) -> Callable[[Event], None]:
        """Return what tells of events while the model is free to be asked."""

        def told(event: Event) -> None:
            with lock.released():
                emit(event)

        return told

    @abstractmethod
    def train(self) -> None:
        """Do steps until `after_step` says that it is enough."""

    def run(self) -> None:
        """Train to the end."""
        self.log.start(
            n_rows=len(self.request.table),
            n_columns=len(self.tokens.columns),
            n_train=len(self.train_rows),
            n_validation=len(self.held_rows),
            n_parameters=self.scorer.n_parameters,
        )
        try:
            with self.lock.hold():
                self.evaluate()
                self.train()
        except Exception:
            self.reason = "failed"
            raise
        finally:
            with self.lock.hold():
                self.scorer.take(self.best)
            self.log.end(self.reason)

    def after_step(self, loss: float, n_rows: int, epoch: int, rate: float) -> bool:
        """Tell of a step, look at the validation rows when it is time to; return whether to end.

        Parameters
        ----------
        loss : float
            Of the step, in nats a cell.
        n_rows : int
            Learned in it.
        epoch : int
            From 0.
        rate : float
            The learning rate.
        """
        log = self.log
        log.n_steps += 1
        log.n_seen += n_rows
        log.losses.append(loss)
        shares = log.shares(log.n_steps / self.steps_per_epoch)
        self.progress = self._most(max(shares.values(), default=0.0))
        nearest = max(shares, key=shares.__getitem__, default=None)
        over = nearest if self.progress >= 1 else None
        stopped = self._most(float(self.request.stopped())) > 0
        # Stopped by hand it ends at once, unless that would lose all that was learned.
        look = not log.best_step if stopped else bool(over) or log.n_steps % self.eval_steps == 0
        log.training(epoch, rate, now=look)
        if look:
            self.evaluate()
            if self.evals_since >= PATIENCE and self.request.training.lr_scheduler == "auto":
                over = over or "converged"
        log.examples(self._shown())
        self.reason = "stopped" if stopped else over or self.reason
        self.lock.yield_to_waiting()
        return stopped or over is not None

    def evaluate(self) -> None:
        """Take the loss of the validation rows; keep the weights if there was none lower."""
        began = self.log.seconds
        columns = self.tokens.columns
        sums, counts = np.zeros(len(columns)), np.zeros(len(columns))
        for batch in self.held:
            losses = -self.scorer.told(batch["ids"], batch["at"], batch["labels"])
            np.add.at(sums, batch["owner"], losses)
            cells = np.unique(np.stack([batch["row"], batch["owner"]]), axis=1)
            np.add.at(counts, cells[1], 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            each = sums / counts
            loss = float((sums @ self.weights) / (counts @ self.weights))
        self.evals_since += 1
        if loss < self.mark * (1 - MIN_GAIN):
            self.mark, self.evals_since = loss, 0
        told = zip(columns, each, counts, strict=True)
        if self.log.validation(loss, {column.name: float(one) for column, one, n in told if n}):
            self.best = self.scorer.trained()
        # The last look has to fit into the time there is.
        self.log.reserve = self.log.seconds - began

    def batch(self, items: Sequence[tuple[int, Ints]]) -> Batch:
        """Return rows, each with its column order, as a batch to learn (see `collated`)."""
        self.newest = list(items)
        rows = [self.tokens.row(self.rows[self.train_rows[row]], order) for row, order in items]
        return collated(rows, self.weights)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, as a share of the highest."""
        training = self.request.training
        progress = self.progress
        if training.warmup_ratio is not None:
            warm = progress / training.warmup_ratio if training.warmup_ratio else 1.0
        else:
            warm = (step + 1) / max(1, training.warmup_steps)
        if training.lr_scheduler == "cosine":
            high = 0.5 * (1 + math.cos(math.pi * progress))
        elif training.lr_scheduler == "constant":
            high = 1.0
        else:
            high = 1.0 - progress
        return min(1.0, warm) * high

    def _most(self, said: float) -> float:
        """Return the most that any process says: all must end together, and learn at one rate."""
        return said

    def _shown(self) -> Iterator[str]:
        """Yield the newest rows as text, each in the column order it was read in."""
        for row, order in self.newest:
            names = [self.tokens.columns[i].name for i in order]
            yield self.request.serialize(int(self.train_rows[row]), names)

    def _held_batches(self, present: NDArray[np.bool_], last: list[int]) -> list[Batch]:
        """Return the validation rows, each in one order for the whole fit."""
        numbers = self.held_rows[:MAX_EVALUATED]
        orders = distinct_orders(present[numbers], 1, seed=self.request.seed, epoch=NEVER)[:, 0]
        orders = np.take_along_axis(orders, np.isin(orders, last).argsort(1, kind="stable"), 1)
        rows = [self.tokens.row(self.rows[n], o) for n, o in zip(numbers, orders, strict=True)]
        rows.sort(key=lambda row: len(row.ids))
        return [
            collated(rows[start : start + BATCH_SIZE], self.weights)
            for start in range(0, len(rows), BATCH_SIZE)
        ]

    def _check_lengths(self, longest: int) -> None:
        asked, most = self.request.training.max_seq_length, self.scorer.most_length
        if asked is not None and longest > asked:
            raise ConfigError(
                f"the longest row has {longest} tokens, more than max_seq_length={asked}: leave "
                "columns out, or allow for more"
            )
        if most is not None and longest > most:
            raise ConfigError(
                f"the longest row has {longest} tokens, and the model reads {most} at most: leave "
                "columns out, or take another model"
            )


class LoopFit(TextFit):
    """A fit whose steps are done by a loop of ours, one process, one device."""

    @abstractmethod
    def step(self, batches: Sequence[Batch], rate: float) -> float:
        """Do one step, the gradients of the batches added up; return the loss in nats a cell."""

    def train(self) -> None:
        """Do steps until it is enough."""
        size = self.request.training.grad_accumulation_steps
        for epoch in itertools.count():
            drawn = self.batches.epoch(epoch)
            while items := list(itertools.islice(drawn, size)):
                rate = self.highest_rate * self.rate(self.log.n_steps)
                loss = self.step([self.batch(part) for part in items], rate)
                if self.after_step(loss, sum(map(len, items)), epoch, rate):
                    return


def _column_weights(n_columns: int, targets: list[int], *, only: bool) -> Floats:
    """Return how much a cell of each column counts; the targets together have at least a share."""
    weights = np.ones(n_columns)
    aimed = np.isin(np.arange(n_columns), targets)
    if only:
        return aimed.astype(np.float64)
    n_others = n_columns - len(targets)
    if targets and n_others:
        share = TARGET_SHARE / (1 - TARGET_SHARE)
        weights[aimed] = max(1.0, share * n_others / len(targets))
    return weights

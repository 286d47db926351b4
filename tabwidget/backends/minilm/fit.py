"""One fit of the default backend: the members of an ensemble, trained a step each in turn."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tabwidget._typing import Floats
from tabwidget.backends.base import FitRequest
from tabwidget.backends.fit_log import TARGET_SHARE, FitLog, train_validation_split
from tabwidget.backends.minilm.moments import covariances_of, moments_of
from tabwidget.backends.minilm.relevance import neighbors
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.events import Reason
from tabwidget.minilm.cell_model import CellColumn, CellModel, Cells
from tabwidget.minilm.cell_trainer import CellTrainer, Recipe
from tabwidget.minilm.gaussian_prior import Moments
from tabwidget.minilm.optimizer import warm_up
from tabwidget.table import Column
from tabwidget.table.column_orders import column_orders

__all__ = ["MAX_READ", "MiniLMFit", "Size", "cell_column", "encoded", "present_in"]


MAX_READ = 64  # columns that a row of a wide table is read by at a time
TEMPERATURES = [0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 1.9, 2.3]
COOLER = 0.85  # of several members, whose average is softer than each of them
PRIOR_CELLS = 20.0  # validation cells that speak for a temperature of one
N_FOLDS = 5  # of the rows, by which the Gaussian answers for rows that it was not fitted to
TIMED_STEPS = (1, 2, 5)  # after which the time that a step takes is looked at
MIN_STEPS = 80  # for which there must be time, or members are left out


@dataclass(frozen=True)
class Size:
    """What goes by the size of the table, where the user leaves it "auto".

    Small tables overfit within a hundred steps, so several short-lived models that hold out
    other rows are worth more than one long-lived; large tables need every step for one.

    Examples
    --------
    >>> Size.of(150, 5)
    Size(members=4, dropout=0.2, batch_size=32)
    """

    members: int
    dropout: float
    batch_size: int

    @classmethod
    def of(cls, n_rows: int, n_columns: int) -> Size:
        """Return the choices for a table."""
        cells = n_rows * n_columns
        return cls(
            members=4 if cells <= 3_000 else 3 if cells <= 20_000 else 1,
            dropout=0.2 if n_rows <= 2_000 else 0.1 if n_rows <= 20_000 else 0.0,
            batch_size=32 if n_rows <= 1_000 else 64 if n_rows <= 5_000 else 256,
        )


def encoded(model: CellModel, columns: Sequence[Column], rows: Floats) -> Cells:
    """Return rows of numbers, as `TableSchema.rows` writes them, as the model's cells."""
    present = present_in(columns, rows)
    n_asked = sum(column.role == "feature" for column in columns)
    asked = torch.from_numpy(rows[:, :n_asked])
    features = torch.empty(len(rows), 0)
    if model.gaussian is not None:
        features = model.gaussian.features(asked)
    # A text lies on no nodes, and is no answer.
    node = torch.zeros(present.shape, dtype=torch.int64)
    between, answer = torch.zeros(present.shape), torch.full(present.shape, -1)
    for index, column in enumerate(columns[:n_asked]):
        node[:, index], between[:, index] = model.place(index, asked[:, index])
        answer[:, index] = torch.from_numpy(column.codes(rows[:, index]))
    return Cells(
        node,
        between,
        answer,
        torch.from_numpy(present),
        torch.from_numpy(np.nan_to_num(rows[:, n_asked:])).float(),
        features,
        torch.full((len(rows),), -1),
    )


def present_in(columns: Sequence[Column], rows: Floats) -> NDArray[np.bool_]:
    """Return which cells are there, shape ``(n_rows, n_columns)``."""
    starts = np.cumsum([0, *(column.width for column in columns[:-1])])
    return np.isfinite(rows[:, starts])


class MiniLMFit:
    """Trains the members of an ensemble in turn, a step each, so that all can be asked any time.

    Parameters
    ----------
    request : FitRequest
        What to learn, and whom to tell.
    config : ModelConfig
        Size of the models.
    columns : sequence of Column
        The active ones.
    started : sequence of CellModel
        Models to go on from; empty to begin anew.
    """

    def __init__(
        self,
        request: FitRequest,
        config: ModelConfig,
        columns: Sequence[Column],
        started: Sequence[CellModel] = (),
    ) -> None:
        warm_up()
        table, training = request.table, request.training
        self.log = FitLog(
            request.emit,
            "minilm",
            max_seconds=training.max_seconds,
            max_steps=training.max_steps,
            epochs=training.epochs,
        )
        self.request, self.columns = request, columns
        rows = table.schema.rows(table.frame)
        present = present_in(columns, rows)
        size = Size.of(*present.shape)
        models = [_resumed(model) for model in started]
        if not models:
            asked = [column for column in columns if column.role == "feature"]
            parts = [cell_column(c, _nodes(c, rows[:, i])) for i, c in enumerate(asked)]
            parts += [cell_column(column, None) for column in columns[len(asked) :]]
            models = _new_models(config, size, parts, moments_of(rows, asked), request.seed)
        cells = encoded(models[0], columns, rows)
        self.near = _near(rows, columns, request.seed)
        targets = [index for index, c in enumerate(columns) if c.name in request.targets]
        share = 1.0 if training.loss_on_target_only else TARGET_SHARE
        weights = _column_weights(cells.answer, targets, share)
        recipe = _recipe(training, size)
        shuffled, n_held = train_validation_split(
            present, training.validation_fraction, request.seed
        )
        self.members: list[CellTrainer] = []
        self.train_rows: list[NDArray[np.int64]] = []
        self.held_rows: list[NDArray[np.int64]] = []
        for index, model in enumerate(models):
            # Each member holds out other rows, so that all rows are learned by someone.
            turned = np.roll(shuffled, -index * n_held)
            held, rest = turned[:n_held], turned[n_held:]
            train, holdout = cells[torch.from_numpy(rest)], cells[torch.from_numpy(held)]
            if not started:
                train = _fit_gaussian(model, train, holdout)
            self.train_rows.append(rest)
            self.held_rows.append(held)
            seed = request.seed * len(models) + index
            orders = _orders(len(columns), self.near, targets, seed)
            self.members.append(CellTrainer(model, train, holdout, orders, weights, recipe, seed))
        self.timed = (0, 0.0)

    @property
    def progress(self) -> float:
        """Share used of the limit that is nearest, 0 to 1; 0 without limits."""
        return max(self._shares().values(), default=0.0)

    def _shares(self) -> dict[Reason, float]:
        return self.log.shares(self.members[0].epoch)

    def run(self, publish: Callable[[tuple[CellModel, ...]], None]) -> None:
        """Train to the end.

        Parameters
        ----------
        publish : callable
            Takes the members' best weights, models of their own, whenever they got better.
        """
        self.log.start(
            n_rows=len(self.request.table),
            n_columns=len(self.columns),
            n_train=len(self.train_rows[0]),
            n_validation=len(self.held_rows[0]),
            n_parameters=sum(p.numel() for m in self.members for p in m.model.parameters()),
        )
        reason: Reason = "stopped"
        try:
            if self.request.resume:
                self._look(self.members, publish)
            reason = self._train(publish)
        except Exception:
            reason = "failed"
            raise
        finally:
            # Stopped by hand or by an interrupt, the best weights are kept all the same.
            if self.log.best_loss == math.inf and self.log.n_steps:
                self._look(self.members, publish)
            self._calibrate(publish)
            self.log.end(reason)

    def _train(self, publish: Callable[[tuple[CellModel, ...]], None]) -> Reason:
        while active := [member for member in self.members if not member.finished]:
            progress = self.progress
            for member in active:
                self.log.losses.append(member.step(progress))
                self.log.n_seen += len(member.batch_rows)
            self.log.n_steps += 1
            if self.log.n_steps in TIMED_STEPS:
                self._spare()
            over = self.progress >= 1
            due = [member for member in active if member.due or member.finished or over]
            self.log.training(active[0].epoch, active[0].learning_rate, now=bool(due))
            self.log.examples(self._newest())
            if due:
                self._look(due, publish)
            if self.request.stopped():
                return "stopped"
            if over:
                break
        shares = self._shares()
        return max(shares, key=shares.__getitem__) if self.progress >= 1 else "converged"

    def _spare(self) -> None:
        """Leave members out that there is no time for: one that is trained is worth more."""
        limit, (step, since) = self.request.training.max_seconds, self.timed
        self.timed = self.log.n_steps, self.log.seconds
        if limit is None or step == 0:
            return
        a_round = (self.log.seconds - since) / (self.log.n_steps - step)
        rounds = (limit - self.log.seconds) / max(a_round, 1e-9)
        count = round(len(self.members) * min(1.0, rounds / MIN_STEPS))
        self.members = self.members[: max(1, count)]

    def _look(
        self, members: Sequence[CellTrainer], publish: Callable[[tuple[CellModel, ...]], None]
    ) -> None:
        """Let members look at the rows they hold out; publish what got better."""
        began = time.perf_counter()
        looks = [member.evaluate() for member in members]
        # What is left to do at the end takes about as long as a look.
        share = len(self.members) / len(members)
        self.log.reserve = max(self.log.reserve, share * (time.perf_counter() - began))
        if any(better for _, better in looks):
            publish(tuple(member.best for member in self.members))
        loss = float(np.mean([member.last_loss for member in self.members]))
        means = torch.stack([member.column_losses for member in self.members]).nanmean(0)
        names = self.request.table.schema.targets
        self.log.validation(loss, {name: float(means[i]) for i, name in enumerate(names)})

    def _calibrate(self, publish: Callable[[tuple[CellModel, ...]], None]) -> None:
        """Find the temperature of each column at which validation cells are likeliest."""
        if self.log.best_loss == math.inf:
            return
        losses = torch.stack([m.losses_at(TEMPERATURES) for m in self.members]).sum(0)
        logs = torch.tensor(TEMPERATURES).log()[:, None]
        best = (losses + PRIOR_CELLS * logs**2).argmin(0)
        temperatures = torch.tensor(TEMPERATURES)[best]
        if len(self.members) > 1:
            temperatures = temperatures * COOLER
        for member in self.members:
            member.cool(temperatures)
        publish(tuple(member.best for member in self.members))

    def _newest(self) -> Iterator[str]:
        """Yield rows of the first member's last batch as text, each in its column order."""
        member, numbers = self.members[0], self.train_rows[0]
        for row, order in zip(
            member.batch_rows.tolist(), member.batch_orders.tolist(), strict=False
        ):
            yield self.request.serialize(int(numbers[row]), [self.columns[i].name for i in order])


def _near(rows: Floats, columns: Sequence[Column], seed: int) -> NDArray[np.int64]:
    """Return the columns that each of a wide table is read with; none if the table is not wide."""
    if len(columns) <= MAX_READ:
        return np.empty((len(columns), 0), dtype=np.int64)
    return neighbors(rows, columns, MAX_READ // 2, seed=seed)


def _fit_gaussian(model: CellModel, train: Cells, holdout: Cells) -> Cells:
    """Give the model the covariance of the rows that it learns from; return them in folds."""
    gaussian = model.gaussian
    assert gaussian is not None
    fold = torch.arange(len(train)) % N_FOLDS
    gaussian.learn(
        *covariances_of(
            train.features,
            train.present[:, gaussian.owner],
            fold,
            holdout.features,
            holdout.present[:, gaussian.owner],
        )
    )
    return replace(train, fold=fold)


def _resumed(model: CellModel) -> CellModel:
    """Return a copy to train on: temperatures are found anew at the end."""
    copied = copy.deepcopy(model).train()
    copied.temperature.fill_(1.0)
    return copied


def _new_models(
    config: ModelConfig, size: Size, columns: list[CellColumn], moments: Moments, seed: int
) -> list[CellModel]:
    generator = torch.Generator().manual_seed(seed)
    return [
        CellModel(
            columns,
            width=config.width,
            layers=config.layers,
            heads=config.heads,
            dropout=size.dropout if config.dropout == "auto" else config.dropout,
            moments=moments,
            generator=generator,
        )
        for _ in range(size.members if config.members == "auto" else config.members)
    ]


def _recipe(training: TrainingConfig, size: Size) -> Recipe:
    default = Recipe()
    rate = training.learning_rate
    return Recipe(
        # Gradients of several batches add up to those of a larger one.
        batch_size=training.grad_accumulation_steps
        * (size.batch_size if training.batch_size == "auto" else training.batch_size),
        learning_rate=default.learning_rate if rate == "auto" else rate,
        # The two rates keep their ratio.
        matrix_learning_rate=default.matrix_learning_rate
        * (1.0 if rate == "auto" else rate / default.learning_rate),
        schedule=training.lr_scheduler,
        warmup_steps=training.warmup_steps,
        warmup_share=training.warmup_ratio,
        most_gradient=None if training.max_grad_norm == "auto" else training.max_grad_norm,
        orders_per_row=training.augmentation_factor,
        muon=training.optimizer in ("auto", "muon"),
        weight_decay=training.weight_decay,
    )


def cell_column(column: Column, nodes: Floats | None) -> CellColumn:
    """Return what the model knows of a column; `nodes` are None for levels and texts."""
    answers = torch.from_numpy(np.asarray(column.grid, dtype=np.float64))
    if nodes is None:
        return CellColumn(answers, None, width=0 if column.space is None else column.width)
    cuts = np.concatenate([[column.low], (column.grid[1:] + column.grid[:-1]) / 2, [column.high]])
    if column.edges is not None:
        # Beside a value that stands alone it stays halfway: its own bin has no width to speak of.
        alone = np.pad(column.atoms, 1)
        cuts = np.where(alone[1:] | alone[:-1], cuts, column.edges)
    return CellColumn(answers, torch.from_numpy(nodes), torch.from_numpy(cuts))


def _nodes(column: Column, numbers: Floats) -> Floats | None:
    """Return where on the number line a column's vectors are learned."""
    if not column.is_number:
        return None
    if column.edges is None:
        return np.unique(numbers[np.isfinite(numbers)])
    # A value that stands alone is one node, not the two ends of its narrow bin.
    alone = np.pad(column.atoms, 1)
    edges = column.edges[~(alone[1:] | alone[:-1])]
    return np.unique(np.concatenate([edges, column.grid[column.atoms]]))


def _column_weights(answers: Tensor, targets: Sequence[int], least: float) -> Tensor:
    """Return each column's weight in the loss.

    A column counts by the inverse of its entropy, or a number with many answers would drown a
    label with two; the targets together have at least a share. A constant counts nothing.
    """
    entropy = torch.tensor([_entropy(column) for column in answers.T])
    varied = entropy > 0
    weights = torch.where(varied, 1 / entropy.clamp_min(0.05), 0.0)
    weights = weights / weights.sum().clamp_min(1e-9)
    aimed = torch.zeros(len(entropy), dtype=torch.bool)
    aimed[list(targets)] = True
    aimed &= varied
    share = float(weights[aimed].sum())
    if 0 < share < least:
        weights = torch.where(aimed, weights * least / share, weights * (1 - least) / (1 - share))
    return weights * len(weights)


def _entropy(answers: Tensor) -> float:
    """Return the entropy in nats of the answers present."""
    counts = torch.bincount(answers[answers >= 0]).double()
    share = counts[counts > 0] / counts.sum()
    return float(-(share * share.log()).sum())


def _orders(
    n_columns: int, near: NDArray[np.int64], targets: Sequence[int], seed: int
) -> Callable[[int, int], Tensor]:
    """Return what draws the orders of a batch.

    Rows of a wide table are read in part: a column, its neighbors, and others by chance.
    """

    def orders(n_rows: int, step: int) -> Tensor:
        if n_columns <= MAX_READ:
            drawn = column_orders(n_rows, n_columns, seed=seed, epoch=step)
            return torch.from_numpy(drawn)
        rng = np.random.default_rng([seed, step])
        # Half of the steps are about a target, if there are any.
        about = rng.choice(targets) if len(targets) and step % 2 else rng.integers(n_columns)
        others = np.setdiff1d(np.arange(n_columns), [about, *near[about]])
        chance = rng.choice(others, MAX_READ - 1 - near.shape[1], replace=False)
        read = np.sort(np.concatenate([[about], near[about], chance]))
        drawn = column_orders(n_rows, MAX_READ, seed=seed, epoch=step)
        return torch.from_numpy(read[drawn])

    return orders

"""One fit of the fitted network: an ensemble of cell models, trained in turn, a step each."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from tabwidget._formatting import format_value
from tabwidget._typing import Floats
from tabwidget.backends.base import FitRequest
from tabwidget.backends.fit_log import TARGET_SHARE, FitLog, train_validation_split
from tabwidget.backends.minilm.encoding import cell_columns, encode, present_cells
from tabwidget.backends.minilm.loss_weights import column_weights
from tabwidget.backends.minilm.moments import covariances_of, moments_of
from tabwidget.backends.minilm.reading_orders import order_sampler, read_neighbors
from tabwidget.backends.minilm.size_defaults import ModelSettings, recipe_of
from tabwidget.config import ModelConfig
from tabwidget.events import PhaseReport, Reason
from tabwidget.minilm.cell_data import Cells
from tabwidget.minilm.cell_model import CellModel
from tabwidget.minilm.cell_trainer import CellTrainer
from tabwidget.minilm.optimizer import warm_up
from tabwidget.table import Column

__all__ = ["MiniLMFit"]

TEMPERATURES = [0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 1.9, 2.3]
ENSEMBLE_TEMPERATURE = 0.85  # of each member: their average is softer than any of them
PRIOR_CELLS = 20.0  # validation cells' worth of evidence for a temperature of one
N_FOLDS = 5  # training folds that the Gaussian prior leaves out in turn
TIMED_STEPS = (1, 2, 5)  # after which the time per step is measured
MIN_STEPS = 80  # that must fit into the time limit, or members are dropped

Publish = Callable[[tuple[CellModel, ...]], None]


class MiniLMFit:
    """Trains the members of an ensemble in turn, a step each, so that all are usable at any time.

    Parameters
    ----------
    request : FitRequest
        The table, the training settings and the limits.
    config : ModelConfig
        Size of the models.
    columns : sequence of Column
        The inputs of the table's schema.
    started : sequence of CellModel
        Models to resume from; empty to train new ones.

    Attributes
    ----------
    members : list of CellTrainer
        The ensemble.
    train_rows, validation_rows : list of ndarray of int
        Row numbers of each member.
    near : ndarray of int
        Neighbors of each column, see `read_neighbors`.
    """

    def __init__(
        self,
        request: FitRequest,
        config: ModelConfig,
        columns: Sequence[Column],
        started: Sequence[CellModel] = (),
    ) -> None:
        request.emit(PhaseReport(0.0, "loading"))
        warm_up()
        table, training = request.table, request.training
        self.log = FitLog(
            request.emit,
            "minilm",
            max_seconds=training.max_seconds,
            max_steps=training.max_steps,
            epochs=training.epochs,
        )
        self.log.phase("reading")
        self.request, self.columns = request, columns
        rows = table.schema.rows(table.frame)
        settings = ModelSettings.of(len(rows), len(columns), config, training)
        self.log.phase("moments")
        models = [_resumed(model) for model in started]
        models = models or _new_models(config, settings, columns, rows, request.seed)
        cells = encode(models[0], columns, rows)
        self.near = read_neighbors(rows, columns, request.seed)
        self.train_rows, self.validation_rows = _splits(request, columns, rows, len(models))
        targets = [index for index, c in enumerate(columns) if c.name in request.targets]
        min_share = 1.0 if training.loss_on_target_only else TARGET_SHARE
        weights = column_weights(cells.code, targets, min_share)
        recipe = recipe_of(training, settings.batch_size)
        self.members: list[CellTrainer] = []
        for index, model in enumerate(models):
            train = cells[torch.from_numpy(self.train_rows[index])]
            validation = cells[torch.from_numpy(self.validation_rows[index])]
            if not started:
                train = _fit_gaussian(model, train, validation)
            seed = request.seed * len(models) + index
            orders = order_sampler(len(columns), self.near, targets, seed)
            self.members.append(
                CellTrainer(model, train, validation, orders, weights, recipe, seed)
            )
        self._timed = (0, 0.0)  # steps and seconds at the last measurement

    @property
    def progress(self) -> float:
        """Used share of the nearest limit, 0 to 1; 0 without limits."""
        return max(self._shares().values(), default=0.0)

    def _shares(self) -> dict[Reason, float]:
        return self.log.shares(self.members[0].epoch)

    def run(self, publish: Publish) -> None:
        """Train to the end.

        Parameters
        ----------
        publish : callable
            Called with the best weights of all members after each improvement.
        """
        self.log.start(
            n_rows=len(self.request.table),
            n_columns=len(self.columns),
            n_train=len(self.train_rows[0]),
            n_validation=len(self.validation_rows[0]),
            n_parameters=sum(p.numel() for m in self.members for p in m.model.parameters()),
        )
        self.log.phase("learning")
        reason: Reason = "stopped"
        try:
            if self.request.resume:
                self._evaluate(self.members, publish)
            reason = self._train(publish)
        except Exception:
            reason = "failed"
            raise
        finally:
            # The best weights are kept also after a stop or an interrupt.
            if self.log.best_loss == math.inf and self.log.n_steps:
                self._evaluate(self.members, publish)
            self.log.phase("calibrating", self.log.reserve)
            self._calibrate(publish)
            self.log.end(reason)

    def _train(self, publish: Publish) -> Reason:
        while active := [member for member in self.members if not member.finished]:
            progress = self.progress
            for member in active:
                self.log.losses.append(member.step(progress))
                self.log.n_seen += len(member.batch_rows)
            self.log.n_steps += 1
            if self.log.n_steps in TIMED_STEPS:
                self._drop_members()
            over = self.progress >= 1
            due = [member for member in active if member.due or member.finished or over]
            self.log.training(active[0].epoch, active[0].learning_rate, now=bool(due))
            self.log.examples(self._examples())
            if due:
                self._evaluate(due, publish)
            if self.request.stopped():
                return "stopped"
            if over:
                break
        shares = self._shares()
        return max(shares, key=shares.__getitem__) if self.progress >= 1 else "converged"

    def _drop_members(self) -> None:
        """Drop members that the time limit leaves too few steps: fewer but trained ones are better.

        Keeps ``n_members * min(1, remaining rounds / MIN_STEPS)``, and at least one.
        """
        limit, (step, since) = self.request.training.max_seconds, self._timed
        self._timed = self.log.n_steps, self.log.seconds
        if limit is None or step == 0:
            return
        seconds_per_round = (self.log.seconds - since) / (self.log.n_steps - step)
        rounds = (limit - self.log.seconds) / max(seconds_per_round, 1e-9)
        count = round(len(self.members) * min(1.0, rounds / MIN_STEPS))
        self.members = self.members[: max(1, count)]

    def _evaluate(self, members: Sequence[CellTrainer], publish: Publish) -> None:
        """Evaluate members on their validation rows; publish improvements."""
        began = time.perf_counter()
        better = [member.evaluate()[1] for member in members]
        # The calibration at the end takes about as long as an evaluation of all members.
        share = len(self.members) / len(members)
        self.log.reserve = max(self.log.reserve, share * (time.perf_counter() - began))
        if any(better):
            publish(tuple(member.best for member in self.members))
        loss = float(np.mean([member.last_loss for member in self.members]))
        means = torch.stack([member.column_losses for member in self.members]).nanmean(0)
        names = self.request.table.schema.targets
        self.log.validation(loss, {name: float(means[i]) for i, name in enumerate(names)})

    def _calibrate(self, publish: Publish) -> None:
        """Set the temperature of each column by its validation loss, with a prior around one.

        ``argmin_T  loss(T) + PRIOR_CELLS * log(T)^2``, the loss summed over members and cells.
        """
        if self.log.best_loss == math.inf:
            return
        losses = torch.stack([m.losses_at(TEMPERATURES) for m in self.members]).sum(0)
        logs = torch.tensor(TEMPERATURES).log()[:, None]
        best = (losses + PRIOR_CELLS * logs**2).argmin(0)
        temperatures = torch.tensor(TEMPERATURES)[best]
        if len(self.members) > 1:
            temperatures = temperatures * ENSEMBLE_TEMPERATURE
        for member in self.members:
            member.set_temperature(temperatures)
        publish(tuple(member.best for member in self.members))

    def _examples(self) -> Iterator[str]:
        """Yield rows of the first member's last batch in words, each in its column order."""
        member, numbers = self.members[0], self.train_rows[0]
        for row, order in zip(
            member.batch_rows.tolist(), member.batch_orders.tolist(), strict=False
        ):
            cells = self.request.table.row(int(numbers[row]))
            names = [self.columns[i].name for i in order]
            # Cells are read one by one: no serializer writes this row.
            known = [name for name in names if name in cells]
            yield ", ".join(f"{name}={format_value(cells[name])}" for name in known)


def _new_models(
    config: ModelConfig,
    settings: ModelSettings,
    columns: Sequence[Column],
    rows: Floats,
    seed: int,
) -> list[CellModel]:
    """Return the untrained members of an ensemble."""
    moments = moments_of(rows, [column for column in columns if column.role == "feature"])
    parts, generator = cell_columns(columns, rows), torch.Generator().manual_seed(seed)
    return [
        CellModel(
            parts,
            width=config.width,
            layers=config.layers,
            heads=config.heads,
            dropout=settings.dropout,
            moments=moments,
            generator=generator,
        )
        for _ in range(settings.members)
    ]


def _resumed(model: CellModel) -> CellModel:
    """Return a copy to train on; its temperatures are reset, to be calibrated at the end."""
    copied = copy.deepcopy(model).train()
    copied.temperature.fill_(1.0)
    return copied


def _splits(
    request: FitRequest, columns: Sequence[Column], rows: Floats, n_members: int
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """Return training and validation rows of each member; each has other validation rows."""
    shuffled, n_validation = train_validation_split(
        present_cells(columns, rows), request.training.validation_fraction, request.seed
    )
    rolled = [np.roll(shuffled, -index * n_validation) for index in range(n_members)]
    return [rows[n_validation:] for rows in rolled], [rows[:n_validation] for rows in rolled]


def _fit_gaussian(model: CellModel, train: Cells, validation: Cells) -> Cells:
    """Set the covariance of the model's Gaussian prior; return the training rows with folds."""
    gaussian = model.gaussian
    assert gaussian is not None
    fold = torch.arange(len(train)) % N_FOLDS
    gaussian.set_covariance(
        *covariances_of(
            train.features,
            train.present[:, gaussian.owner],
            fold,
            validation.features,
            validation.present[:, gaussian.owner],
        )
    )
    return replace(train, fold=fold)

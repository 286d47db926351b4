"""Training of a cell model: one member of an ensemble, one step at a time.

The learning rate is constant until the validation loss stops falling, then goes through a cooldown
from the best weights on; the weights evaluated and kept are an EMA. The caller owns the clock and
the loop, so training can be stopped or evaluated after any step.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from tabwidget.minilm.cell_data import Cells
from tabwidget.minilm.cell_model import CellModel, missing_last
from tabwidget.minilm.optimizer import ema_of, optimizers_of

__all__ = ["CellTrainer", "Recipe"]

GOLDEN_RATIO = (5**0.5 - 1) / 2
PRIOR_WEIGHTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)
MAX_VALIDATION_ROWS = 1024


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of the training of a cell model.

    Attributes
    ----------
    batch_size : int
        Rows per step.
    learning_rate : float
        For all weights but the blocks' matrices.
    matrix_learning_rate : float
        For the blocks' matrices, with Muon.
    schedule : {"auto", "constant", "linear", "cosine"}
        "auto" is constant, then a cooldown once the validation loss stops falling, or from
        `cooldown_from` on.
    warmup_steps : int
        Steps of the warmup.
    warmup_share : float or None
        Share of the limit used for the warmup, instead of `warmup_steps`.
    max_grad_norm : float or None
        Norm that gradients are clipped to.
    orders_per_row : int
        Column orders per row and epoch.
    muon : bool
        Whether the blocks' matrices are trained by Muon rather than AdamW.
    weight_decay : float
        Decoupled, on all weights.
    ema_decay : float
        Decay of the EMA of the weights, per step.
    patience : int
        Evaluations without a gain before the cooldown.
    min_gain : float
        Share by which the loss must fall to count as a gain.
    cooldown_from : float
        Share of the limit after which the cooldown starts in any case.
    """

    batch_size: int = 64
    learning_rate: float = 5e-3
    matrix_learning_rate: float = 0.02
    schedule: str = "auto"
    warmup_steps: int = 20
    warmup_share: float | None = None
    max_grad_norm: float | None = None
    orders_per_row: int = 1
    muon: bool = True
    weight_decay: float = 0.1
    ema_decay: float = 0.97
    patience: int = 5
    min_gain: float = 5e-4
    cooldown_from: float = 0.6


class CellTrainer:
    """Trains one `CellModel`.

    Parameters
    ----------
    model : CellModel
        Trained in place; `best` holds the weights to keep.
    train, validation : Cells
        Training rows, and the rows by which the best weights are chosen.
    orders : callable
        ``orders(n_rows, step)`` returns the column orders of a batch, shape ``(n_rows, n_read)``:
        the same set of columns for each row.
    column_weights : Tensor of shape (n_columns,)
        Weight of each column's cells in the loss.
    recipe : Recipe
        Hyperparameters.
    seed : int, default 0
        Seed of batches and dropout.

    Attributes
    ----------
    best : CellModel
        The EMA weights of the lowest validation loss; replaced as a whole, never changed.
    best_loss, last_loss : float
        Lowest and last validation loss.
    column_losses : Tensor of shape (n_columns,)
        Validation loss of each column at the best weights.
    epoch, n_steps : int
        Epochs and steps done.
    finished : bool
        Whether the limit or the end of the cooldown is reached.
    """

    def __init__(
        self,
        model: CellModel,
        train: Cells,
        validation: Cells,
        orders: Callable[[int, int], Tensor],
        column_weights: Tensor,
        recipe: Recipe,
        seed: int = 0,
    ) -> None:
        self.model, self.train, self.recipe = model, train, recipe
        self.orders, self.column_weights = orders, column_weights
        self.n_steps = 0
        self.epoch = 0
        self.finished = False
        self.best_loss = self.last_loss = math.inf
        self._generator = torch.Generator().manual_seed(seed)
        self._validation = self._repeated(validation)
        model.fit_prior_weight(PRIOR_WEIGHTS, *self._validation)
        self.best = copy.deepcopy(model).eval()
        self.column_losses = torch.full((model.n_columns,), math.nan)
        self.batch_rows = torch.empty(0, dtype=torch.int64)
        self.batch_orders = torch.empty(0, model.n_columns, dtype=torch.int64)
        self._ema = ema_of(model, recipe.ema_decay)
        self._ema.eval()
        self._optimizers = optimizers_of(
            model,
            model.transformer,
            learning_rate=recipe.learning_rate,
            matrix_learning_rate=recipe.matrix_learning_rate,
            weight_decay=recipe.weight_decay,
            muon=recipe.muon,
        )
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
        self._batches = self._endless_batches()
        self._best_optimizers: list[dict[str, object]] = []
        self._best_step = self._evaluated_at = self._without_gain = 0
        self._cooldown: tuple[int, int, float] | None = None  # first step, steps, progress

    def step(self, progress: float) -> float:
        """Take one gradient step and return its loss, in nats per cell.

        Parameters
        ----------
        progress : float
            Share of the limit used so far, 0 to 1.
        """
        rate = self._rate(progress)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * rate
        self.batch_rows, self.batch_orders = next(self._batches)
        # The golden ratio spreads prefix lengths evenly over any number of steps.
        share = (self.n_steps * GOLDEN_RATIO) % 1
        batch = self.train[self.batch_rows]
        prefix = _prefix(batch, self.batch_orders, share)
        loss, _ = self._loss(self.model, batch, self.batch_orders, prefix)
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        loss.backward()
        if self.recipe.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.max_grad_norm)
        for optimizer in self._optimizers:
            optimizer.step()
        self._ema.update_parameters(self.model)
        self.n_steps += 1
        if progress >= 1 or (self._cooldown is not None and rate <= 0):
            self.finished = True
        return float(loss.detach())

    @property
    def learning_rate(self) -> float:
        """Learning rate of the last step."""
        return float(self._optimizers[-1].param_groups[0]["lr"])

    @property
    def due(self) -> bool:
        """Whether an evaluation is due."""
        if self._cooldown is not None:
            since = max(5, self._cooldown[1] // 10)
        else:
            since = max(10, self.n_steps // 10)
        return self.n_steps - self._evaluated_at >= since

    def set_temperature(self, temperatures: Tensor) -> None:
        """Set the softmax temperature of each column in the best weights."""
        self.best = copy.deepcopy(self.best)
        self.best.temperature.copy_(temperatures)

    def losses_at(self, temperatures: Sequence[float]) -> Tensor:
        """Return each column's summed validation loss of the best weights at temperatures.

        Parameters
        ----------
        temperatures : sequence of float
            Candidates.

        Returns
        -------
        Tensor of shape (n_temperatures, n_columns)
        """
        return self.best.losses_at(temperatures, *self._validation)

    def evaluate(self) -> tuple[float, bool]:
        """Return the validation loss of the EMA weights, and whether it is the lowest so far."""
        self._evaluated_at = self.n_steps
        ema = cast(CellModel, self._ema.module)
        with torch.no_grad():
            loss, column_losses = self._loss(ema, *self._validation)
        self.last_loss = float(loss)
        better = self.last_loss < self.best_loss
        # A gain must be worth its steps, or a smooth problem would never end.
        gained = self.last_loss < self.best_loss - self.recipe.min_gain * abs(self.best_loss)
        self._without_gain = 0 if gained or self.best_loss == math.inf else self._without_gain + 1
        if better:
            self.best_loss, self.column_losses = self.last_loss, column_losses
            self._best_step = self.n_steps
            # A new copy: other threads may be using the former best.
            self.best = copy.deepcopy(ema)
            if self._cooldown is None:
                self._best_optimizers = [copy.deepcopy(o.state_dict()) for o in self._optimizers]
        return self.last_loss, better

    def _rate(self, progress: float) -> float:
        """Return the factor on the learning rates."""
        recipe = self.recipe
        warmup = min(1.0, (self.n_steps + 1) / max(1, recipe.warmup_steps))
        if recipe.warmup_share is not None:
            warmup = min(1.0, progress / max(1e-9, recipe.warmup_share))
        if recipe.schedule == "linear":
            return warmup * max(0.0, 1 - progress)
        if recipe.schedule == "cosine":
            return warmup * (1 + math.cos(math.pi * min(1.0, progress))) / 2
        if recipe.schedule == "constant":
            return warmup
        if self._cooldown is None and (
            self._without_gain >= recipe.patience or progress >= recipe.cooldown_from
        ):
            self._start_cooldown(progress)
        if self._cooldown is None:
            return warmup
        start, steps, since = self._cooldown
        used = max((self.n_steps - start) / steps, (progress - since) / max(1e-9, 1 - since))
        return max(0.0, 1 - used)

    def _start_cooldown(self, progress: float) -> None:
        """Go back to the best weights, and lower the learning rate from there."""
        if self._best_optimizers and self._best_step < self.n_steps:
            self.model.load_state_dict(self.best.state_dict())
            for optimizer, state in zip(self._optimizers, self._best_optimizers, strict=True):
                optimizer.load_state_dict(state)
        self._cooldown = (self.n_steps, max(40, self._best_step // 2), progress)

    def _loss(
        self, model: CellModel, cells: Cells, orders: Tensor, prefix: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the weighted loss, and the unweighted mean of each column."""
        log_probs, scored = model(cells, orders, prefix, self._generator)
        means = -log_probs.detach().sum(0) / scored.sum(0)
        weights = scored * self.column_weights
        return -(log_probs * weights).sum() / weights.sum().clamp_min(1e-9), means

    def _endless_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield row numbers and their column orders, reshuffled every epoch."""
        n, size = len(self.train) * self.recipe.orders_per_row, self.recipe.batch_size
        # A small last batch would be a noisy step of full size.
        starts = [start for start in range(0, n, size) if start == 0 or n - start >= size // 2]
        for epoch in itertools.count():
            shuffled = torch.randperm(n, generator=self._generator) % len(self.train)
            for start in starts:
                # The epoch ends with its last batch.
                self.epoch = epoch + (start == starts[-1])
                rows = shuffled[start : start + size]
                orders = self.orders(len(rows), self.n_steps)
                yield rows, missing_last(orders, self.train.present[rows])

    def _repeated(self, validation: Cells) -> tuple[Cells, Tensor, Tensor]:
        """Return the validation rows in fixed orders and prefixes, repeated if they are few."""
        # An evaluation should cost no more than four steps, if the rows are few enough for that.
        times = max(1, min(4, 4 * self.recipe.batch_size // len(validation)))
        rows = torch.arange(len(validation))[:MAX_VALIDATION_ROWS].repeat(times)
        cells = validation[rows]
        # The seed is a step that training never reaches.
        orders = missing_last(self.orders(len(rows), 2**31), cells.present)
        return cells, orders, _prefix(cells, orders, torch.arange(len(rows)) * GOLDEN_RATIO % 1)


def _prefix(cells: Cells, orders: Tensor, share: Tensor | float) -> Tensor:
    """Return a share of the number of cells that each row reads."""
    return (cells.present.gather(1, orders).sum(1) * share).long()

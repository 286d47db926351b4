"""Training of a cell model: one member of an ensemble, a step at a time.

The learning rate is held until the loss on the validation rows no longer falls, then cools down
from the best weights; what is kept is an average of the weights over the last steps. A caller
owns the clock and the loop, so training can be stopped or looked at after any step.
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

from tabwidget.minilm.cell_model import CellModel, Cells, missing_last
from tabwidget.minilm.optimizer import averaged, optimizers_of

__all__ = ["CellTrainer", "Recipe"]

GOLDEN = (5**0.5 - 1) / 2
TRUSTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)


@dataclass(frozen=True)
class Recipe:
    """How a cell model is trained.

    Attributes
    ----------
    batch_size : int
        Rows a step.
    learning_rate : float
        For all weights but the blocks' matrices.
    matrix_learning_rate : float
        For the blocks' matrices, with Muon.
    schedule : {"auto", "constant", "linear", "cosine"}
        "auto" cools down once the validation loss no longer falls, or from `cool_from` on.
    warmup_steps : int
        Steps over which the rate rises.
    warmup_share : float or None
        Share of the limit over which it rises instead.
    most_gradient : float or None
        Norm that gradients are cut to.
    orders_per_row : int
        Column orders that a row is read in an epoch.
    muon : bool
        Whether the blocks' matrices are moved by Muon rather than AdamW.
    weight_decay : float
        Decoupled, on all weights.
    averaged : float
        Decay of the average over steps.
    patience : int
        Looks at the validation rows without a gain after which the rate is cooled.
    least_gain : float
        Share by which the loss must fall to count as a gain.
    cool_from : float
        Share of the limit after which the rate is cooled in any case.
    """

    batch_size: int = 64
    learning_rate: float = 5e-3
    matrix_learning_rate: float = 0.02
    schedule: str = "auto"
    warmup_steps: int = 20
    warmup_share: float | None = None
    most_gradient: float | None = None
    orders_per_row: int = 1
    muon: bool = True
    weight_decay: float = 0.1
    averaged: float = 0.97
    patience: int = 5
    least_gain: float = 5e-4
    cool_from: float = 0.6


class CellTrainer:
    """Trains one `CellModel`.

    Parameters
    ----------
    model : CellModel
        Trained in place; ask `best` for the weights to keep.
    train, holdout : Cells
        Rows to learn from, and rows to choose the best weights by.
    orders : callable
        ``orders(n_rows, step)`` returns the column orders of a batch, shape ``(n_rows, n_read)``:
        the same columns for each row.
    column_weights : Tensor of shape (n_columns,)
        Weight of each column's cells in the loss.
    recipe : Recipe
        How to train.
    """

    def __init__(
        self,
        model: CellModel,
        train: Cells,
        holdout: Cells,
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
        held = self._holdout, self._holdout_orders, self._holdout_prefix = self._repeated(holdout)
        model.trust_gaussian(TRUSTS, *held)
        self.best = copy.deepcopy(model).eval()
        self.column_losses = torch.full((model.n_columns,), math.nan)
        self.batch_rows = torch.empty(0, dtype=torch.int64)
        self.batch_orders = torch.empty(0, model.n_columns, dtype=torch.int64)
        self._average = averaged(model, recipe.averaged)
        self._average.eval()
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
        self._kept: list[dict[str, object]] = []
        self._best_step = self._looked = self._misses = 0
        self._cooling: tuple[int, int, float] | None = None

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
        # The golden ratio spreads the shares evenly, however many steps there are.
        share = (self.n_steps * GOLDEN) % 1
        batch = self.train[self.batch_rows]
        prefix = _prefix(batch, self.batch_orders, share)
        loss, _ = self._loss(self.model, batch, self.batch_orders, prefix)
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        loss.backward()
        if self.recipe.most_gradient is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.most_gradient)
        for optimizer in self._optimizers:
            optimizer.step()
        self._average.update_parameters(self.model)
        self.n_steps += 1
        if progress >= 1 or (self._cooling is not None and rate <= 0):
            self.finished = True
        return float(loss.detach())

    @property
    def learning_rate(self) -> float:
        """The rate of the last step."""
        return float(self._optimizers[-1].param_groups[0]["lr"])

    @property
    def due(self) -> bool:
        """Whether it is time to look at the validation rows."""
        if self._cooling is not None:
            since = max(5, self._cooling[1] // 10)
        else:
            since = max(10, self.n_steps // 10)
        return self.n_steps - self._looked >= since

    def cool(self, temperatures: Tensor) -> None:
        """Let the best weights answer at these temperatures, one a column."""
        self.best = copy.deepcopy(self.best)
        self.best.temperature.copy_(temperatures)

    def losses_at(self, temperatures: Sequence[float]) -> Tensor:
        """Return each column's summed loss on the validation rows if the best weights answer so.

        Parameters
        ----------
        temperatures : sequence of float
            To try.

        Returns
        -------
        Tensor of shape (n_temperatures, n_columns)
        """
        held = (self._holdout, self._holdout_orders, self._holdout_prefix)
        return self.best.losses_at(temperatures, *held)

    def evaluate(self) -> tuple[float, bool]:
        """Return the loss on the validation rows, and whether it is the lowest so far."""
        self._looked = self.n_steps
        averaged = cast(CellModel, self._average.module)
        with torch.no_grad():
            loss, column_losses = self._loss(
                averaged, self._holdout, self._holdout_orders, self._holdout_prefix
            )
        self.last_loss = float(loss)
        better = self.last_loss < self.best_loss
        # What is gained must be worth the steps, or a smooth problem never ends.
        gained = self.last_loss < self.best_loss - self.recipe.least_gain * abs(self.best_loss)
        self._misses = 0 if gained or self.best_loss == math.inf else self._misses + 1
        if better:
            self.best_loss, self.column_losses = self.last_loss, column_losses
            self._best_step = self.n_steps
            # A copy of its own: whoever asks the former best meanwhile is not disturbed.
            self.best = copy.deepcopy(averaged)
            if self._cooling is None:
                self._kept = [copy.deepcopy(o.state_dict()) for o in self._optimizers]
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
        if self._cooling is None and (
            self._misses >= recipe.patience or progress >= recipe.cool_from
        ):
            self._cool(progress)
        if self._cooling is None:
            return warmup
        start, steps, since = self._cooling
        used = max((self.n_steps - start) / steps, (progress - since) / max(1e-9, 1 - since))
        return max(0.0, 1 - used)

    def _cool(self, progress: float) -> None:
        """Go back to the best weights, to end from there at a falling rate."""
        if self._kept and self._best_step < self.n_steps:
            self.model.load_state_dict(self.best.state_dict())
            for optimizer, state in zip(self._optimizers, self._kept, strict=True):
                optimizer.load_state_dict(state)
        self._cooling = (self.n_steps, max(40, self._best_step // 2), progress)

    def _loss(
        self, model: CellModel, cells: Cells, orders: Tensor, prefix: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the weighted loss, and the plain mean of each column."""
        likely, asked = model(cells, orders, prefix, self._generator)
        means = -likely.detach().sum(0) / asked.sum(0)
        weights = asked * self.column_weights
        return -(likely * weights).sum() / weights.sum().clamp_min(1e-9), means

    def _endless_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield row numbers and their column orders, shuffled anew every epoch."""
        n, size = len(self.train) * self.recipe.orders_per_row, self.recipe.batch_size
        # A remainder of a few rows would make a noisy step of full size.
        starts = [start for start in range(0, n, size) if start == 0 or n - start >= size // 2]
        for epoch in itertools.count():
            shuffled = torch.randperm(n, generator=self._generator) % len(self.train)
            for start in starts:
                # An epoch is over with its last batch.
                self.epoch = epoch + (start == starts[-1])
                rows = shuffled[start : start + size]
                orders = self.orders(len(rows), self.n_steps)
                yield rows, missing_last(orders, self.train.present[rows])

    def _repeated(self, holdout: Cells, most: int = 1024) -> tuple[Cells, Tensor, Tensor]:
        """Return the validation rows, each several times if they are few, in fixed orders."""
        # A look is to cost no more than four steps, if the rows are few enough for that.
        times = max(1, min(4, 4 * self.recipe.batch_size // len(holdout)))
        rows = torch.arange(len(holdout))[:most].repeat(times)
        cells = holdout[rows]
        # A step that training never reaches.
        orders = missing_last(self.orders(len(rows), 2**31), cells.present)
        return cells, orders, _prefix(cells, orders, torch.arange(len(rows)) * GOLDEN % 1)


def _prefix(cells: Cells, orders: Tensor, share: Tensor | float) -> Tensor:
    """Return how many of the cells that each row reads make up a share of them."""
    return (cells.present.gather(1, orders).sum(1) * share).long()

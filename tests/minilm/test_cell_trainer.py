"""Tests of CellTrainer: schedules, the best weights, and the end of training."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tabwidget.minilm.cell_data import CellColumn, Cells
from tabwidget.minilm.cell_model import CellModel
from tabwidget.minilm.cell_trainer import CellTrainer, Recipe


def orders(n_rows: int, epoch: int) -> Tensor:
    generator = torch.Generator().manual_seed(epoch)
    return torch.rand(n_rows, 2, generator=generator).argsort(1)


def trainer(n: int = 96, schedule: str = "auto", missing: bool = False) -> CellTrainer:
    """Two columns of three levels each, the second equal to the first."""
    torch.manual_seed(0)
    model = CellModel(
        [CellColumn(torch.arange(3.0).double(), None)] * 2, width=16, layers=1, heads=2
    )
    levels = torch.randint(3, (n, 1)).expand(n, 2)
    codes = levels.clone()
    if missing:
        codes[: n // 2, 0] = -1
    cells = Cells.of(levels + torch.tensor([0, 3]), torch.zeros(n, 2), codes)
    recipe = Recipe(batch_size=32, schedule=schedule)
    return CellTrainer(model, cells[16:], cells[:16], orders, torch.ones(2), recipe)


def trained(member: CellTrainer, steps: int) -> CellTrainer:
    for step in range(steps):
        member.step(step / steps)
        if member.due:
            member.evaluate()
    return member


@pytest.mark.parametrize("schedule", ["auto", "constant", "linear", "cosine"])
def test_it_learns_that_two_columns_are_equal(schedule: str) -> None:
    member = trained(trainer(schedule=schedule), 80)
    # The first of the two columns costs ln 3, the second nothing. With prefixes, the second is
    # scored twice as often: (1 * ln 3 + 2 * 0) / 3.
    assert member.best_loss == pytest.approx(math.log(3) / 3, abs=0.15)


def test_missing_cells_leave_loss_and_weights_finite() -> None:
    member = trained(trainer(missing=True), 60)
    assert math.isfinite(member.best_loss)
    assert all(parameter.isfinite().all() for parameter in member.best.parameters())


def test_the_best_weights_are_those_of_the_lowest_validation_loss() -> None:
    member = trainer()
    losses = []
    for step in range(60):
        member.step(step / 60)
        if member.due:
            losses.append(member.evaluate()[0])
    assert member.best_loss == min(losses)
    with torch.no_grad():
        loss, _ = member._loss(member.best, *member._validation)
    assert float(loss) == pytest.approx(member.best_loss)


def test_the_best_is_not_changed_by_more_steps() -> None:
    member = trained(trainer(), 40)
    best = member.best
    before = [parameter.clone() for parameter in best.parameters()]
    trained(member, 20)
    assert all(map(torch.equal, before, best.parameters()))


def test_it_ends_by_itself_without_further_gain() -> None:
    member = trainer()
    for _ in range(3000):
        member.step(0.0)
        if member.due:
            member.evaluate()
        if member.finished:
            break
    assert member.finished


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    member, rates = trainer(schedule="linear"), []
    for step in range(100):
        member.step(step / 100)
        rates.append(member.learning_rate)
    assert rates[0] < rates[10] < rates[20]
    assert rates[30] > rates[60] > rates[99]
    assert rates[99] < 0.02 * max(rates)


def test_a_small_remainder_is_no_batch() -> None:
    member = trainer(n=16 + 32 + 5)
    sizes = {len(rows) for rows, _ in (next(member._batches) for _ in range(6))}
    assert sizes == {32}


def test_a_table_smaller_than_a_batch_is_one_batch() -> None:
    member = trainer(n=16 + 3)
    rows, orders_of_rows = next(member._batches)
    assert len(rows) == len(orders_of_rows) == 3

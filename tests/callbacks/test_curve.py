"""loss_curve: size of the plot and round ticks."""

from __future__ import annotations

import pytest

from tabwidget.callbacks.curve import loss_curve, round_ticks
from tabwidget.events import Point


def points(losses: list[float], split: str = "train") -> list[Point]:
    return [Point(seconds=0, step=i, loss=x, split=split) for i, x in enumerate(losses)]  # type: ignore[typeddict-item]


@pytest.mark.parametrize("losses", [[], [1.0], [float("nan")], [float("inf"), 1.0], [1.0] * 5])
def test_few_or_unknown_losses_are_plotted(losses: list[float]) -> None:
    assert len(loss_curve(points(losses), 60, 12).splitlines()) == 12


def test_each_split_has_its_color() -> None:
    cyan, orange = "\x1b[38;5;6m", "\x1b[38;5;3m"
    train, validation = points([3.0, 2.0, 1.0]), points([2.5, 2.0], "validation")
    assert orange not in loss_curve(train, 60, 12)
    assert cyan in loss_curve(train, 60, 12)
    assert orange in loss_curve(train + validation, 60, 12)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [([], [0.0]), ([3, 3], [3]), ([0, 100], [0, 50, 100]), ([0.31, 1.69], [0.5, 1.0, 1.5])],
)
def test_ticks_are_round_numbers(values: list[float], ticks: list[float]) -> None:
    assert round_ticks(values, 4) == ticks

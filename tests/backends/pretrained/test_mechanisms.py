"""Tests of the functions, noise and levels that synthetic tables are made of."""

from __future__ import annotations

import pytest
import torch

from tabwidget.backends.pretrained.mechanisms import (
    FUNCTIONS,
    GROUPS,
    Draw,
    Function,
    Parents,
    grouped,
    interaction,
    levels_of,
    noise_of,
    shown,
    stairs,
    standardize,
)


@pytest.fixture
def draw() -> Draw:
    return Draw(torch.Generator().manual_seed(0))


def parents_of(draw: Draw, tables: int = 16, rows: int = 200, count: int = 3) -> Parents:
    return Parents(
        effects=draw.normal(tables, rows, count),
        groups=draw.integers(GROUPS, tables, rows, count),
        weights=draw.normal(tables, count),
    )


def test_draw_seeds_its_plain_numbers_from_its_generator() -> None:
    first, again = (Draw(torch.Generator().manual_seed(5)) for _ in range(2))
    assert first.plain.random() == again.plain.random()
    assert torch.equal(first.normal(3), again.normal(3))


def test_chance_is_as_often_true_as_its_probability(draw: Draw) -> None:
    assert draw.chance(0.2, 10_000).float().mean() == pytest.approx(0.2, abs=0.02)


def test_pick_follows_the_weights(draw: Draw) -> None:
    assert draw.pick(torch.tensor([[0.0, 1.0], [1.0, 0.0]])).tolist() == [1, 0]


@pytest.mark.parametrize("function", FUNCTIONS, ids=[function.__name__ for function in FUNCTIONS])
@pytest.mark.parametrize("count", [1, 3])
def test_every_function_gives_a_finite_number_for_each_row(
    function: Function, count: int, draw: Draw
) -> None:
    values = function(parents_of(draw, count=count), draw)
    assert values.shape == (16, 200)
    assert values.isfinite().all()
    assert (values.std(1) > 0).float().mean() > 0.7


def test_a_grouped_slope_differs_by_group(draw: Draw) -> None:
    parents = parents_of(draw, rows=2000)
    values = grouped(parents, draw)
    slopes = []
    for group in range(3):
        rows = parents.groups[0, :, 0] == group
        x, y = parents.second[0, rows], values[0, rows]
        slopes.append(((x - x.mean()) * (y - y.mean())).mean() / x.var())
    assert len({round(float(slope), 1) for slope in slopes}) == 3


def test_an_interaction_is_a_value_for_each_pair_of_groups(draw: Draw) -> None:
    parents = parents_of(draw, rows=2000)
    values = interaction(parents, draw)
    for table in range(4):
        pairs = {
            (int(a), int(b), float(value))
            for (a, b, _), value in zip(parents.groups[table], values[table], strict=True)
        }
        assert len(pairs) == len({(a, b) for a, b, _ in pairs})


def test_stairs_have_few_steps(draw: Draw) -> None:
    assert all(len(row.unique()) <= 40 for row in stairs(parents_of(draw, rows=2000), draw))


def test_noise_reaches_a_thousandth(draw: Draw) -> None:
    spread = noise_of(torch.full((2000, 1), 0.001), None, 100, draw).std(1)
    assert spread.min() < 0.002
    assert spread.median() < 0.005


def test_levels_stay_below_the_count_of_their_table(draw: Draw) -> None:
    counts = torch.arange(2, 41)
    levels, effects = levels_of(standardize(draw.normal(39, 500)), counts, 40, draw)
    assert (levels.amax(1) < counts).all()
    assert levels.max() > 12
    assert effects.isfinite().all()


def test_shown_numbers_are_also_inflated_long_tailed_and_of_few_values(draw: Draw) -> None:
    numbers = shown(standardize(draw.normal(600, 300)), draw)
    zeros = (numbers == 0).float().mean(1)
    distinct = torch.tensor([len(row.unique()) for row in numbers])
    skew = standardize(numbers).pow(3).mean(1)
    assert ((zeros > 0.1) & (zeros < 0.95)).float().mean() > 0.05
    assert (distinct <= 10).float().mean() > 0.08
    assert (skew > 2).float().mean() > 0.05
    assert numbers.isfinite().all()

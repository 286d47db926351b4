"""Tests of synthetic tables."""

from __future__ import annotations

import pytest
import torch

from tabwidget.backends.pretrained.features import Kind
from tabwidget.backends.pretrained.mechanisms import Draw
from tabwidget.backends.pretrained.synthetic import (
    MAX_COLUMN_LEVELS,
    MAX_TARGET_LEVELS,
    SyntheticTables,
    _crosses,
    hide_query_cells,
    synthetic_tables,
)

KINDS: list[Kind] = ["number", "levels"]


def drawn(
    kind: Kind, seed: int = 0, tables: int = 8, rows: int = 60, columns: int = 6
) -> SyntheticTables:
    return synthetic_tables(tables, rows, columns, kind, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_types(kind: Kind) -> None:
    tables = drawn(kind)
    assert len(tables) == 8
    assert tables.kind == kind
    assert tables.numbers.shape == tables.codes.shape == tables.known.shape == (8, 60, 6)
    assert tables.is_number.shape == (8, 6)
    assert tables.target.shape == (8, 60)
    assert tables.known.dtype == tables.is_number.dtype == torch.bool
    assert tables.codes.dtype == torch.long
    assert tables.target.is_floating_point() == (kind == "number")


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_tables(kind: Kind) -> None:
    first, again, other = drawn(kind, 3), drawn(kind, 3), drawn(kind, 4)
    for name in ("numbers", "codes", "is_number", "known", "target"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert not torch.equal(first.target, other.target)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", [1, 2, 25, 60])
def test_any_number_of_columns_up_to_sixty(kind: Kind, columns: int) -> None:
    tables = drawn(kind, tables=2, columns=columns)
    assert tables.numbers.shape == (2, 60, columns)
    assert tables.numbers.isfinite().all()


def test_numbers_and_levels_have_columns_of_their_own() -> None:
    for seed in range(10):
        tables = drawn("levels", seed)
        leveled = ~tables.is_number[:, None].expand_as(tables.codes)
        assert not tables.numbers[leveled].any()
        assert not tables.codes[~leveled].any()
        assert 0 <= tables.codes.min() <= tables.codes.max() < MAX_COLUMN_LEVELS
        assert 0 <= tables.target.min() <= tables.target.max() < MAX_TARGET_LEVELS


def test_some_columns_have_more_levels_than_a_target() -> None:
    most = max(int(drawn("levels", seed, 2, 30, 12).codes.max()) for seed in range(12))
    assert most >= MAX_TARGET_LEVELS


def test_many_targets_depend_on_the_columns() -> None:
    strong = []
    for seed in range(12):
        tables = drawn("number", seed, rows=200, columns=4)
        values = torch.where(tables.is_number[:, None], tables.numbers, tables.codes.float())
        joined = torch.cat([values, tables.target[..., None]], 2)
        strong += [
            float(torch.corrcoef(table.T).nan_to_num()[-1, :-1].abs().max()) for table in joined
        ]
    assert sum(value > 0.5 for value in strong) > 0.3 * len(strong)
    assert sum(value > 0.95 for value in strong) > 0.02 * len(strong)


def test_a_third_of_the_tables_misses_cells() -> None:
    shares = [drawn("number", seed, 20, 20, 4).known.float().mean((1, 2)) for seed in range(12)]
    known = torch.cat(shares)
    assert 0.2 < (known < 1).float().mean() < 0.6
    assert known.min() > 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_the_target_of_crossed_tables_is_told_by_a_pair_of_columns(kind: Kind) -> None:
    gains = []
    for seed in range(40):
        draw = Draw(torch.Generator().manual_seed(seed))
        tables = _crosses(1, 2000, 2, kind, draw)
        assert not tables.is_number.any()
        codes, target = tables.codes[0], tables.target[0].float()
        pair = codes[:, 0] * MAX_TARGET_LEVELS + codes[:, 1]
        means = {int(one): target[pair == one].mean() for one in pair.unique()}
        left = target - torch.stack([means[int(one)] for one in pair])
        gains.append(float(1 - left.var() / target.var().clamp_min(1e-9)))
    assert sum(gain > 0.5 for gain in gains) > 8


def test_cells_of_queries_alone_are_hidden_in_half_of_the_tables() -> None:
    known = torch.ones(200, 30, 5, dtype=torch.bool)
    hidden = ~hide_query_cells(known, 10, Draw(torch.Generator().manual_seed(0)))
    assert not hidden[:, :10].any()
    assert hidden.any((1, 2)).float().mean() == pytest.approx(0.5, abs=0.1)

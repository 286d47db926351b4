from __future__ import annotations

import math

import numpy as np
import pytest

from tabwidget.backends.text.batches import RowBatches, collate, distinct_orders
from tests.backends.text.fakes import mixed, row_tokens_of

PRESENT = np.ones((40, 4), dtype=bool)
LENGTHS = np.random.default_rng(0).integers(5, 60, 40)


def test_an_epoch_holds_every_row_once_for_each_copy() -> None:
    batches = RowBatches(PRESENT, LENGTHS, 8, seed=0, copies=3)
    rows = [row for batch in batches.epoch(2) for row, _ in batch]
    assert np.bincount(rows).tolist() == [3] * 40
    assert len(list(batches.epoch(2))) == len(batches)


def test_an_epoch_depends_only_on_seed_and_number() -> None:
    def epoch(seed: int, number: int) -> list[list[tuple[int, list[int]]]]:
        batches = RowBatches(PRESENT, LENGTHS, 8, seed=seed)
        return [[(row, order.tolist()) for row, order in b] for b in batches.epoch(number)]

    assert epoch(0, 1) == epoch(0, 1)
    assert epoch(0, 1) != epoch(0, 2)
    assert epoch(0, 1) != epoch(1, 1)


def test_rows_of_a_batch_have_similar_lengths() -> None:
    batches = RowBatches(PRESENT, LENGTHS, 8, seed=0)
    padded = sum(max(LENGTHS[row] for row, _ in b) * len(b) for b in batches.epoch(0))
    assert padded < 1.3 * LENGTHS.sum()


def test_last_columns_come_last() -> None:
    batches = RowBatches(PRESENT, LENGTHS, 8, seed=0, last=[1, 3])
    orders = [order for batch in batches.epoch(0) for _, order in batch]
    assert all(set(order[2:].tolist()) == {1, 3} for order in orders)
    assert len({tuple(order) for order in orders}) > 2


def test_orders_differ_in_the_present_cells() -> None:
    present = np.array([[True, True, True, True], [True, False, False, True]])
    orders = distinct_orders(present, 5, seed=0, epoch=0)
    distinct = [
        {tuple(o for o in order if has[o]) for order in row}
        for row, has in zip(orders.tolist(), present, strict=True)
    ]
    assert [len(orders) for orders in distinct] == [5, math.factorial(2)]


@pytest.mark.parametrize("weights", [[1.0, 1.0, 1.0], [0.0, 2.0, 0.0]])
def test_a_batch_indexes_the_tokens_of_cells_but_no_padding(weights: list[float]) -> None:
    tokens = row_tokens_of(mixed())
    rows = [
        tokens.row([1.0, 12.0, 30.5], [2, 0, 1]),
        tokens.row([np.nan, 123.0, np.nan], [0, 1, 2]),
    ]
    batch = collate(rows, np.array(weights))
    width = batch["ids"].shape[1]
    for at, label, row, owner, weight in zip(
        *(batch[key] for key in ("at", "labels", "row", "owner", "weights")), strict=True
    ):
        number, index = divmod(int(at), width)
        assert number == row
        assert rows[number].ids[index + 1] == label
        assert rows[number].owner[index + 1] == owner
        assert weight == weights[owner] > 0
    counted = [(row.owner[row.owner >= 0], row) for row in rows]
    assert len(batch["at"]) == sum((np.array(weights)[owner] > 0).sum() for owner, _ in counted)
    assert batch["cells"] == sum(np.array(weights)[np.unique(owner)].sum() for owner, _ in counted)

"""Tests of the column orders of training batches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from tabwidget.backends.minilm.reading_orders import MAX_READ, order_sampler, read_neighbors
from tabwidget.table import Table

N = 100  # columns of a wide table


def near() -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return the columns after each as its neighbors."""
    return (np.arange(N)[:, None] + np.arange(1, MAX_READ // 2 + 1)) % N


def test_a_narrow_table_is_read_in_whole() -> None:
    sample = order_sampler(5, np.empty((5, 0), dtype=np.int64), [2], seed=3)
    orders = sample(20, 4)
    assert torch.equal(orders.sort(dim=1).values, torch.arange(5).expand(20, -1))
    assert len({tuple(order) for order in orders.tolist()}) > 1
    assert torch.equal(orders, sample(20, 4))
    assert not torch.equal(orders, sample(20, 5))


def test_rows_of_a_wide_table_read_a_center_and_its_neighbors() -> None:
    sample = order_sampler(N, near(), [7], seed=0)
    for step in range(4):
        orders = sample(3, step)
        read = {frozenset(order) for order in orders.tolist()}
        assert len(read) == 1  # the same columns for all rows
        [columns] = read
        assert len(columns) == MAX_READ
        if step % 2:
            assert {7, *near()[7].tolist()} <= columns


def test_only_wide_tables_have_neighbors() -> None:
    rng = np.random.default_rng(0)
    for n, width in ((3, 0), (MAX_READ + 1, MAX_READ // 2)):
        frame = pd.DataFrame(rng.normal(size=(30, n)), columns=[f"x{i}" for i in range(n)])
        table = Table(frame)
        found = read_neighbors(table.schema.rows(frame), table.schema.inputs, seed=0)
        assert found.shape == (n, width)

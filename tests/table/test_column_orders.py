"""Column orders."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.table.column_orders import column_orders

sizes = st.integers(0, 12)
seeds = st.integers(0, 2**32 - 1)


@given(n_rows=sizes, n_columns=sizes, seed=seeds, epoch=seeds)
def test_each_row_is_a_permutation(n_rows: int, n_columns: int, seed: int, epoch: int) -> None:
    orders = column_orders(n_rows, n_columns, seed=seed, epoch=epoch)
    assert orders.shape == (n_rows, n_columns)
    assert (np.sort(orders, axis=1) == np.arange(n_columns)).all()


@given(seed=seeds, epoch=seeds)
def test_an_epoch_can_be_repeated(seed: int, epoch: int) -> None:
    once, again = (column_orders(5, 6, seed=seed, epoch=epoch) for _ in range(2))
    assert (once == again).all()


def test_seed_and_epoch_each_change_the_draw() -> None:
    first = column_orders(20, 8, seed=0, epoch=0)
    assert (first != column_orders(20, 8, seed=1, epoch=0)).any()
    assert (first != column_orders(20, 8, seed=0, epoch=1)).any()


def test_rows_have_different_orders() -> None:
    orders = column_orders(50, 8, seed=0, epoch=0)
    assert len(np.unique(orders, axis=0)) > 45

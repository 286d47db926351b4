"""Rows of a fit: split, loss weights and validation batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from tabwidget.backends.text.fit_data import MAX_VALIDATION_ROWS, FitData
from tests.backends.text.fakes import mixed, request_of, row_tokens_of


def data_of(n_rows: int = 60, **request: Any) -> FitData:
    table = mixed(n_rows)
    return FitData(request_of(table=table, **request), row_tokens_of(table))


def test_rows_are_split_once_and_for_all() -> None:
    data = data_of()
    split = [*data.train_rows.tolist(), *data.validation_rows.tolist()]
    assert sorted(split) == list(range(60))
    assert len(data.lengths) == len(data.train_rows)
    np.testing.assert_array_equal(data_of().validation_rows, data.validation_rows)


def test_targets_have_half_of_the_loss() -> None:
    assert data_of().weights.tolist() == [1.0, 1.0, 1.0]
    assert data_of(targets=("kind",)).weights.tolist() == [2.0, 1.0, 1.0]
    assert data_of(targets=("kind", "count")).weights.tolist() == [1.0, 1.0, 1.0]


def test_the_loss_on_targets_only_puts_them_last() -> None:
    data = data_of(targets=("count",), loss_on_target_only=True)
    assert data.weights.tolist() == [0.0, 1.0, 0.0]
    orders = [order for batch in data.batches(8).epoch(0) for _, order in batch]
    assert {int(order[-1]) for order in orders} == {1}
    assert all(set(batch["owner"].tolist()) <= {1} for batch in data.validation_batches())


def test_validation_batches_are_fixed_and_bounded() -> None:
    data = data_of(600, validation_fraction=0.5)
    first, second = data.validation_batches(), data.validation_batches()
    assert sum(len(batch["ids"]) for batch in first) == MAX_VALIDATION_ROWS
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one["ids"], two["ids"])


def test_a_batch_holds_the_training_rows_in_the_given_orders() -> None:
    data = data_of()
    order = np.array([2, 0, 1])
    batch = data.batch([(3, order)])
    expected = data.tokens.row(data.rows[data.train_rows[3]], order).ids
    np.testing.assert_array_equal(batch["ids"][0], expected)

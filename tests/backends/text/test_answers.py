from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tabwidget.backends.text.answers import TextAnswers
from tests.backends.text.fakes import FakeScoringModel, mixed, row_tokens_of

TABLE = mixed(24)
ROWS = TABLE.schema.rows(TABLE.frame)


def answers(max_batch_tokens: int = 4_000) -> TextAnswers:
    return TextAnswers(row_tokens_of(TABLE), FakeScoringModel(max_batch_tokens), seed=3)


@pytest.fixture(scope="module")
def found() -> NDArray[np.float64]:
    return answers().predict(ROWS, np.arange(24) % 3, orders=2)[0]


def test_an_answer_is_a_distribution_over_the_support(found: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    sizes = [len(column.support) for column in TABLE.schema.inputs]
    for row, probabilities in enumerate(found):
        assert not probabilities[sizes[row % 3] :].any()


@pytest.mark.parametrize("max_batch_tokens", [1, 300])
def test_an_answer_does_not_depend_on_the_batch(
    found: NDArray[np.float64], max_batch_tokens: int
) -> None:
    again = answers(max_batch_tokens).predict(ROWS, np.arange(24) % 3, orders=2)[0]
    np.testing.assert_array_equal(again, found)


def test_an_answer_does_not_depend_on_the_other_rows(found: NDArray[np.float64]) -> None:
    alone = answers().predict(ROWS[5:6], np.array([5 % 3]), orders=2)[0]
    np.testing.assert_array_equal(alone[0], found[5])


def test_the_target_cell_is_ignored(found: NDArray[np.float64]) -> None:
    hidden = ROWS.copy()
    hidden[np.arange(24), np.arange(24) % 3] = np.nan
    again = answers().predict(hidden, np.arange(24) % 3, orders=2)[0]
    np.testing.assert_array_equal(again, found)


def test_the_spread_measures_disagreement_of_orders() -> None:
    _, one = answers().predict(ROWS, np.zeros(24, dtype=int), orders=1)
    _, four = answers().predict(ROWS, np.zeros(24, dtype=int), orders=4)
    assert (one == 0).all()
    assert (four > 0).any()
    assert (four <= 1).all()


def test_a_chain_sums_to_one_over_all_possible_rows() -> None:
    # Every pair of values of two columns.
    kinds, counts = np.meshgrid(np.arange(3.0), [1.0, 12.0, 123.0])
    rows = np.stack([kinds.ravel(), counts.ravel(), np.full(9, np.nan)], axis=1)
    model = answers()
    total = 0.0
    for row in rows:  # one at a time: the order depends on the row index
        total += np.exp(model.chain(row[None]).sum())
    assert total == pytest.approx(1.0)


def test_a_chain_is_zero_for_absent_cells_and_impossible_outside_the_support() -> None:
    rows = np.array([[0.0, np.nan, 30.0], [np.nan, 5.0, np.nan]])
    chain = answers().chain(rows)
    assert chain[0, 1] == 0
    assert chain[1].tolist() == [0.0, -np.inf, 0.0]


def test_two_orders_are_reverses_of_each_other() -> None:
    table = mixed()
    answers = TextAnswers(row_tokens_of(table), FakeScoringModel(), seed=0)
    rows = table.schema.rows(table.frame)[1:2]
    # With two given cells, independent orders would often agree.
    for seed in range(6):
        answers.seed = seed
        assert answers.predict(rows, np.array([0]), 2)[1][0] > 0

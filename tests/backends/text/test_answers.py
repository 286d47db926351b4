from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tabwidget.backends.text import TextAnswers
from tests.backends.text.fakes import FakeScorer, mixed, tokens_of

TABLE = mixed(24)
ROWS = TABLE.schema.rows(TABLE.frame)


def answers(most_tokens: int = 4_000) -> TextAnswers:
    return TextAnswers(tokens_of(TABLE), FakeScorer(most_tokens), seed=3)


@pytest.fixture(scope="module")
def found() -> NDArray[np.float64]:
    return answers().predict(ROWS, np.arange(24) % 3, orders=2)[0]


def test_an_answer_is_a_distribution_over_the_support(found: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    sizes = [len(column.support) for column in TABLE.schema.inputs]
    for row, probabilities in enumerate(found):
        assert not probabilities[sizes[row % 3] :].any()


@pytest.mark.parametrize("most_tokens", [1, 300])
def test_an_answer_does_not_depend_on_the_batch(
    found: NDArray[np.float64], most_tokens: int
) -> None:
    again = answers(most_tokens).predict(ROWS, np.arange(24) % 3, orders=2)[0]
    np.testing.assert_array_equal(again, found)


def test_an_answer_does_not_depend_on_the_rows_beside_it(found: NDArray[np.float64]) -> None:
    alone = answers().predict(ROWS[5:6], np.array([5 % 3]), orders=2)[0]
    np.testing.assert_array_equal(alone[0], found[5])


def test_the_cell_asked_for_is_not_looked_at(found: NDArray[np.float64]) -> None:
    hidden = ROWS.copy()
    hidden[np.arange(24), np.arange(24) % 3] = np.nan
    again = answers().predict(hidden, np.arange(24) % 3, orders=2)[0]
    np.testing.assert_array_equal(again, found)


def test_orders_that_disagree_are_told() -> None:
    _, one = answers().predict(ROWS, np.zeros(24, dtype=int), orders=1)
    _, four = answers().predict(ROWS, np.zeros(24, dtype=int), orders=4)
    assert (one == 0).all()
    assert (four > 0).any()
    assert (four <= 1).all()


def test_a_chain_sums_to_one_over_all_rows_there_can_be() -> None:
    # Of two small columns: every pair of values.
    kinds, counts = np.meshgrid(np.arange(3.0), [1.0, 12.0, 123.0])
    rows = np.stack([kinds.ravel(), counts.ravel(), np.full(9, np.nan)], axis=1)
    asked = answers()
    total = 0.0
    for row in rows:  # one at a time: the order is drawn by the place in the table
        total += np.exp(asked.chain(row[None]).sum())
    assert total == pytest.approx(1.0)


def test_a_chain_is_zero_where_a_cell_is_absent_and_impossible_off_the_support() -> None:
    rows = np.array([[0.0, np.nan, 30.0], [np.nan, 5.0, np.nan]])
    chain = answers().chain(rows)
    assert chain[0, 1] == 0
    assert chain[1].tolist() == [0.0, -np.inf, 0.0]


def test_few_known_cells_are_read_in_both_ways() -> None:
    table = mixed()
    answers = TextAnswers(tokens_of(table), FakeScorer(), seed=0)
    rows = table.schema.rows(table.frame)[1:2]
    # Two cells known: orders drawn by chance would often have them alike.
    for seed in range(6):
        answers.seed = seed
        assert answers.predict(rows, np.array([0]), 2)[1][0] > 0

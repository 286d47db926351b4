"""Evidence as weighted rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tabwidget.errors import ColumnError, EvidenceError
from tabwidget.inference.evidence import Above, Between, NoneOf, OneOf
from tabwidget.inference.marginalize import MAX_ROWS, WeightedRows, _prune, marginalize
from tabwidget.inference.query import Query
from tabwidget.table import Table

Floats = NDArray[np.float64]

FRAME = pd.DataFrame(
    {
        "level": ["a", "b", "c", "c"] * 30,
        "listed": [1, 2, 3] * 40,
        "binned": np.linspace(0, 1, 120) ** 2,
        "name": [f"someone {i}" for i in range(120)],
    }
)
SCHEMA = Table(FRAME).schema


def evenly(rows: Floats, columns: NDArray[np.int64]) -> Floats:
    """Return equal probabilities for all values of a column."""
    sizes = np.array([len(SCHEMA[name].support) for name in SCHEMA.targets])[columns]
    return np.asarray((np.arange(24) < sizes[:, None]) / sizes[:, None])


def rows_of(*questions: dict[str, Any], predict: Any = evenly) -> WeightedRows:
    queries = [Query((), question).resolve(SCHEMA) for question in questions]
    return marginalize(queries, SCHEMA, predict)


def check(found: WeightedRows, n_questions: int) -> None:
    """Assert the invariants of `WeightedRows`."""
    assert (np.diff(found.owner) >= 0).all()
    assert set(found.owner) == set(range(n_questions))
    assert found.total(np.ones(len(found.rows))) == pytest.approx(np.ones(n_questions))
    assert (found.weights >= 0).all()


def weight_by_row(rows: Floats, weights: Floats) -> dict[str, float]:
    return {str(row): weight for row, weight in zip(rows, weights, strict=True)}


EVIDENCE = st.fixed_dictionaries(
    {},
    optional={
        "level": st.sampled_from(["a", OneOf("a", "c"), NoneOf("b")]),
        "listed": st.sampled_from([2, OneOf(1, 3), Above(1), Between(1, 3, "neither")]),
        "binned": st.sampled_from([0.3, 9.9, Above(0.5), Between(0.2, 0.21), OneOf(0.1, 0.9)]),
    },
)


@given(st.lists(EVIDENCE, min_size=1, max_size=5))
def test_weights_sum_to_one_per_query(questions: list[dict[str, Any]]) -> None:
    found = rows_of(*questions)
    check(found, len(questions))
    for row, owner in zip(found.rows, found.owner, strict=True):
        known = {name for name, cell in zip(SCHEMA.targets, row, strict=True) if np.isfinite(cell)}
        assert known == set(questions[owner])


@given(st.lists(EVIDENCE, min_size=1, max_size=4))
def test_queries_are_independent(questions: list[dict[str, Any]]) -> None:
    together = rows_of(*questions)
    for i, question in enumerate(questions):
        alone, mine = rows_of(question), together.owner == i
        assert weight_by_row(together.rows[mine], together.weights[mine]) == pytest.approx(
            weight_by_row(alone.rows, alone.weights)
        )


@given(
    st.lists(
        st.lists(st.one_of(st.just(0.0), st.floats(1e-12, 1e3)), min_size=1, max_size=9),
        min_size=1,
        max_size=5,
    )
)
def test_pruning_keeps_a_row_of_every_query(weights: list[list[float]]) -> None:
    owner = np.repeat(np.arange(len(weights)), [len(part) for part in weights])
    found = _prune(WeightedRows(np.zeros((len(owner), 1)), np.concatenate(weights), owner))
    check(found, len(weights))


def test_pruning_bounds_the_rows_of_a_query_and_keeps_the_heaviest() -> None:
    weights = np.linspace(1, 2, MAX_ROWS + 500)
    rows = np.arange(len(weights), dtype=float)[:, None]
    found = _prune(WeightedRows(rows, weights, np.zeros(len(weights), dtype=np.int64)))
    assert found.rows[:, 0].tolist() == list(range(500, MAX_ROWS + 500))
    assert found.weights.sum() == pytest.approx(1)


def test_a_value_is_a_cell() -> None:
    found = rows_of({"level": "b", "binned": 0.35}, {})
    np.testing.assert_array_equal(found.rows, [[1, np.nan, 0.35], [np.nan] * 3])
    assert found.weights.tolist() == [1, 1]


def test_a_set_is_one_row_per_value() -> None:
    found = rows_of({"level": OneOf("c", "a"), "listed": 2})
    assert sorted(found.rows[:, :2].tolist()) == [[0, 2], [2, 2]]
    assert found.weights.tolist() == [0.5, 0.5]


def test_weights_are_predicted_from_the_other_evidence() -> None:
    def predict(rows: Floats, columns: NDArray[np.int64]) -> Floats:
        assert columns.tolist() == [0]
        np.testing.assert_array_equal(rows, [[np.nan, 2, np.nan]])
        return np.array([[0.1, 0.6, 0.3]])

    found = rows_of({"level": NoneOf("b"), "listed": 2}, predict=predict)
    assert dict(zip(found.rows[:, 0].tolist(), found.weights, strict=True)) == pytest.approx(
        {0: 0.25, 2: 0.75}
    )


def test_a_range_weights_a_bin_by_the_fraction_inside() -> None:
    edges = SCHEMA["binned"].edges
    assert edges is not None
    found = rows_of({"binned": Between((edges[3] + edges[4]) / 2, edges[6])})
    assert found.weights == pytest.approx([0.2, 0.4, 0.4])


def test_values_of_impossible_evidence_weigh_the_same() -> None:
    found = rows_of({"level": OneOf("a", "b")}, predict=lambda rows, columns: np.eye(3)[[2]])
    assert found.weights.tolist() == [0.5, 0.5]


def test_draws_follow_the_weights_of_each_query() -> None:
    found = WeightedRows(
        rows=np.array([[1.0], [2.0], [3.0], [4.0]]),
        weights=np.array([0.2, 0.8, 1.0, 1.0]),
        owner=np.array([0, 0, 1, 2]),
    )
    rng = np.random.default_rng(0)
    drawn = np.array([found.draw(rng)[:, 0] for _ in range(5000)])
    assert (drawn[:, 0] == 1).mean() == pytest.approx(0.2, abs=0.02)
    assert set(drawn[:, 0]) == {1, 2}
    assert set(drawn[:, 1]) == {3}
    assert set(drawn[:, 2]) == {4}


@pytest.mark.parametrize("column", ["nam", "name"])
def test_an_ignored_or_unknown_column_is_an_error(column: str) -> None:
    with pytest.raises(ColumnError, match=f"{column!r}"):
        rows_of({column: "someone 3"})


def test_a_range_of_levels_is_an_error() -> None:
    with pytest.raises(EvidenceError, match="'level' has levels, not numbers"):
        rows_of({"level": Above(1)})

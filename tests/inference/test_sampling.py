"""Sampling: temperature, truncation, and valid values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tabwidget.config import GenerationConfig
from tabwidget.inference.sampling import draw, tempered
from tabwidget.table import Table
from tabwidget.table.infer import infer_column

P = np.array([[0.5, 0.3, 0.2]])

FRAME = pd.DataFrame(
    {
        "level": ["a", "b", "c"] * 40,
        "listed": [1.5, 2.5, 9.0] * 40,
        "binned": np.linspace(0, 1, 120) ** 2,
        "counted": np.arange(120) * 3,
    }
)
SCHEMA = Table(FRAME).schema


def after(**settings: Any) -> list[float]:
    values: list[float] = tempered(P, GenerationConfig(**{"temperature": 1, **settings}))[
        0
    ].tolist()
    return values


def test_without_settings_nothing_changes() -> None:
    assert tempered(P, None) is P
    assert after() == pytest.approx(P[0])


def test_a_low_temperature_favors_the_mode() -> None:
    assert after(temperature=0.5) == pytest.approx(np.array([0.25, 0.09, 0.04]) / 0.38)


def test_a_high_temperature_flattens() -> None:
    assert after(temperature=1e9) == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("temperature", [0.0, 1e-9])
def test_at_zero_temperature_the_mode_is_certain(temperature: float) -> None:
    assert after(temperature=temperature) == [1.0, 0.0, 0.0]


def test_at_temperature_zero_a_tie_goes_to_the_first() -> None:
    even = np.array([[0.5, 0.5]])
    assert tempered(even, GenerationConfig(temperature=0)).tolist() == [[1.0, 0.0]]


def test_top_k_keeps_the_k_likeliest() -> None:
    assert after(top_k=2) == pytest.approx([0.625, 0.375, 0])
    assert after(top_k=9) == pytest.approx(P[0])


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [(0.1, [1, 0, 0]), (0.6, [0.625, 0.375, 0]), (0.9, [0.5, 0.3, 0.2])],
)
def test_top_p_keeps_the_smallest_set_that_reaches_it(top_p: float, expected: list[float]) -> None:
    assert after(top_p=top_p) == pytest.approx(expected)


@given(
    arrays(float, (3, 5), elements=st.floats(0.01, 1)),
    st.floats(0.05, 5),
    st.integers(0, 6),
    st.floats(0.01, 1),
)
def test_any_settings_give_a_distribution_that_includes_the_mode(
    weights: np.ndarray, temperature: float, top_k: int, top_p: float
) -> None:
    p = weights / weights.sum(1, keepdims=True)
    found = tempered(p, GenerationConfig(temperature=temperature, top_k=top_k, top_p=top_p))
    assert found.sum(1) == pytest.approx(1)
    assert (found >= 0).all()
    assert (found[np.arange(3), p.argmax(1)] > 0).all()


def test_samples_follow_the_probabilities() -> None:
    rng = np.random.default_rng(0)
    drawn = draw(P.repeat(20_000, 0), SCHEMA["level"], rng)
    assert np.bincount(drawn.astype(int)) / 20_000 == pytest.approx(P[0], abs=0.015)


def test_a_value_of_probability_zero_is_never_sampled() -> None:
    p = np.array([[0.0, 1.0, 0.0]]).repeat(1000, 0)
    assert set(draw(p, SCHEMA["listed"], np.random.default_rng(0))) == {2.5}


def test_probabilities_beyond_the_support_are_ignored() -> None:
    padded = np.array([[0.5, 0.3, 0.2, 0.0, 0.0]]).repeat(500, 0)
    assert set(draw(padded, SCHEMA["listed"], np.random.default_rng(0))) == {1.5, 2.5, 9.0}


def test_samples_of_a_bin_are_spread_over_it() -> None:
    column = SCHEMA["binned"]
    assert column.edges is not None
    p = np.eye(len(column.support))[[7]].repeat(1000, 0)
    drawn = draw(p, column, np.random.default_rng(0))
    assert drawn.min() >= column.edges[7]
    assert drawn.max() <= column.edges[8]
    assert len(np.unique(drawn)) == 1000


def test_a_sampled_integer_is_an_integer() -> None:
    p = np.full((200, 24), 1 / 24)
    drawn = draw(p, SCHEMA["counted"], np.random.default_rng(0))
    assert (drawn == drawn.round()).all()


def test_at_temperature_zero_a_bin_gives_its_own_value() -> None:
    column = SCHEMA["binned"]
    p = np.eye(len(column.support))[[7, 7]]
    drawn = draw(p, column, np.random.default_rng(0), GenerationConfig(temperature=0))
    assert drawn.tolist() == [column.grid[7]] * 2


def test_sampled_numbers_have_the_decimals_and_step_of_the_data() -> None:
    rng = np.random.default_rng(0)
    cells = pd.Series(rng.integers(100, 240, 500) * 25 / 100)
    column = infer_column(cells, "price")
    assert (column.decimals, column.step) == (2, 0.25)
    flat = np.full((4000, len(column.grid)), 1 / len(column.grid))
    drawn = draw(flat, column, rng)
    assert np.array_equal(drawn, np.round(drawn * 4) / 4)


def test_the_mode_of_a_number_is_the_densest() -> None:
    cells = pd.Series(np.r_[np.linspace(0, 1, 400), np.linspace(1, 100, 400)])
    column = infer_column(cells, "x")
    flat = np.full((1, len(column.grid)), 1 / len(column.grid))
    [found] = draw(flat, column, np.random.default_rng(0), GenerationConfig(temperature=0))
    assert found < 1

"""Surprise of single values under known distributions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget.inference.surprise import relative_surprise, surprise
from tabwidget.table.infer import infer_column

RNG = np.random.default_rng(0)
LEVELS = infer_column(pd.Series(["a", "b", "c"] * 10), "y")
LISTED = infer_column(pd.Series([1, 2, 3, 4] * 10), "n")
BINNED = infer_column(pd.Series(RNG.normal(size=2000)), "x")
SKEWED = infer_column(pd.Series(RNG.lognormal(size=2000)), "x")


def test_bits_are_those_of_the_value() -> None:
    p = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])
    assert surprise(p, np.array([1, 0])).tolist() == [2, 0]
    assert surprise(p, np.array([-1, 2])).tolist() == [np.inf, np.inf]


def test_a_level_is_compared_with_the_entropy() -> None:
    p = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])
    found = relative_surprise(LEVELS, p, np.array([1, 0]), np.array([1.0, 0.0]))
    assert found.tolist() == pytest.approx([0.5, 0])


@pytest.mark.parametrize("column", [BINNED, SKEWED], ids=["normal", "skewed"])
def test_numbers_are_as_expected_on_average_whatever_their_bins(column: object) -> None:
    assert column in (BINNED, SKEWED)
    chosen = BINNED if column is BINNED else SKEWED
    assert chosen.edges is not None
    n, size = 4000, len(chosen.support)
    p = np.tile(RNG.dirichlet(np.ones(size)), (n, 1))
    codes = RNG.choice(size, n, p=p[0])
    numbers = chosen.within(codes, RNG.random(n))
    found = relative_surprise(chosen, p, codes, numbers)
    assert found.mean() == pytest.approx(0, abs=0.1)


def test_levels_are_as_expected_on_average() -> None:
    p = np.array([0.6, 0.3, 0.1])
    codes = np.arange(3)
    found = relative_surprise(LEVELS, np.tile(p, (3, 1)), codes, codes.astype(float))
    assert float(found @ p) == pytest.approx(0)


def test_both_ends_surprise_and_the_middle_does_not() -> None:
    size = len(BINNED.support)
    p = np.full((3, size), 1 / size)
    numbers = np.array([BINNED.low, 0.0, BINNED.high])
    low, middle, high = relative_surprise(BINNED, p, BINNED.codes(numbers), numbers)
    assert min(low, high) > 4 > 0 > middle
    assert np.isfinite([low, high]).all()


def test_farther_out_is_more_surprising_within_a_bin() -> None:
    size = len(BINNED.support)
    assert BINNED.edges is not None
    left, right = BINNED.edges[-2:]
    numbers = left + (right - left) * np.array([0.1, 0.5, 0.9])
    found = relative_surprise(BINNED, np.full((3, size), 1 / size), BINNED.codes(numbers), numbers)
    assert (np.diff(found) > 0).all()


def test_listed_numbers_count_half_of_their_own_probability() -> None:
    p = np.array([[0.1, 0.2, 0.3, 0.4]])
    (found,) = relative_surprise(LISTED, p, np.array([0]), np.array([1.0]))
    assert found == pytest.approx(-np.log2(0.1) - 1 / np.log(2))


def test_a_number_never_seen_is_infinitely_surprising() -> None:
    p = np.full((1, 4), 0.25)
    assert relative_surprise(LISTED, p, np.array([-1]), np.array([9.0])).tolist() == [np.inf]

"""Bins of about equal counts, narrower where numbers are far apart, and atoms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tabwidget.inference.distribution import Distribution
from tabwidget.table.binning import MIN_ROWS, N_EVEN, N_EVEN_LARGE, N_WIDE_LARGE, bins_of
from tabwidget.table.column import Column
from tabwidget.table.infer import infer_column

RNG = np.random.default_rng(0)
# Mostly dry, as rain is.
RAIN = np.concatenate([np.zeros(600), (RNG.exponential(5, 400) + 0.1).round(1)])


def rain() -> Column:
    return infer_column(pd.Series(RAIN), "rain")


@given(
    numbers=st.lists(
        st.floats(-1e6, 1e6, allow_subnormal=False) | st.sampled_from([0.0, 1.5]),
        min_size=60,
        max_size=200,
    )
)
def test_numbers_and_means_are_inside_their_bins(numbers: list[float]) -> None:
    x = np.array(numbers)
    assume(len(np.unique(x)) > N_EVEN)
    bins = bins_of(x, integer=False)
    assert (np.diff(bins.edges) > 0).all()
    assert (np.diff(bins.means) > 0).all()
    index = np.searchsorted(bins.edges[1:-1], x, side="right")
    assert (np.bincount(index, minlength=len(bins.means)) > 0).all()
    own = np.searchsorted(bins.edges[1:-1], bins.means, side="right")
    assert own.tolist() == list(range(len(bins.means)))
    for place in np.flatnonzero(bins.atoms):
        assert len(np.unique(x[index == place])) == 1


def test_a_tail_has_narrower_bins_than_equal_counts_would() -> None:
    x = RNG.standard_t(2, 20_000)
    bins = bins_of(x, integer=False)
    assert len(bins.means) == N_EVEN_LARGE + N_WIDE_LARGE
    index = np.searchsorted(bins.edges[1:-1], x, side="right")
    counts = np.bincount(index)
    assert counts.min() >= MIN_ROWS
    even = np.quantile(x, np.linspace(0, 1, len(bins.means) + 1)[1:-1])
    equal = np.searchsorted(even, x, side="right")
    assert spread_within(x, index) < spread_within(x, equal) / 2


def spread_within(x: np.ndarray[tuple[int], np.dtype[np.float64]], index: object) -> float:
    return float(pd.Series(x).groupby(index).transform("var").mean())  # type: ignore[call-overload]


def test_a_frequent_number_is_an_atom() -> None:
    column = rain()
    assert column.edges is not None
    assert column.grid[column.atoms].tolist() == [0.0]
    assert column.codes(np.array([0.0, 0.1])).tolist() == [0, 1]


def test_an_atom_is_predicted_exactly() -> None:
    column = rain()
    p = np.full(len(column.grid), 0.4 / (len(column.grid) - 1))
    p[0] = 0.6
    answer = Distribution(column, p)
    assert answer.quantile(0.05) == answer.quantile(0.5) == 0.0
    assert answer.cdf(0.0) == pytest.approx(0.6)
    assert answer.cdf(-0.1) == 0.0
    assert answer.mode() == 0.0
    drawn = answer.sample(2000, random_state=0)
    assert (drawn == 0.0).mean() == pytest.approx(0.6, abs=0.04)


def test_an_atom_is_inside_a_range_or_not() -> None:
    from tabwidget.inference.admissible import admissible_values
    from tabwidget.inference.evidence import Above, Between

    column = rain()
    assert 0 not in admissible_values(Above(0), column).codes
    found = admissible_values(Between(0, 1), column)
    assert (found.codes[0], found.share[0], found.numbers[0]) == (0, 1.0, 0.0)


def test_sampled_numbers_have_the_decimals_of_the_data() -> None:
    from tabwidget.inference.sampling import draw

    column = rain()
    p = np.full((500, len(column.grid)), 1 / len(column.grid))
    drawn = draw(p, column, np.random.default_rng(0))
    inside = np.round(drawn, 1) == drawn
    assert inside.mean() > 0.8
    assert (drawn >= 0).all()

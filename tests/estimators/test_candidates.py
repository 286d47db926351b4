"""Variance within bins, and the shares of bins nearest to candidates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget.estimators.candidates import nearest_shares, variance_within
from tabwidget.inference.distribution import Distribution
from tabwidget.table import Column, Table

RNG = np.random.default_rng(0)


def column(cells: object) -> Column:
    return Table(pd.DataFrame({"x": cells})).schema["x"]


BINNED = column(RNG.normal(size=500))
LISTED = column([1.0, 2.0, 4.0] * 20)


def test_variance_within_a_bin_is_that_of_a_uniform_density() -> None:
    assert BINNED.edges is not None
    for low, high, variance in zip(
        BINNED.edges, BINNED.edges[1:], variance_within(BINNED), strict=False
    ):
        assert np.linspace(low, high, 10_001).var() == pytest.approx(variance, rel=1e-3)
    assert variance_within(LISTED).tolist() == [0, 0, 0]


def test_listed_values_belong_to_the_nearest_candidate_and_ties_to_the_lower_one() -> None:
    assert nearest_shares(LISTED, np.array([1.0, 4.0])).tolist() == [[1, 0], [1, 0], [0, 1]]
    assert nearest_shares(LISTED, np.array([0.0, 2.0])).tolist() == [[1, 0], [0, 1], [0, 1]]
    assert nearest_shares(LISTED, np.array([3.0])).tolist() == [[1], [1], [1]]


def test_a_bin_between_two_candidates_is_shared() -> None:
    candidates = np.array([-1.0, 0.1, 0.9])
    shares = nearest_shares(BINNED, candidates)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert ((shares > 0).sum(axis=1) > 1).any()
    probabilities = RNG.dirichlet(np.ones(len(BINNED.grid)))
    cdf = Distribution(BINNED, probabilities).cdf([-0.45, 0.5])
    np.testing.assert_allclose((probabilities @ shares).cumsum()[:2], cdf)

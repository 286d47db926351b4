"""Rubin's rules: against values computed by hand, and the coverage of the interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tabwidget.errors import ConfigError
from tabwidget.estimators.pooling import pool


def test_estimate_and_its_variances_are_rubins() -> None:
    found = pool([1.0, 2.0, 3.0], [0.5, 1.0, 1.5])
    assert found.estimate == 2
    assert found.within == 1
    assert found.between == 1
    assert found.variance == pytest.approx(1 + 4 / 3)
    assert found.std_error == pytest.approx(np.sqrt(7 / 3))


def test_degrees_of_freedom_and_missing_information_are_rubins() -> None:
    found = pool([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    assert found.df == pytest.approx(2 * (7 / 4) ** 2)
    r = 4 / 3
    assert found.fraction_missing == pytest.approx((r + 2 / (found.df + 3)) / (r + 1))


def test_small_samples_have_barnards_degrees_of_freedom() -> None:
    found = pool([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], n=10)
    observed = 10 / 12 * 9 * (3 / 7)
    assert found.df == pytest.approx(1 / (1 / 6.125 + 1 / observed))
    assert found.df < 9


def test_nothing_missing_is_the_normal_interval() -> None:
    found = pool([2.0, 2.0], [4.0, 4.0])
    assert found.df == np.inf
    assert found.fraction_missing == 0
    low, high = found.interval(0.95)
    assert (low, high) == pytest.approx(stats.norm.interval(0.95, 2, 2))
    assert pool([2.0, 2.0], [4.0, 4.0], n=10).df == pytest.approx(10 / 12 * 9)


def test_everything_missing_is_a_fraction_of_one() -> None:
    assert pool([1.0, 2.0], [0.0, 0.0]).fraction_missing == 1


def test_several_parameters_are_pooled_separately() -> None:
    estimates, variances = np.array([[1.0, 5.0], [3.0, 5.0]]), np.ones((2, 2))
    both = pool(estimates, variances)
    assert both.estimate.tolist() == [2, 5]
    for i in range(2):
        one = pool(estimates[:, i], variances[:, i])
        assert both.df[i] == one.df
        assert both.interval()[0][i] == one.interval()[0]
    assert str(both).count("±") == 2


def test_interval_has_its_nominal_coverage() -> None:
    rng = np.random.default_rng(0)
    n, missing, m, covered = 40, 16, 5, 0
    for _ in range(400):
        observed = rng.normal(size=n - missing)
        fills = []
        for _ in range(m):
            # Draws from the posterior predictive of a normal sample: a proper imputation.
            df = len(observed) - 1
            spread = observed.std(ddof=1) * np.sqrt(df / rng.chisquare(df))
            mean = rng.normal(observed.mean(), spread / np.sqrt(len(observed)))
            fills.append(np.append(observed, rng.normal(mean, spread, size=missing)))
        found = pool([f.mean() for f in fills], [f.var(ddof=1) / n for f in fills], n=n)
        low, high = found.interval(0.9)
        covered += int(low <= 0 <= high)
    assert covered / 400 == pytest.approx(0.9, abs=0.04)


@pytest.mark.parametrize(
    ("estimates", "variances", "options", "message"),
    [
        ([1.0], [1.0], {}, "at least two"),
        ([1.0, 2.0], [1.0], {}, "must have the same shape"),
        ([1.0, 2.0], [1.0, -1.0], {}, "not negative"),
        ([1.0, np.nan], [1.0, 1.0], {}, "finite"),
        (
            [1.0, 2.0],
            [1.0, 1.0],
            {"n": 2, "n_parameters": 2},
            "n must be larger",
        ),
    ],
)
def test_invalid_estimates_are_refused(
    estimates: list[float], variances: list[float], options: dict[str, int], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        pool(estimates, variances, **options)


def test_level_is_between_zero_and_one() -> None:
    with pytest.raises(ConfigError, match="level must be between 0 and 1, not 95"):
        pool([1.0, 2.0], [1.0, 1.0]).interval(95)

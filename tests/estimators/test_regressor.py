"""Regressor: means, quantiles and intervals of the distribution, and discretization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabwidget.config import DiscretizationConfig
from tabwidget.errors import ColumnError, ConfigError, EvidenceError
from tabwidget.estimators import LanguageModelRegressor
from tabwidget.model import TabularLanguageModel
from tests.estimators.conftest import tiny

Q = [0.05, 0.5, 0.95]


# No check is expected to fail.
@parametrize_with_checks([LanguageModelRegressor(**tiny())])  # type: ignore[untyped-decorator]
def test_scikit_learns_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def test_it_learns(
    regressor: LanguageModelRegressor, rows: pd.DataFrame, numbers: pd.Series
) -> None:
    assert regressor.score(rows, numbers) > 0.7


TARGETS: dict[str, Callable[[Any], Any]] = {
    "numbers": lambda x: x,
    "far from zero": lambda x: x + 1e6,
    "integers": lambda x: np.round(x * 30),
    "few": lambda x: np.round(x),
    "mostly zero": lambda x: np.maximum(x, 0),
    "constant": lambda x: np.full(len(x), 7.0),
    "truth": lambda x: x > 0,
    "counted": lambda x: np.arange(len(x)),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_statistics_are_those_of_the_distributions(kind: str, budget: dict[str, Any]) -> None:
    x = np.random.default_rng(0).normal(size=60)
    X = x[:, None]
    fitted = LanguageModelRegressor(**budget).fit(X, TARGETS[kind](x))
    mean, std = fitted.predict(X, return_std=True)
    each = fitted.predict_distribution(X)
    np.testing.assert_allclose(mean, [one.mean() for one in each])
    np.testing.assert_allclose(std, [one.std() for one in each], rtol=1e-5, atol=1e-5)
    quantiles = fitted.predict_quantiles(X, Q)
    np.testing.assert_allclose(quantiles, [[one.quantile(q) for q in Q] for one in each])
    np.testing.assert_allclose(fitted.predict_interval(X, level=0.9), quantiles[:, [0, 2]])
    np.testing.assert_array_equal(fitted.predict(X), mean)


def test_quantiles_stay_in_the_observed_range(budget: dict[str, Any]) -> None:
    y = np.arange(60)
    fitted = LanguageModelRegressor(**budget).fit(y[:, None], y)
    ends = fitted.predict_quantiles(y[:, None], [0.0, 1.0])
    assert ends.min() >= 0
    assert ends.max() <= 59


def test_a_single_quantile_is_a_column(
    regressor: LanguageModelRegressor, rows: pd.DataFrame
) -> None:
    assert regressor.predict_quantiles(rows, 0.5).shape == (len(rows), 1)


@pytest.mark.parametrize("q", [1.5, [-0.1], [[0.5]], [np.nan]])
def test_q_is_from_zero_to_one(
    regressor: LanguageModelRegressor, rows: pd.DataFrame, q: Any
) -> None:
    with pytest.raises(EvidenceError):
        regressor.predict_quantiles(rows, q)


def test_a_level_is_from_zero_to_one(regressor: LanguageModelRegressor, rows: pd.DataFrame) -> None:
    with pytest.raises(EvidenceError, match="level must be from 0 to 1, not 90"):
        regressor.predict_interval(rows, level=90)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.ones((40, 2)), "y should be a 1d array"),
        ([np.nan] * 40, "Input y contains NaN"),
        ([np.inf] * 40, "Input y contains infinity"),
        (["a"] * 40, "y holds strings, such as 'a': use LanguageModelClassifier"),
        (None, "requires y to be passed"),
    ],
    ids=["several", "missing", "infinite", "text", "none"],
)
def test_invalid_numbers_are_refused(y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LanguageModelRegressor().fit(np.zeros((40, 2)), y)


def test_numbers_too_large_are_refused() -> None:
    with pytest.raises(ColumnError, match="beyond 1e\\+150"):
        LanguageModelRegressor().fit(np.zeros((40, 2)), np.linspace(0, 1e200, 40))


def test_discretization_predicts_observed_values(rows: pd.DataFrame, numbers: pd.Series) -> None:
    chosen = DiscretizationConfig(bins=5, estimate="mode")
    fitted = LanguageModelRegressor(discretization=chosen, **tiny()).fit(rows, numbers)
    assert fitted.candidates_ is not None
    assert len(fitted.candidates_) == 5
    assert np.isin(fitted.candidates_, numbers).all()
    assert np.isin(fitted.predict(rows), fitted.candidates_).all()
    mean = fitted.set_params(discretization__estimate="mean").predict(rows)
    assert np.corrcoef(mean, numbers)[0, 1] > 0.8


def test_discretization_on_every_value_changes_next_to_nothing(
    lm: TabularLanguageModel, frame: pd.DataFrame, numbers: pd.Series
) -> None:
    whole = LanguageModelRegressor.from_fitted(lm, "length")
    discretized = LanguageModelRegressor.from_fitted(
        lm, "length", discretization=DiscretizationConfig(bins=1.0)
    )
    X = frame[["size", "island", "kind"]]
    mean, std = whole.predict(X, return_std=True)
    discretized_mean, discretized_std = discretized.predict(X, return_std=True)
    assert np.abs(mean - discretized_mean).max() < 0.05 * np.ptp(numbers)
    assert np.abs(std - discretized_std).max() < 0.1 * np.ptp(numbers)


def test_discretization_without_bins_is_off(lm: TabularLanguageModel) -> None:
    fitted = LanguageModelRegressor.from_fitted(lm, "length", discretization=DiscretizationConfig())
    assert fitted.candidates_ is None


def test_from_fitted_needs_a_numeric_column(lm: TabularLanguageModel) -> None:
    with pytest.raises(ConfigError, match="'kind' is categorical, not numeric"):
        LanguageModelRegressor.from_fitted(lm, "kind")


def test_a_loaded_model_has_no_values_to_discretize_on(
    lm: TabularLanguageModel, frame: pd.DataFrame, numbers: pd.Series, tmp_path: Any
) -> None:
    lm.save(tmp_path)
    loaded = TabularLanguageModel.load(tmp_path)
    bins = DiscretizationConfig(bins=3)
    with pytest.raises(ConfigError, match=r"observed values.*set_params after from_fitted"):
        LanguageModelRegressor.from_fitted(loaded, "length", discretization=bins)
    X = frame[["size", "island", "kind"]]
    fitted = LanguageModelRegressor.from_fitted(loaded, "length")
    fitted.set_params(discretization=bins).fit(X, numbers)
    assert fitted.candidates_ is not None
    assert len(fitted.candidates_) == 3


def test_dates_are_refused() -> None:
    with pytest.raises(ConfigError, match="dates or durations"):
        LanguageModelRegressor().fit(np.zeros((9, 1)), pd.date_range("2020", periods=9))

"""Discretization: candidates are observed values; collapsing stays among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tabwidget.config import DiscretizationConfig
from tabwidget.errors import ConfigError
from tabwidget.estimators.discretization import candidates, collapsed

NUMBERS = st.floats(-1e150, 1e150) | st.integers(-9, 9).map(float)
CELLS = st.lists(NUMBERS | st.just(float("nan")), min_size=1, max_size=40)
CONFIGS = st.builds(
    DiscretizationConfig,
    bins=st.integers(1, 50) | st.floats(0, 1, exclude_min=True),
    strategy=st.sampled_from(["quantile", "uniform"]),
    representative=st.sampled_from(["median", "mode", "mean"]),
)
TAIL = [0, 0, 0, 1, 2, 3, 4, 100]


@given(cells=CELLS, config=CONFIGS)
def test_candidates_are_observed_increasing_and_no_more_than_asked(
    cells: list[float], config: Any
) -> None:
    observed = {cell for cell in cells if cell == cell}
    found = candidates(cells, config)
    asked = config.bins if isinstance(config.bins, int) else round(config.bins * len(observed))
    assert set(found) <= observed
    assert (np.diff(found) > 0).all()
    assert min(1, len(observed)) <= len(found) <= max(1, asked)


@given(cells=CELLS, config=CONFIGS)
def test_as_many_bins_as_values_are_all_values(cells: list[float], config: Any) -> None:
    observed = sorted({cell for cell in cells if cell == cell})
    for bins in (1.0, max(1, len(observed))):
        assert candidates(cells, config.set_params(bins=bins)).tolist() == observed


@given(cells=CELLS, weights=st.lists(st.floats(0, 1), min_size=40, max_size=40))
def test_a_number_lies_among_its_candidates(cells: list[float], weights: list[float]) -> None:
    found = candidates(cells, DiscretizationConfig(bins=1.0))
    p = np.array(weights[: len(found)])
    assume(len(found) and p.sum() > 1e-9)
    p = (p / p.sum())[np.newaxis]
    (mean,) = collapsed(p, found, "mean")
    (mode,) = collapsed(p, found, "mode")
    assert found[0] <= mean <= found[-1]
    assert mode == found[p[0].argmax()]


@pytest.mark.parametrize("bins", [0, 0.0])
def test_no_bins_are_off(bins: float) -> None:
    assert candidates([1.0, 2.0], DiscretizationConfig(bins=bins)).size == 0


def test_one_bin_is_not_all_of_them() -> None:
    assert candidates(TAIL, DiscretizationConfig(bins=1)).tolist() == [1]


def test_missing_and_infinite_cells_are_left_out() -> None:
    cells = [float("nan"), 1.0, float("inf"), -float("inf")]
    assert candidates(cells, DiscretizationConfig(bins=4)).tolist() == [1.0]
    assert candidates([], DiscretizationConfig(bins=4)).size == 0


def test_quantiles_hold_equally_many_and_widths_are_equal() -> None:
    equal_mass = candidates(TAIL, DiscretizationConfig(bins=2))
    equal_width = candidates(TAIL, DiscretizationConfig(bins=2, strategy="uniform"))
    assert equal_mass.tolist() == [0, 3]
    assert equal_width.tolist() == [1, 100]


def test_empty_parts_are_dropped() -> None:
    assert candidates(TAIL, DiscretizationConfig(bins=5, strategy="uniform")).size == 2


@pytest.mark.parametrize(("representative", "value"), [("median", 1), ("mode", 0), ("mean", 4)])
def test_a_part_is_stood_for_by_an_observed_value(representative: Any, value: float) -> None:
    config = DiscretizationConfig(bins=1, representative=representative)
    assert candidates(TAIL, config).tolist() == [value]


def test_bins_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"DiscretizationConfig\.bins must be"):
        candidates([1.0], DiscretizationConfig(bins=1.5))


def test_a_sum_that_is_not_quite_one_moves_a_far_mean_little() -> None:
    p = np.array([[0.5, 0.5]]) * (1 - 1e-6)
    assert collapsed(p, [2000.0, 2001.0])[0] == pytest.approx(2000.5, abs=1e-5)

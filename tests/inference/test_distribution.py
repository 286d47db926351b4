"""Distribution: summary statistics, charts and text."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tabwidget.errors import EvidenceError
from tabwidget.inference.distribution import MAX_BARS, MAX_LEVELS_SHOWN, Distribution
from tabwidget.table import Table
from tabwidget.table.infer import infer_column

DAYS = pd.date_range("2024-01-01", periods=120, freq="D")
SCHEMA = Table(
    pd.DataFrame(
        {
            "level": ["a", "b", "c"] * 40,
            "flag": [True, False, True] * 40,
            "listed": [1, 4, 9] * 40,
            "binned": np.linspace(0, 1, 120) ** 2,
            "counted": np.arange(120) ** 2,
            "day": DAYS,
            "zoned": DAYS.tz_localize("Europe/Berlin"),
        }
    )
).schema
NUMBERS = ["listed", "binned", "counted"]
EVERY = [*SCHEMA]


def answer(name: str, *probabilities: float) -> Distribution:
    """Return a distribution; the probabilities not named are zero."""
    column = SCHEMA[name]
    p = np.zeros(len(column.support))
    p[: len(probabilities)] = probabilities
    return Distribution(column, p)


@st.composite
def answers(draw: Any, names: list[str] = EVERY) -> Distribution:
    column = SCHEMA[draw(st.sampled_from(names))]
    weights = draw(arrays(float, len(column.support), elements=st.sampled_from([0, 0.01, 1, 7])))
    if not weights.any():
        weights[draw(st.integers(0, len(weights) - 1))] = 1
    return Distribution(column, weights / weights.sum())


@given(answers(["listed"]), st.floats(0, 1))
def test_a_listed_quantile_is_the_first_value_that_reaches_it(
    found: Distribution, q: float
) -> None:
    value = found.quantile(q)
    assert found.cdf(value) >= q - 1e-9
    assert found.cdf(value - 0.5) <= q + 1e-9
    assert found.probabilities[found.support.tolist().index(value)] > 0


@given(answers(["binned"]), st.floats(0, 1))
def test_quantile_and_cdf_are_inverse_within_bins(found: Distribution, q: float) -> None:
    assert found.cdf(found.quantile(q)) == pytest.approx(q, abs=1e-9)


@given(answers(NUMBERS), st.lists(st.floats(-10, 20_000), min_size=2))
def test_the_cdf_rises_from_zero_to_one(found: Distribution, places: list[float]) -> None:
    below = found.cdf(sorted(places))
    assert (np.diff(below) >= -1e-12).all()
    assert found.cdf([-1, 1e6]).tolist() == pytest.approx([0, 1])


@given(answers(NUMBERS), st.floats(0, 1), st.floats(0, 1))
def test_a_wider_interval_contains_a_narrower_one(found: Distribution, p: float, q: float) -> None:
    narrow, wide = found.interval(min(p, q)), found.interval(max(p, q))
    assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


@given(answers(NUMBERS))
def test_mean_median_and_mode_are_inside_the_range(found: Distribution) -> None:
    for value in (found.mean(), found.median(), found.mode()):
        assert found.column.low - 1e-9 <= value <= found.column.high + 1e-9


@given(answers())
def test_samples_are_possible_values(found: Distribution) -> None:
    drawn = found.sample(50, random_state=0)
    if found.edges is None:
        possible = set(found.support[found.probabilities > 0].tolist())
        assert set(drawn.tolist()) <= possible
    else:
        low, high = found.quantile(0), found.quantile(1)
        assert all(low <= value <= high for value in drawn)


@given(answers())
def test_records_are_json_and_add_up(found: Distribution) -> None:
    records = json.loads(json.dumps(found.records(), allow_nan=False))
    assert len(records) == len(found.support)
    assert sum(record["probability"] for record in records) == pytest.approx(1)
    if found.edges is not None:
        areas = [(r["high"] - r["low"]) * r["density"] for r in records]
        assert areas == pytest.approx([r["probability"] for r in records])


@given(answers())
def test_entropy_is_between_zero_and_log_n(found: Distribution) -> None:
    assert -1e-12 <= found.entropy() <= math.log(len(found.support)) + 1e-9


@given(answers())
def test_every_distribution_can_be_shown(found: Distribution) -> None:
    assert found.target in repr(found)
    assert str(found).startswith(f"p({found.target})\n")
    shares = [float(share) for share in re.findall(r"(\d+\.\d)%", str(found))]
    assert sum(shares) == pytest.approx(100, abs=0.06 * len(shares))
    assert len(shares) <= max(MAX_BARS, MAX_LEVELS_SHOWN)
    found.plot().to_dict()


def test_statistics_of_listed_numbers() -> None:
    found = answer("listed", 0.5, 0.25, 0.25)
    assert (found.mean(), found.median(), found.mode()) == (3.75, 1, 1)
    assert found.std() == pytest.approx(math.sqrt(0.5 * 1 + 0.25 * 16 + 0.25 * 81 - 3.75**2))
    assert found.cdf([0, 1, 3.9, 4, 9]).tolist() == [0, 0.5, 0.5, 0.75, 1]


def test_statistics_of_bins_assume_uniform_density() -> None:
    found = answer("binned", 1.0)
    assert found.edges is not None
    low, high = found.edges[:2]
    assert found.quantile(0.25) == pytest.approx(low + (high - low) / 4)
    assert found.std() == pytest.approx((high - low) / math.sqrt(12))
    assert found.cdf((low + high) / 2) == pytest.approx(0.5)


def test_the_mode_of_bins_is_the_densest() -> None:
    # The last bins are far wider than the first.
    found = Distribution(SCHEMA["binned"], [0.4, *[0.0] * 22, 0.6])
    assert found.mode() == pytest.approx(SCHEMA["binned"].grid[0])


def test_statistics_of_dates_are_dates() -> None:
    found = Distribution(SCHEMA["day"], np.full(24, 1 / 24))
    assert DAYS[55] < found.median() < DAYS[65]
    assert DAYS[55] < found.mean() < DAYS[65]
    assert found.cdf("2024-01-01") == 0
    assert found.cdf(pd.Timestamp("2025-01-01")) == pytest.approx(1)
    assert found.records()[0]["low"] == DAYS[0].timestamp()


def test_dates_keep_their_time_zone() -> None:
    assert str(Distribution(SCHEMA["zoned"], np.full(24, 1 / 24)).median().tz) == "Europe/Berlin"


def test_statistics_of_integers_are_integers() -> None:
    found = answer("counted", 0.5, 0.5)
    assert type(found.median()) is int
    assert found.sample(5, random_state=0).dtype == np.int64


def test_statistics_of_levels_are_levels() -> None:
    assert answer("level", 0.2, 0.8).mode() == "b"
    assert answer("flag", 0.2, 0.8).mode() is True


@pytest.mark.parametrize("name", ["mean", "std", "median", "quantile", "interval", "cdf"])
@pytest.mark.parametrize("column", ["level", "flag"])
def test_levels_have_no_order(name: str, column: str) -> None:
    arguments = {"quantile": (0.5,), "cdf": ("a",)}.get(name, ())
    with pytest.raises(EvidenceError, match=f"{column!r} has levels.*mode"):
        getattr(answer(column, 1.0), name)(*arguments)


def test_a_probability_outside_zero_to_one_is_an_error() -> None:
    with pytest.raises(EvidenceError, match=r"q=1.5 is not a probability"):
        answer("listed", 1.0).quantile(1.5)


def test_the_cdf_of_a_series_is_an_array() -> None:
    assert answer("listed", 0.5, 0.5).cdf(pd.Series([1, 4])).tolist() == [0.5, 1.0]


def test_the_same_seed_samples_the_same() -> None:
    found = Distribution(SCHEMA["binned"], np.full(24, 1 / 24))
    assert found.sample(9, random_state=3).tolist() == found.sample(9, random_state=3).tolist()
    assert found.sample(9, random_state=3).tolist() != found.sample(9, random_state=4).tolist()


def test_samples_follow_the_probabilities() -> None:
    drawn = answer("listed", 0.7, 0.3).sample(20_000, random_state=0)
    assert (drawn == 1).mean() == pytest.approx(0.7, abs=0.015)


def many_levels(names: list[str]) -> Distribution:
    schema = Table(pd.DataFrame({"<i>x</i>": names * 3})).schema
    return Distribution(schema["<i>x</i>"], np.full(len(names), 1 / len(names)))


def test_many_levels_are_summarized_in_text() -> None:
    found = many_levels([f"level {i:03}" for i in range(150)])
    assert str(found).count("\n") == MAX_LEVELS_SHOWN
    assert "127 others" in str(found)


def test_the_html_is_bounded_and_escaped() -> None:
    found = many_levels([f"<script>{'x' * 1000}{i:03}" for i in range(150)])
    page = found._repr_html_()
    assert len(page) < 12_000
    assert "<script" not in page
    assert "<i>" not in page
    assert "&lt;script&gt;" in page


def test_quantiles_of_integers_are_inside_the_data() -> None:
    column = infer_column(pd.Series(range(60)), "y", keep=True)
    last = np.zeros(len(column.grid))
    last[-1] = 1.0
    assert Distribution(column, last).quantile(1.0) == 59

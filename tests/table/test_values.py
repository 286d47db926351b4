"""Cells as floats, levels, dates and text."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from tabwidget.errors import EvidenceError
from tabwidget.table.values import (
    as_floats,
    as_seconds,
    as_stamps,
    is_missing,
    is_number_like,
    levels_of,
    listed,
    plain,
    zone_of,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (pd.NA, None),
        (pd.NaT, None),
        (math.inf, None),
        (np.datetime64("2020-01-01", "ns"), "2020-01-01 00:00:00"),
        (np.datetime64("NaT"), None),
        (Decimal("1.5"), "1.5"),
        (dt.date(2020, 1, 1), "2020-01-01"),
    ],
)
def test_a_plain_value_is_json_safe(value: object, expected: object) -> None:
    assert (plain(value), type(plain(value))) == (expected, type(expected))


@pytest.mark.parametrize(
    "value", [None, pd.NA, pd.NaT, math.nan, -math.inf, Decimal("NaN"), complex(math.nan, 0)]
)
def test_missing_values(value: object) -> None:
    assert is_missing(value)
    assert plain(value) is None


@pytest.mark.parametrize("value", [0, "", "nan", False, 1e308, Decimal("1.5"), 0j])
def test_values_that_are_not_missing(value: object) -> None:
    assert not is_missing(value)


def test_a_float32_becomes_its_shortest_decimal() -> None:
    assert as_floats(np.array([0.1, np.nan, np.inf], dtype="float32")).tolist()[:1] == [0.1]
    assert np.isnan(as_floats(np.array([0.1, np.nan, np.inf], dtype="float32")))[1:].all()


@pytest.mark.parametrize("values", [pd.to_datetime(["2020-01-01"]), [1j], pd.to_timedelta(["1h"])])
def test_dates_and_complex_numbers_are_not_floats(values: pd.Series) -> None:
    with pytest.raises(TypeError, match=r"not numbers|no order"):
        as_floats(values)


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
def test_stamps_invert_seconds(zone: str | None) -> None:
    dates = pd.Series(pd.date_range("2020-01-31 12:00", periods=3, freq="37min", tz=zone))
    seconds = as_seconds(dates, "when")
    assert np.diff(seconds).tolist() == [37 * 60] * 2
    assert as_stamps(seconds, zone_of(dates)).tolist() == dates.tolist()


def test_a_number_is_a_year_as_a_date() -> None:
    assert as_seconds([1970, "1970-01-02", None], "when").tolist()[:2] == [0, 86_400]
    with pytest.raises(EvidenceError, match="'when' holds dates, but 'soon'"):
        as_seconds(["soon"], "when")


def test_levels_are_sorted_or_in_category_order() -> None:
    assert levels_of(pd.Series([2, 10, 2])) == [2, 10]
    assert levels_of(pd.Series([2, "b", 10], dtype="object")) == [10, 2, "b"]  # by their text
    sizes = pd.Series(pd.Categorical(["S", "L"], categories=["L", "M", "S"]))
    assert levels_of(sizes) == ["L", "S"]


def test_numbers_written_as_text_are_like_numbers() -> None:
    assert [is_number_like(v) for v in ("1.5", 2, None, "a", [1])] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_long_list_is_cut() -> None:
    assert listed(["a"]) == "'a'"
    assert listed(list(range(10))) == "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"

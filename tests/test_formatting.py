"""Numbers, dates and bars as text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget._formatting import (
    bar,
    cut_text,
    format_date,
    format_gain,
    format_percent,
    format_short,
    format_value,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0, "0"), (0.0, "0"), (-0.5, "-0.5"), (1234567, "1.23e+06"), (999999.4, "999,999")),
        *((0.00012345, "0.000123"), (1e-5, "1e-05"), (np.float32(2.5), "2.5"), (100, "100")),
        *((pd.Timestamp("2020-01-31"), "2020-01-31"), ("2020-01-31 00:00:00", "2020-01-31")),
        *((pd.Timestamp("2020-01-31 12:30"), "2020-01-31 12:30:00"), ("a", "a"), (None, "None")),
    ],
)
def test_a_short_number(value: object, text: str) -> None:
    assert format_short(value) == text


def test_only_floats_are_rounded() -> None:
    assert [format_value(v) for v in (123456.0, 123456, True, "123456")] == [
        *("1.235e+05", "123456", "True", "123456")
    ]


def test_a_date_shows_its_time_only_where_it_matters() -> None:
    assert format_date(pd.Timestamp("2020-01-31")) == "2020-01-31"
    assert format_date(pd.Timestamp("2020-01-31 23:59:30")) == "2020-01-31 23:59"
    assert format_date(pd.Timestamp("2020-01-31 12:00", tz="Asia/Tokyo"), span=1e6) == "2020-01-31"


def test_only_certainty_is_100_percent() -> None:
    assert [format_percent(p) for p in (0.0, 0.9989, 0.999, 1 - 1e-12, 1.0)] == [
        *("0.0%", "99.9%", ">99.9%", ">99.9%", "100.0%")
    ]


def test_bars_grow_by_eighths() -> None:
    lengths = [bar(eighths / 8) for eighths in range(33)]
    assert len(set(lengths)) == 33
    assert (lengths[0], lengths[9], lengths[32]) == ("", "█▏", "████")


def test_a_cut_text_is_as_long_as_allowed() -> None:
    assert [cut_text("abcd", width) for width in (5, 4, 3, 1)] == ["abcd", "abcd", "ab…", "…"]


@pytest.mark.parametrize(
    ("nats", "text"),
    [(0.314, "+0.31"), (0.0, "no gain"), (-0.004, "no gain"), (-0.126, "-0.13"), (np.nan, "+nan")],
)
def test_a_gain(nats: float, text: str) -> None:
    assert format_gain(nats) == text

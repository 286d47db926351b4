"""Values of a column as floats and codes, and back."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.errors import EvidenceError
from tabwidget.table.binning import N_EVEN, N_WIDE
from tabwidget.table.column import Column
from tabwidget.table.infer import infer_column

DAYS = pd.date_range("2020-01-01", periods=60, freq="D")

floats = st.floats(-1e9, 1e9, allow_subnormal=False)
integers = st.integers(-(10**9), 10**9)
moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)


def many(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Return lists both shorter and longer than a grid."""
    return st.lists(elements, min_size=1, max_size=80)


@given(cells=many(floats) | many(integers) | many(moments) | many(st.booleans()) | many(st.text()))
def test_restore_inverts_numbers(cells: list[Any]) -> None:
    column = infer_column(pd.Series(cells), "x")
    numbers = column.numbers(cells)
    if column.integer or not column.is_number:
        assert column.restore(numbers).tolist() == cells
    elif column.kind == "datetime":
        assert column.restore(numbers).tolist() == [pd.Timestamp(cell) for cell in cells]
    else:
        assert column.restore(numbers).tolist() == [float(cell) for cell in cells]


@given(cells=many(floats) | many(integers) | many(moments))
def test_codes_agree_with_grid_and_edges(cells: list[Any]) -> None:
    column = infer_column(pd.Series(cells), "x")
    numbers = column.numbers(cells)
    index = column.codes(numbers)
    assert len(column.grid) <= N_EVEN + N_WIDE
    assert (np.diff(column.grid) > 0).all()
    assert (column.codes(column.grid) == np.arange(len(column.grid))).all()
    if column.edges is None:
        assert (column.grid[index] == numbers).all()
    else:
        assert (np.diff(column.edges) > 0).all()
        assert (column.edges[index] <= numbers).all()
        assert (numbers <= column.edges[index + 1]).all()


@given(cells=many(floats), number=floats)
def test_the_nearest_listed_number_is_nearest(cells: list[float], number: float) -> None:
    column = infer_column(pd.Series(cells), "x")
    [cell] = column.nearest_codes(np.array([number]))
    if column.edges is None:
        gap = np.abs(column.grid - number)
        assert gap[cell] == pytest.approx(gap.min())
    else:
        assert 0 <= cell < len(column.grid)


def column(*cells: object, dtype: Any = None) -> Column:
    return infer_column(pd.Series(list(cells), dtype=dtype), "x")


def test_a_time_zone_is_kept() -> None:
    zoned = column(*DAYS.tz_localize("America/New_York"))
    assert zoned.support[0].tz is not None
    assert zoned.value(zoned.low) == DAYS[0].tz_localize("America/New_York")


def test_a_bare_year_is_a_date() -> None:
    dates = column(*DAYS)
    assert dates.value(dates.number(2020)) == pd.Timestamp("2020-01-01")


def test_a_level_is_found_by_its_text() -> None:
    assert column(1, 2, dtype="category").number("2") == 1
    assert column("1", "2").number(2) == 1
    assert column(1, "1", "a").number("1") == 1


@pytest.mark.parametrize(
    ("of", "value", "message"),
    [
        (column("Dream", "Biscoe"), "drem", "'x' has no level 'drem'. Did you mean 'Dream'?"),
        (column("a", "b"), "zzz", "'x' has no level 'zzz'. It has 'a', 'b'."),
        (column("a", "b"), ["a"], "'x' has no level"),
        (column("a", "b"), None, "'x': None is a missing value, not evidence: leave it out"),
        (column(1.5, 2), "a", "'x' is numeric, but 'a' is not a number: give one between 1.5 and"),
        (column(1.5, 2), [1, 2], "'x' is numeric, but [1, 2] is not a number"),
        (column(1.5, 2), 10**400, "'x' is numeric, but 1000"),
        (column(1.5, 2), 1j, "'x' is numeric, but 1j is not a number"),
        (column(1.5, 2), DAYS[0], "'x' is numeric, but Timestamp"),
        (column(1.5, 2), math.nan, "'x': nan is a missing value"),
        (column(*DAYS), "soon", "'x' holds dates, but 'soon' cannot be parsed as one: write it as"),
        (column(*DAYS), 5, "'x' holds dates, but '5' cannot be parsed as one"),
        (column(*DAYS), [1], "'x' holds dates, but [1] cannot be parsed as one"),
        (
            column(*DAYS),
            "99999-01-01",
            "'x' holds dates, but '99999-01-01' cannot be parsed",
        ),
    ],
)
def test_invalid_values_are_named_with_the_fix(of: Column, value: object, message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        of.number(value)
    assert message in str(caught.value)

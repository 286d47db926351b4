"""Columns: kinds, supports, and the way to the number line and back."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.errors import EvidenceError, TableError
from tabwidget.table.binning import N_EVEN
from tabwidget.table.column import Column, column_of
from tabwidget.table.values import plain

DAYS = pd.date_range("2020-01-01", periods=60, freq="D")
DATES = [dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(60)]
LETTERS = list("abc") * 20

floats = st.floats(-1e9, 1e9, allow_subnormal=False)
integers = st.integers(-(10**9), 10**9)
moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)


def many(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Return lists both shorter and longer than a grid."""
    return st.lists(elements, min_size=1, max_size=80)


@pytest.mark.parametrize(
    ("cells", "dtype", "kind"),
    [
        (LETTERS, "str", "categorical"),
        (LETTERS, "string", "categorical"),
        (LETTERS, "object", "categorical"),
        (LETTERS, "category", "categorical"),
        (LETTERS, "string[pyarrow]", "categorical"),
        ([1, 2, None] * 20, "Int64", "numeric"),
        ([1, 2, None] * 20, "int64[pyarrow]", "numeric"),
        ([1, 2.5, None] * 20, "object", "numeric"),
        ([Decimal("1.5"), None] * 30, "object", "numeric"),
        ([0.0, 1.0] * 30, "Sparse[float]", "numeric"),
        ([0.1, 0.2] * 30, "float16", "numeric"),
        ([True, False, None] * 20, "boolean", "boolean"),
        ([True, False, None] * 20, "object", "boolean"),
        ([True, False, None] * 20, "bool[pyarrow]", "boolean"),
        (DAYS, "datetime64[ns]", "datetime"),
        (DAYS, "timestamp[ns][pyarrow]", "datetime"),
        (DATES, "object", "datetime"),
        (DATES, "date32[pyarrow]", "datetime"),
        ([1, "a", None] * 20, "object", "categorical"),
        ([1, "1", 2.5] * 20, "object", "categorical"),
        ([0j, 1j] * 30, "complex128", "categorical"),
        ([(1, 2), (3, 4)] * 30, "object", "categorical"),
    ],
)
def test_kinds(cells: Any, dtype: Any, kind: str) -> None:
    series = pd.Series(cells, dtype=dtype)
    column = column_of(series, "x")
    assert (column.kind, column.role) == (kind, "feature")
    numbers = column.numbers(series)
    assert (np.isnan(numbers) == np.array(series.isna())).all()
    present = numbers[~np.isnan(numbers)]
    assert (column.numbers(column.restore(present)) == present).all()


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        ([f"u{i}" for i in range(60)], "60 distinct values in 60 cells"),
        ([f"u{i % 5001}" for i in range(9000)], "5001 distinct values, more than 5000"),
        ([f"{i} is what they said about it" for i in range(60)], "free text"),
        ([str(i) for i in range(60)], "pd.to_numeric"),
        ([[1]] * 60, "type list"),
        ([{"a": 1}] * 60, "type dict"),
        (pd.to_timedelta(range(60), unit="h"), "total_seconds"),
        ([1e300, -1e300] * 30, "beyond 1e\\+150"),
        ([1.7e308, -1.7e308] * 30, "beyond 1e\\+150"),
    ],
)
def test_what_cannot_be_learned_is_ignored_with_a_note(cells: Any, note: str) -> None:
    column = column_of(pd.Series(cells), "x")
    assert column.role == "ignored"
    with pytest.raises(AssertionError, match=note):
        raise AssertionError(column.note)


@pytest.mark.parametrize("cells", [["a", "a"], [1.5, 1.5], [DAYS[0], DAYS[0]], [True, True]])
def test_a_constant_is_kept_and_noted(cells: list[object]) -> None:
    column = column_of(pd.Series(cells), "x")
    assert (column.role, column.note, len(column.support)) == ("feature", "constant", 1)


def test_two_hundred_levels_are_not_too_many() -> None:
    column = column_of(pd.Series([f"u{i % 200}" for i in range(1000)]), "x")
    assert column.role == "feature"


def test_levels_that_occur_once_are_kept() -> None:
    column = column_of(pd.Series(["a"] * 10 + ["b", "c"]), "x")
    assert column.support.tolist() == ["a", "b", "c"]


def test_a_category_keeps_its_order_and_drops_unused_levels() -> None:
    cells = pd.Categorical(["low", "high"], categories=["low", "middle", "high"])
    assert column_of(pd.Series(cells), "x").support.tolist() == ["low", "high"]


def test_infinite_numbers_are_missing() -> None:
    column = column_of(pd.Series([1.0, 2.0, np.inf, None]), "x")
    assert (column.missing, column.low, column.high) == (0.5, 1, 2)
    assert column.note == "1 infinite cells count as missing"


def test_numbers_that_are_all_infinite_are_an_error() -> None:
    with pytest.raises(TableError, match="'x' holds no finite number"):
        column_of(pd.Series([np.inf, -np.inf]), "x")


def test_whole_numbers_beside_missing_cells_are_integers() -> None:
    column = column_of(pd.Series([1.0, 2.0, None]), "x")
    assert column.integer
    assert repr(column.value(2.0)) == "2"


def test_a_narrow_float_is_the_number_that_was_typed() -> None:
    column = column_of(pd.Series([0.1, 0.2], dtype="float32"), "x")
    assert column.support.tolist() == [0.1, 0.2]


def test_few_numbers_are_listed() -> None:
    column = column_of(pd.Series([3, 1, 2, 1]), "x")
    assert column.edges is None
    assert column.support.tolist() == [1, 2, 3]


def test_many_numbers_are_binned_with_equal_counts() -> None:
    column = column_of(pd.Series(np.arange(240) / 7), "x")
    counts = np.bincount(column.codes(np.arange(240) / 7))
    assert counts.tolist() == [10] * N_EVEN


def test_edges_of_whole_numbers_lie_between_them() -> None:
    column = column_of(pd.Series(range(100)), "x")
    assert column.edges is not None
    assert (column.edges % 1 == 0.5).all()
    assert (column.edges[0], column.edges[-1]) == (-0.5, 99.5)


def test_a_whole_number_that_most_cells_hold_is_a_bin_of_its_own() -> None:
    column = column_of(pd.Series([0] * 500 + list(range(0, 5000, 25))), "x")
    assert column.edges is not None
    assert column.edges[:2].tolist() == [-0.5, 0.5]
    assert column.support[0] == 0


@given(cells=many(floats) | many(integers) | many(moments) | many(st.booleans()) | many(st.text()))
def test_numbers_and_restore_are_inverse(cells: list[Any]) -> None:
    column = column_of(pd.Series(cells), "x")
    numbers = column.numbers(cells)
    if column.integer or not column.is_number:
        assert column.restore(numbers).tolist() == cells
    elif column.kind == "datetime":
        assert column.restore(numbers).tolist() == [pd.Timestamp(cell) for cell in cells]
    else:
        assert column.restore(numbers).tolist() == [float(cell) for cell in cells]


@given(cells=many(floats) | many(integers) | many(moments))
def test_cells_agree_with_grid_and_edges(cells: list[Any]) -> None:
    column = column_of(pd.Series(cells), "x")
    numbers = column.numbers(cells)
    index = column.codes(numbers)
    assert len(column.grid) <= N_EVEN
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
    column = column_of(pd.Series(cells), "x")
    [cell] = column.nearest_codes(np.array([number]))
    if column.edges is None:
        gap = np.abs(column.grid - number)
        assert gap[cell] == pytest.approx(gap.min())
    else:
        assert 0 <= cell < len(column.grid)


def column(*cells: object, dtype: Any = None) -> Column:
    return column_of(pd.Series(list(cells), dtype=dtype), "x")


def test_a_time_zone_is_kept() -> None:
    zoned = column(*DAYS.tz_localize("America/New_York"))
    assert zoned.support[0].tz is not None
    assert zoned.value(zoned.low) == DAYS[0].tz_localize("America/New_York")


def test_a_year_is_a_date_and_not_nanoseconds() -> None:
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
        (column(*DAYS), "soon", "'x' holds dates, but 'soon' cannot be read as one: write it as"),
        (column(*DAYS), 5, "'x' holds dates, but '5' cannot be read as one"),
        (column(*DAYS), [1], "'x' holds dates, but [1] cannot be read as one"),
        (column(*DAYS), "99999-01-01", "'x' holds dates, but '99999-01-01' cannot be read as one"),
    ],
)
def test_a_value_that_the_column_cannot_take(of: Column, value: object, message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        of.number(value)
    assert message in str(caught.value)


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
def test_plain_values(value: object, expected: object) -> None:
    assert (plain(value), type(plain(value))) == (expected, type(expected))

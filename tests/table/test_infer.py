"""Kind, role, support and note that are inferred from cells."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.table.binning import N_EVEN
from tabwidget.table.infer import infer_column

DAYS = pd.date_range("2020-01-01", periods=60, freq="D")
DATES = [dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(60)]
LETTERS = list("abc") * 20


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
    column = infer_column(series, "x")
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
def test_unusable_columns_are_ignored_with_a_note(cells: Any, note: str) -> None:
    column = infer_column(pd.Series(cells), "x")
    assert column.role == "ignored"
    with pytest.raises(AssertionError, match=note):
        raise AssertionError(column.note)


@pytest.mark.parametrize("cells", [["a", "a"], [1.5, 1.5], [DAYS[0], DAYS[0]], [True, True]])
def test_a_constant_is_kept_and_noted(cells: list[object]) -> None:
    column = infer_column(pd.Series(cells), "x")
    assert (column.role, column.note, len(column.support)) == ("feature", "constant", 1)


def test_two_hundred_levels_are_not_too_many() -> None:
    column = infer_column(pd.Series([f"u{i % 200}" for i in range(1000)]), "x")
    assert column.role == "feature"


def test_levels_that_occur_once_are_kept() -> None:
    column = infer_column(pd.Series(["a"] * 10 + ["b", "c"]), "x")
    assert column.support.tolist() == ["a", "b", "c"]


def test_a_category_keeps_its_order_and_drops_unused_levels() -> None:
    cells = pd.Categorical(["low", "high"], categories=["low", "middle", "high"])
    assert infer_column(pd.Series(cells), "x").support.tolist() == ["low", "high"]


def test_infinite_numbers_are_missing() -> None:
    column = infer_column(pd.Series([1.0, 2.0, np.inf, None]), "x")
    assert (column.missing, column.low, column.high) == (0.5, 1, 2)
    assert column.note == "1 infinite cells count as missing"


@pytest.mark.parametrize(
    ("cells", "dtype", "note"),
    [
        ([None, None], "object", "all missing"),
        ([np.nan, np.nan], "float64", "all missing"),
        ([None, None], "datetime64[ns]", "all missing"),
        ([None, None], "boolean", "all missing"),
        ([None, None], "category", "all missing"),
        ([np.inf, -np.inf], "float64", "no finite number"),
    ],
)
def test_a_column_without_values_is_ignored(cells: list[Any], dtype: str, note: str) -> None:
    column = infer_column(pd.Series(cells, dtype=dtype), "x", keep=True)
    assert (column.role, column.note, column.missing) == ("ignored", note, 1.0)
    assert (column.n_unique, len(column.support)) == (0, 0)


def test_integers_beside_missing_cells_are_integers() -> None:
    column = infer_column(pd.Series([1.0, 2.0, None]), "x")
    assert column.integer
    assert repr(column.value(2.0)) == "2"


def test_a_float32_is_read_as_its_shortest_decimal() -> None:
    column = infer_column(pd.Series([0.1, 0.2], dtype="float32"), "x")
    assert column.support.tolist() == [0.1, 0.2]


def test_few_numbers_are_listed() -> None:
    column = infer_column(pd.Series([3, 1, 2, 1]), "x")
    assert column.edges is None
    assert column.support.tolist() == [1, 2, 3]


def test_many_numbers_are_binned_with_equal_counts() -> None:
    column = infer_column(pd.Series(np.arange(240) / 7), "x")
    counts = np.bincount(column.codes(np.arange(240) / 7))
    assert counts.tolist() == [10] * N_EVEN


def test_edges_lie_between_integers() -> None:
    column = infer_column(pd.Series(range(100)), "x")
    assert column.edges is not None
    assert (column.edges % 1 == 0.5).all()
    assert (column.edges[0], column.edges[-1]) == (-0.5, 99.5)


def test_a_frequent_integer_has_a_bin_of_its_own() -> None:
    column = infer_column(pd.Series([0] * 500 + list(range(0, 5000, 25))), "x")
    assert column.edges is not None
    assert column.edges[:2].tolist() == [-0.5, 0.5]
    assert column.support[0] == 0

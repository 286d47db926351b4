"""Sampled cells have the dtype of the fitted column, or its Python type if it is object."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tabwidget.table.dtypes import as_dtype
from tabwidget.table.infer import infer_column

ARROW_DECIMAL = pd.ArrowDtype(pa.decimal128(12, 2))


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        ([1, 2], "int8"),
        ([1.5, 2.5], "float32"),
        ([1, None, 2], "Int64"),
        ([1, 2], "uint64"),
        ([2**63 - 1] * 2, "int64"),
        ([2**64 - 1] * 2, "uint64"),
        ([True, False], "boolean"),
        (["a", "b"], "string"),
        (["a", "b"], "category"),
        ([Decimal("1.25"), Decimal("2.50")], ARROW_DECIMAL),
        ([1, 2], "int64[pyarrow]"),
    ],
)
def test_the_dtype_is_restored(cells: list[Any], dtype: Any) -> None:
    series = pd.Series(cells, dtype=dtype)
    column = infer_column(series, "x")
    values = column.restore(column.numbers(series.dropna()))
    found = as_dtype(values, series.dtype, column)
    assert found.dtype == series.dtype
    if all(not isinstance(cell, int) or cell < 2**53 for cell in cells):
        assert found.tolist() == series.dropna().tolist()
    else:  # the nearest that a float can tell apart
        assert [float(cell) for cell in found] == pytest.approx([float(cell) for cell in cells])


@pytest.mark.parametrize("cells", [[dt.date(2020, 1, 1)], [Decimal("1.5")], [2**63]])
def test_objects_keep_their_type(cells: list[Any]) -> None:
    series = pd.Series([*cells, None], dtype="object")
    column = infer_column(series, "x")
    found = as_dtype(column.restore(column.numbers(cells)), series.dtype, column)
    assert found.dtype == object
    assert found.tolist() == cells
    assert type(found.iloc[0]) is type(cells[0])


def test_numbers_beyond_the_dtype_are_its_limits() -> None:
    column = infer_column(pd.Series([1.0, 2.0]), "x")
    assert as_dtype(np.array([300.0, -300.0]), np.dtype("int8"), column).tolist() == [127, -128]

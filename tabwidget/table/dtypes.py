"""Dtypes: cells that were drawn, as the column they stand for holds them."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from tabwidget.table.column import Column

__all__ = ["as_dtype"]


def as_dtype(cells: NDArray[Any], dtype: Any, column: Column) -> pd.Series:
    """Return cells, none of them missing, with a dtype, and with Python's type if it is object.

    Parameters
    ----------
    cells : ndarray
        As `Column.restore` returns them.
    dtype : dtype
        numpy's, pandas' or Arrow's.
    column : Column
        What they are cells of.

    Examples
    --------
    >>> from tabwidget.table.column import column_of
    >>> column = column_of(pd.Series([1, 2], dtype="Int64"), "x")
    >>> as_dtype(np.array([2]), pd.Int64Dtype(), column).dtype
    Int64Dtype()
    """
    if column.held == "date":
        return pd.Series([stamp.date() for stamp in cells], dtype="object")
    if column.held == "integer":
        return pd.Series([int(number) for number in cells.tolist()], dtype="object")
    if column.held == "decimal":
        return pd.Series([Decimal(repr(number)) for number in cells.tolist()], dtype="object")
    arrow = dtype.pyarrow_dtype if isinstance(dtype, pd.ArrowDtype) else None
    if arrow is not None and pa.types.is_decimal(arrow):
        unit = Decimal(1).scaleb(-arrow.scale)
        return pd.Series(
            [Decimal(repr(number)).quantize(unit) for number in cells.tolist()], dtype=dtype
        )
    series: Any = pd.Series(cells)
    if pd.api.types.is_integer_dtype(dtype) and series.dtype.kind == "f":
        kind = str(dtype).lower().partition("[")[0]
        limits = np.iinfo(kind)
        # The largest float that still is such an integer.
        most = np.nextafter(float(limits.max) + 1, 0)
        series = series.round().clip(float(limits.min), most).astype(kind)
    # What cannot take the dtype is right as it is.
    with contextlib.suppress(TypeError, ValueError, pa.ArrowException):
        series = series.astype(dtype)
    found: pd.Series = series
    return found

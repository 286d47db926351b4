"""Sampled cells in the dtype of their column."""

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
    """Return cells, none of them missing, in a dtype; in the column's Python type if it is object.

    Parameters
    ----------
    cells : ndarray
        As `Column.restore` returns them.
    dtype : dtype
        A dtype of numpy, pandas or Arrow.
    column : Column
        Column of the cells.

    Examples
    --------
    >>> from tabwidget.table.infer import infer_column
    >>> column = infer_column(pd.Series([1, 2], dtype="Int64"), "x")
    >>> as_dtype(np.array([2]), pd.Int64Dtype(), column).dtype
    Int64Dtype()
    """
    if column.object_type == "date":
        return pd.Series([stamp.date() for stamp in cells], dtype="object")
    if column.object_type == "integer":
        return pd.Series([int(number) for number in cells.tolist()], dtype="object")
    if column.object_type == "decimal":
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
        # The largest float that fits the integer type.
        largest = np.nextafter(float(limits.max) + 1, 0)
        series = series.round().clip(float(limits.min), largest).astype(kind)
    # Cells that the dtype cannot represent stay as they are.
    with contextlib.suppress(TypeError, ValueError, pa.ArrowException):
        series = series.astype(dtype)
    found: pd.Series = series
    return found

"""Cells as floats, levels, dates and text, and which of them are missing."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from tabwidget._typing import Floats, Objects
from tabwidget.errors import EvidenceError

__all__ = [
    "Floats",
    "Objects",
    "Values",
    "as_floats",
    "as_seconds",
    "as_stamps",
    "is_missing",
    "is_number_like",
    "levels_of",
    "listed",
    "plain",
    "zone_of",
]

Values: TypeAlias = Sequence[object] | Objects | pd.Series


def plain(value: object) -> Any:
    """Return a value for JSON: numpy scalars as Python's, dates as text, missing values as None.

    Examples
    --------
    >>> import numpy as np
    >>> plain(np.int64(3)), plain(float("nan")), plain("a")
    (3, None, 'a')
    """
    if isinstance(value, str):
        return str(value)  # np.str_ would print as np.str_('a')
    if isinstance(value, bool) or value is None:
        return value
    if is_missing(value):
        return None
    if isinstance(value, (np.datetime64, pd.Timestamp)):
        stamp = pd.Timestamp(value)
        offset = stamp.utcoffset()
        if offset is not None and offset.seconds % 60:
            stamp = stamp.tz_convert(
                "UTC"
            )  # offsets before 1900 have seconds, which few parsers accept
        return stamp.isoformat(sep=" ")
    if isinstance(value, (np.float16, np.float32)):
        return float(str(value))  # 0.1, not 0.10000000149
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def is_missing(value: object) -> bool:
    """Return whether a cell is None, NA, NaT, NaN or an infinite number."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, Decimal):
        return not value.is_finite()
    if isinstance(value, (complex, np.complexfloating)):
        return not np.isfinite(value)
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    return isinstance(value, (float, np.floating)) and not math.isfinite(value)


def listed(values: Sequence[object] | Objects, max_shown: int = 8) -> str:
    """Return the first values of a sequence as text.

    Examples
    --------
    >>> listed(["a", "b", "c"], max_shown=2)
    "'a', 'b' and 1 more"
    """
    shown = ", ".join(repr(plain(value)) for value in values[:max_shown])
    return shown + (f" and {len(values) - max_shown} more" if len(values) > max_shown else "")


def levels_of(present: pd.Series) -> list[object]:
    """Return the distinct values, sorted or in the order of the categories."""
    if isinstance(present.dtype, pd.CategoricalDtype):
        return list(present.cat.remove_unused_categories().cat.categories)
    levels: list[Any] = present.drop_duplicates().astype("object").tolist()
    set(levels)  # a TypeError if they are not hashable
    try:
        return sorted(levels)
    except TypeError:
        return sorted(levels, key=str)


def as_floats(values: Values) -> Floats:
    """Return numbers, or numbers written as text, as floats; NaN if missing or infinite."""
    series = pd.Series(values)
    if pd.api.types.is_datetime64_any_dtype(series.dtype) or pd.api.types.is_timedelta64_dtype(
        series.dtype
    ):
        raise TypeError("dates are not numbers")
    if not pd.api.types.is_numeric_dtype(series.dtype):
        series = pd.to_numeric(series.map(plain) if series.dtype == "object" else series)
    if pd.api.types.is_complex_dtype(series.dtype):
        raise TypeError("complex numbers have no order")
    numbers = series.to_numpy(dtype="float64", na_value=np.nan, copy=True)
    width = str(series.dtype).lower()
    if width in ("float16", "float32"):
        # A float32 0.1 is read as 0.1, not as the float64 0.10000000149.
        distinct, index = np.unique(numbers.astype(width), return_inverse=True)
        numbers = distinct.astype(str).astype(np.float64)[index]
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers


def as_seconds(values: Values, name: str) -> Floats:
    """Return dates, or dates written as text, as seconds since 1970; NaN if missing.

    A date without a time zone is read as UTC.
    """
    series = pd.Series(values)
    if not pd.api.types.is_datetime64_any_dtype(series.dtype):
        # A bare number is a year or a compact date, not nanoseconds.
        numbers = (int, float, np.integer, np.floating)
        texts = [str(v) if isinstance(v, numbers) and not is_missing(v) else v for v in series]
        series = pd.Series(texts, dtype="object")
    try:
        stamps = pd.to_datetime(series, utc=True, format="mixed")
    except (TypeError, ValueError, OverflowError):
        bad = next((v for v in series if not _is_date(v)), series.iloc[0])
        raise EvidenceError(
            f"column {name!r} holds dates, but {reprlib.repr(bad)} cannot be parsed as one: "
            "write it as 2020-12-31 or 2020-12-31 23:59:59"
        ) from None
    milliseconds = np.array(stamps.astype("datetime64[ms, UTC]").astype("int64"))
    return np.where(np.array(stamps.isna()), np.nan, milliseconds / 1e3)


def as_stamps(seconds: Floats, zone: Any) -> Objects:
    """Return seconds since 1970 as Timestamps, in time zone `zone` if it is not None."""
    milliseconds = np.round(seconds * 1e3).astype(np.int64).astype("datetime64[ms]")
    index = pd.DatetimeIndex(milliseconds)
    if zone is not None:
        index = index.tz_localize("UTC").tz_convert(zone)
    return np.array(index.astype("object"), dtype=object)


def zone_of(series: pd.Series) -> Any:
    """Return the time zone of dates; None without one."""
    return getattr(series.dropna().iloc[0], "tzinfo", None)


def _is_date(value: object) -> bool:
    try:
        pd.to_datetime(pd.Series([value], dtype="object"), utc=True, format="mixed")
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def is_number_like(value: object) -> bool:
    """Return whether a value is a number, a number written as text, or missing."""
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return is_missing(value)
    return True

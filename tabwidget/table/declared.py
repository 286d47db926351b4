"""Declared kinds: convert a column to the kind that its user says it has."""

from __future__ import annotations

from collections.abc import Hashable
from typing import cast

import pandas as pd

from tabwidget.errors import ColumnError
from tabwidget.table.column import Kind

__all__ = ["KINDS", "as_kind"]

KINDS: tuple[Kind, ...] = ("numeric", "categorical", "boolean", "datetime", "text")


def as_kind(series: pd.Series, name: str, kind: str) -> pd.Series:
    """Return a column's cells converted, so that it is inferred to be of a kind.

    Parameters
    ----------
    series : Series
        The cells; missing ones stay missing.
    name : str
        Name of the column, for errors.
    kind : {"numeric", "categorical", "boolean", "datetime", "text"}
        The kind.

    Raises
    ------
    ColumnError
        If there is no such kind, or a cell cannot be converted; it names the cell.

    Examples
    --------
    >>> as_kind(pd.Series(["1", "2", None]), "x", "numeric").tolist()
    [1.0, 2.0, nan]
    >>> as_kind(pd.Series([1, 2, 1]), "x", "categorical").dtype.name
    'category'
    """
    if kind not in KINDS:
        raise ColumnError(f"there is no kind {kind!r} for column {name!r}: {', '.join(KINDS)}")
    if kind == "categorical":
        return series if isinstance(series.dtype, pd.CategoricalDtype) else _categories(series)
    plain = series.astype(object) if isinstance(series.dtype, pd.CategoricalDtype) else series
    if kind == "text":
        return plain.map(str, na_action="ignore").astype(object)
    if kind == "boolean":
        return _booleans(plain, name)
    convert = pd.to_numeric if kind == "numeric" else pd.to_datetime
    converted = cast("pd.Series", convert(plain, errors="coerce"))
    lost = plain[converted.isna() & plain.notna()]
    if len(lost):
        word = "number" if kind == "numeric" else "date"
        raise ColumnError(
            f"column {name!r} holds {lost.iloc[0]!r}, which is not a {word} "
            f"({len(lost)} such cells): mend or empty them first"
        )
    return converted


def _categories(series: pd.Series) -> pd.Series:
    """Return categories; whole numbers that missing cells made floats are whole again."""
    if pd.api.types.is_float_dtype(series.dtype):
        present = series.dropna()
        if len(present) and not (present % 1).any():
            series = series.astype("Int64")
    # Object levels, so that a whole number stays one beside missing cells.
    return series.astype(object).where(series.notna(), None).astype("category")


def _booleans(series: pd.Series, name: str) -> pd.Series:
    values = [*dict.fromkeys(cast("list[Hashable]", series.dropna().tolist()))]
    if set(values) <= {True, False}:
        known: dict[Hashable, bool] = {value: bool(value) for value in values}
    else:
        words = {"true": True, "yes": True, "false": False, "no": False}
        known = {
            value: words[str(value).lower()] for value in values if str(value).lower() in words
        }
    if len(known) < len(values):
        strange = next(value for value in values if value not in known)
        raise ColumnError(
            f"column {name!r} holds {strange!r}, which is not yes or no: "
            "take the kind 'categorical'"
        )
    return series.map(known, na_action="ignore").astype(object)

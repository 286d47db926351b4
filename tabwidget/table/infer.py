"""Infer a `Column` from the cells of a Series."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pandas as pd

from tabwidget._typing import Floats, Objects
from tabwidget.errors import TableError
from tabwidget.table.binning import bins_of
from tabwidget.table.column import MAX_NUMBER, Column, Kind, Role, level_fields
from tabwidget.table.text_embedding import TextEmbedding
from tabwidget.table.values import (
    as_floats,
    as_seconds,
    as_stamps,
    is_number_like,
    levels_of,
    zone_of,
)

__all__ = ["infer_column", "infer_text"]

# Text with a larger share of distinct cells is an identifier or prose.
MAX_DISTINCT = 0.9
MAX_LEVELS = 5_000
FEW_LEVELS = 20  # up to here, text is levels, whatever it looks like
# Names of columns that number the rows, if their numbers do too.
ROW_NUMBER = re.compile(
    r"(^|[\W_])(id|idx|index|key|no|nr|row|rownames?|unnamed: 0)$", re.IGNORECASE
)
MIN_PROSE_WORDS = 4  # mean words per text
# A number with more distinct values is binned.
MAX_LISTED = 24
# Up to here a float represents every integer and half-integer.
MAX_INTEGER = 2.0**51


def infer_column(series: pd.Series, name: str, *, keep: bool = False) -> Column:
    """Infer kind, role and support of a column; one without values is ignored.

    Parameters
    ----------
    series : Series
        Its cells.
    name : str
        Name of the column.
    keep : bool, default False
        Use the column even if it looks like an identifier.

    Raises
    ------
    TableError
        If a number is too large for a float.

    Examples
    --------
    >>> column = infer_column(pd.Series(["b", "a", None]), "letter")
    >>> column.kind, column.support.tolist(), round(column.missing, 2)
    ('categorical', ['a', 'b'], 0.33)
    """
    if series.isna().all():
        return _empty_column(series, name, "all missing")
    kind = _kind(series)
    if kind == "numeric":
        try:
            numbers = as_floats(series)
        except OverflowError:
            raise TableError(
                f"column {name!r} holds an integer too large for a float: make it None, or take "
                "logarithms"
            ) from None
        return _number_column(series, name, kind, numbers, keep)
    if kind == "datetime":
        return _number_column(series, name, kind, as_seconds(series, name), keep)
    return _level_column(series, name, kind, keep)


def _kind(series: pd.Series) -> Kind:
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "categorical"
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    if pd.api.types.is_numeric_dtype(dtype):
        return "categorical" if pd.api.types.is_complex_dtype(dtype) else "numeric"
    if pd.api.types.is_object_dtype(dtype):
        inferred = pd.api.types.infer_dtype(series, skipna=True)
        if inferred == "boolean":
            return "boolean"
        if inferred in ("integer", "floating", "mixed-integer-float", "decimal"):
            return "numeric"
        if inferred in ("datetime", "datetime64", "date"):
            return "datetime"
    return "categorical"


def _object_type(series: pd.Series) -> str:
    """Return the type of Python objects that are converted to numbers, empty for other cells."""
    if not pd.api.types.is_object_dtype(series.dtype):
        return ""
    inferred = str(pd.api.types.infer_dtype(series, skipna=True))
    return inferred if inferred in ("date", "decimal", "integer") else ""


def _decimals(numbers: Floats) -> int | None:
    """Return the number of decimal places, up to six, that represents all numbers exactly."""
    with np.errstate(over="ignore", invalid="ignore"):  # for numbers beyond 1e300
        for digits in range(7):
            if np.array_equal(np.round(numbers, digits), numbers):
                return digits
    return None


def _step(numbers: Floats, decimals: int | None) -> float:
    """Return the greatest common divisor of numbers with these decimal places."""
    if decimals is None:
        return 0.0
    units = np.round(numbers * 10.0**decimals)
    exact = np.abs(units).max() <= MAX_INTEGER
    common = int(np.gcd.reduce(units.astype(np.int64))) if exact else 1
    return (common or 1) / 10.0**decimals


def _number_column(series: pd.Series, name: str, kind: Kind, numbers: Floats, keep: bool) -> Column:
    infinite = int(np.isnan(numbers).sum()) - int(series.isna().sum())
    missing = float(np.isnan(numbers).mean())
    numbers = numbers[~np.isnan(numbers)]
    if not len(numbers):
        return _empty_column(series, name, "no finite number")
    role: Role = "feature"
    note = f"{infinite} infinite cells count as missing" if infinite else ""
    largest = float(np.abs(numbers).max())
    integer = kind == "numeric" and largest < MAX_INTEGER and not np.any(numbers % 1)
    if largest > MAX_NUMBER:
        role, note = "ignored", f"numbers beyond {MAX_NUMBER:g}: divide them by a constant"
    distinct = np.unique(numbers)
    if len(distinct) == 1:
        note = note or "constant"
    counted = integer and len(distinct) == len(series) == np.ptp(distinct) + 1 > MAX_LISTED
    if counted and not keep and ROW_NUMBER.search(name):
        role = "ignored"
        note = f"row numbers. Table(frame, keep=[{name!r}]) uses it anyway"
    grid, edges, atoms = distinct, None, np.zeros(len(distinct), dtype=bool)
    if len(distinct) > MAX_LISTED and role == "feature":
        bins = bins_of(numbers, integer=integer)
        grid, edges, atoms = bins.means, bins.edges, bins.atoms
    decimals = _decimals(distinct) if kind == "numeric" else None
    support: Objects = grid
    if kind == "datetime":
        support = as_stamps(grid, zone_of(series))
    elif integer and edges is None:
        support = grid.astype(np.int64)
    return Column(
        name=name,
        kind=kind,
        role=role,
        dtype=str(series.dtype),
        missing=missing,
        n_unique=len(distinct),
        support=support,
        grid=grid,
        edges=edges,
        atoms=atoms,
        integer=bool(integer),
        decimals=decimals,
        step=_step(distinct, decimals),
        object_type=_object_type(series),
        note=note,
        low=float(distinct[0]),
        high=float(distinct[-1]),
    )


def _empty_column(series: pd.Series, name: str, note: str) -> Column:
    return Column(
        name=name,
        kind="categorical",
        role="ignored",
        dtype=str(series.dtype),
        missing=1.0,
        n_unique=0,
        note=note,
        **level_fields([]),
    )


def _level_column(series: pd.Series, name: str, kind: Kind, keep: bool) -> Column:
    present = series.dropna()
    role: Role = "feature"
    note = ""
    try:
        levels = levels_of(present)
    except (TypeError, NotImplementedError):  # lists and dicts are not hashable
        levels, role = [], "ignored"
        note = f"cells of type {type(present.iloc[0]).__name__} are not single values"
    many = not keep and len(levels) > FEW_LEVELS
    mostly_distinct = len(levels) > MAX_DISTINCT * len(present)
    if isinstance(present.iloc[0], timedelta):
        role = "ignored"
        note = f"durations: convert them to numbers (frame[{name!r}].dt.total_seconds())"
    elif many and all(is_number_like(level) for level in levels):
        role = "ignored"
        note = f"numbers stored as text: convert them with pd.to_numeric(frame[{name!r}])"
    elif many and mostly_distinct and _is_prose(levels):
        return infer_text(series, name)
    elif many and len(levels) > MAX_LEVELS:
        role = "ignored"
        note = f"{len(levels)} distinct values, more than {MAX_LEVELS}: group them first"
    elif many and mostly_distinct:
        role = "ignored"
        note = (
            f"{len(levels)} distinct values in {len(present)} cells: an identifier. "
            f"Table(frame, keep=[{name!r}]) uses it anyway"
        )
    elif len(levels) == 1:
        note = "constant"
    return Column(
        name=name,
        kind=kind,
        role=role,
        dtype=str(series.dtype),
        missing=float(1 - len(present) / len(series)),
        n_unique=len(levels),
        note=note,
        **level_fields(levels),
    )


def infer_text(series: pd.Series, name: str) -> Column:
    """Infer a column of free text, whatever its cells look like.

    Examples
    --------
    >>> infer_text(pd.Series(["a red house", "a blue car", "a red car"]), "seen").kind
    'text'
    """
    texts = [str(value) for value in series.dropna()]
    role: Role = "evidence"
    note = "free text: usable as evidence, not as a target"
    embedding = TextEmbedding.fit(texts)
    if embedding is None:
        role, note = "ignored", "free text in which no words distinguish the rows"
    return Column(
        name=name,
        kind="text",
        role=role,
        dtype=str(series.dtype),
        missing=float(1 - len(texts) / len(series)),
        n_unique=len(set(texts)),
        note=note,
        embedding=embedding,
        **level_fields([]),
    )


def _is_prose(levels: Sequence[object]) -> bool:
    words = [len(str(level).split()) for level in levels[:100]]
    return bool(np.mean(words) >= MIN_PROSE_WORDS)

"""Alternatives: which cells of a column evidence admits, and evidence in its simplest form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Floats
from tabwidget.errors import EvidenceError
from tabwidget.inference.evidence import (
    Above,
    Below,
    Between,
    Evidence,
    NoneOf,
    OneOf,
    Range,
    describe,
)
from tabwidget.table import Column
from tabwidget.table.values import is_missing, plain

__all__ = [
    "AdmissibleValues",
    "admissible_values",
    "admits_everything",
    "normalize",
    "sample_within",
]


@dataclass(frozen=True, eq=False)
class AdmissibleValues:
    """What evidence admits: concrete values to condition on, each with its weight.

    Attributes
    ----------
    numbers : ndarray of float
        Values on the column's number line; the level's index for categories.
    cells : ndarray of int
        Index in the column's support that each falls on.
    share : ndarray of float, above 0
        What the predicted probability of that cell is multiplied with to weigh the alternative.
    """

    numbers: Floats
    codes: NDArray[np.int64]
    share: Floats


def admissible_values(evidence: Evidence, column: Column) -> AdmissibleValues:
    """Return what `evidence` admits of a column.

    A plain value is one alternative, also beyond the range seen in training. Of a set, each
    level or number seen is one; the numbers of a binned column weigh by density. A range admits
    each listed number inside it, or each bin that it cuts by the part of its width inside.

    Raises
    ------
    EvidenceError
        For a value the column cannot take, or if nothing is left.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table import Table
    >>> table = Table(pd.DataFrame({"x": [1, 2, 3, 4], "y": ["a", "b", "c", "c"]}))
    >>> admissible_values(Between(2, 4, "left"), table.schema["x"]).numbers.tolist()
    [2.0, 3.0]
    >>> admissible_values(NoneOf("a"), table.schema["y"]).codes.tolist()
    [1, 2]
    """
    if isinstance(evidence, NoneOf):
        found = _others(evidence, column)
    elif isinstance(evidence, OneOf):
        found = _members(np.unique(column.numbers(list(evidence.values))), column)
    elif isinstance(evidence, (Between, Above, Below)):
        low, high = _ends(evidence, column)
        found = _listed_in(evidence, low, high, column)
        if column.edges is not None:
            found = _overlaps(evidence, low, high, column)
    else:
        number = np.array([column.number(evidence)])
        found = AdmissibleValues(number, column.nearest_codes(number), np.ones(1))
    if not len(found.numbers):
        _fail(evidence, column)
    return found


def _members(numbers: Floats, column: Column) -> AdmissibleValues:
    """Return those of some numbers, each of them once, that the column can take."""
    if column.edges is None:
        cells = column.codes(numbers)
        numbers, cells = numbers[cells >= 0], cells[cells >= 0]
        return AdmissibleValues(numbers, cells, np.ones(len(cells)))
    numbers = numbers[(numbers >= column.low) & (numbers <= column.high)]
    if column.integer:
        numbers = numbers[numbers == np.round(numbers)]
    cells = column.codes(numbers)
    return AdmissibleValues(numbers, cells, 1 / column.widths[cells])


def _others(evidence: NoneOf, column: Column) -> AdmissibleValues:
    if column.edges is not None:
        raise EvidenceError(
            f"column {column.name!r} is a number with {column.n_unique} values, and leaving out "
            f"single ones tells nothing: use a range, such as {column.name}>{column.low:g}"
        )
    named = column.codes(column.numbers(list(evidence.values)))
    return _members(np.delete(column.grid, named[named >= 0]), column)


def _ends(evidence: Range, column: Column) -> tuple[float, float]:
    """Return the ends of a range on the column's number line."""
    if not column.is_number:
        raise EvidenceError(
            f"column {column.name!r} has levels, not numbers: a range has no meaning; "
            "name the levels instead (OneOf, or `in {…}` in a formula)"
        )
    if isinstance(evidence, Above):
        return _end(evidence.value, column), math.inf
    if isinstance(evidence, Below):
        return -math.inf, _end(evidence.value, column)
    low, high = _end(evidence.low, column), _end(evidence.high, column)
    if low > high:
        raise EvidenceError(
            f"column {column.name!r}: the range ends ({plain(evidence.high)}) before it begins "
            f"({plain(evidence.low)}): swap the two"
        )
    return low, high


def _end(value: object, column: Column) -> float:
    if isinstance(value, (float, np.floating)) and math.isinf(value):
        return float(value)
    return column.number(value)


def _with_low(evidence: Range) -> bool:
    if isinstance(evidence, Between):
        return evidence.closed in ("both", "left")
    return isinstance(evidence, Above) and evidence.inclusive


def _with_high(evidence: Range) -> bool:
    if isinstance(evidence, Between):
        return evidence.closed in ("both", "right")
    return isinstance(evidence, Below) and evidence.inclusive


def _listed_in(evidence: Range, low: float, high: float, column: Column) -> AdmissibleValues:
    grid = column.grid
    above = grid >= low if _with_low(evidence) else grid > low
    below = grid <= high if _with_high(evidence) else grid < high
    cells = np.flatnonzero(above & below)
    return AdmissibleValues(grid[cells], cells, np.ones(len(cells)))


def _limits(evidence: Range, low: float, high: float, column: Column) -> tuple[float, float]:
    """Return where a range ends between a column's bins."""
    if not column.integer:
        return low, high
    # A whole number stands for what is nearer to it than to any other.
    return (
        np.ceil(low) - 0.5 if _with_low(evidence) else np.floor(low) + 0.5,
        np.floor(high) + 0.5 if _with_high(evidence) else np.ceil(high) - 0.5,
    )


def sample_within(
    evidence: Range, column: Column, numbers: Floats, rng: np.random.Generator
) -> Floats:
    """Return numbers drawn among `admissible_values`, each anywhere in what bin and range share.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table.infer import infer_column
    >>> column = infer_column(pd.Series(np.linspace(0, 1, 1000)), "x")
    >>> found = sample_within(Above(0.5), column, np.full(9, 0.505), np.random.default_rng(0))
    >>> len(set(found.tolist())), bool(found.min() > 0.5)
    (9, True)
    """
    if column.edges is None:
        return numbers
    low, high = _limits(evidence, *_ends(evidence, column), column)
    cells = column.codes(numbers)
    starts = np.maximum(column.edges[cells], low)
    ends = np.minimum(column.edges[cells + 1], high)
    wide = (ends > starts) & (column.integer | ~column.atoms[cells])
    found = np.where(wide, starts + rng.random(len(cells)) * (ends - starts), numbers)
    return column.round_to_resolution(
        found, lambda rounded: wide & (starts < rounded) & (rounded < ends)
    )


def _overlaps(evidence: Range, low: float, high: float, column: Column) -> AdmissibleValues:
    assert column.edges is not None
    left, right = column.edges[:-1], column.edges[1:]
    margin = 0.5 if column.integer else 0.0
    low, high = _limits(evidence, low, high, column)
    starts, ends = np.maximum(left, low), np.minimum(right, high)
    alone = column.atoms & (not column.integer)
    inside = np.isin(np.arange(len(left)), _listed_in(evidence, low, high, column).codes)
    cells = np.flatnonzero(np.where(alone, inside, ends > starts))
    if len(cells) or column.integer:
        starts, ends = starts[cells], ends[cells]
        numbers = np.clip(column.grid[cells], starts + margin, ends - margin)
        share = np.where(alone[cells], 1, (ends - starts) / (right - left)[cells])
        return AdmissibleValues(np.where(alone[cells], column.grid[cells], numbers), cells, share)
    # A range that meets the numbers seen in one point has no width, yet it admits the point.
    points = [low] if _with_low(evidence) else []
    points += [high] if _with_high(evidence) else []
    return _members(np.unique(points), column)


def _fail(evidence: Evidence, column: Column) -> NoReturn:
    if column.is_number:
        low, high = (
            (f"{column.low:g}", f"{column.high:g}")
            if column.kind == "numeric"
            else (plain(column.support[0]), plain(column.support[-1]))
        )
        seen = f"it runs from {low} to {high}"
        if column.edges is None:
            seen += f" in {len(column.support)} values"
    else:
        seen = f"it has {len(column.support)} levels, and all are left out"
    raise EvidenceError(
        f"column {column.name!r}: no value seen in training fits "
        f"{describe(column.name, evidence)} ({seen})"
    )


def normalize(evidence: Evidence, column: Column) -> Evidence:
    """Return evidence in its simplest form, with its values as the column has them.

    A set of one value and a range that is a point are that value; an end at infinity is left
    out. Dates are ISO text, so that they can travel as JSON.

    Raises
    ------
    EvidenceError
        If the column cannot take it.
    """
    if column.role == "evidence":
        return _normalize_text(evidence, column)
    if isinstance(evidence, (OneOf, Between, Above, Below)):
        evidence = _with_finite_ends(evidence, column)
        if isinstance(evidence, Between) and evidence.closed == "both":
            low, high = _ends(evidence, column)
            if low == high:
                return _normalize_value(evidence.low, column)
    if isinstance(evidence, OneOf):
        values = list(dict.fromkeys(_normalize_value(v, column) for v in evidence.values))
        if len(values) == 1 and type(evidence) is OneOf:
            return values[0]
        evidence = type(evidence)(*values)
    elif isinstance(evidence, Between):
        low, high = (_normalize_value(v, column) for v in (evidence.low, evidence.high))
        evidence = Between(low, high, evidence.closed)
    elif isinstance(evidence, (Above, Below)):
        evidence = type(evidence)(_normalize_value(evidence.value, column), evidence.inclusive)
    else:
        return _normalize_value(evidence, column)
    admissible_values(evidence, column)
    return evidence


def admits_everything(evidence: Evidence, column: Column, admitted: AdmissibleValues) -> bool:
    """Return whether evidence, of which `admitted` is left, admits every value seen in training.

    Examples
    --------
    >>> from tabwidget.table.infer import infer_column
    >>> import pandas as pd
    >>> column = infer_column(pd.Series([1, 2, 3]), "x")
    >>> [admits_everything(e, column, admissible_values(e, column)) for e in (Above(0), Above(1))]
    [True, False]
    """
    if isinstance(evidence, OneOf) and column.edges is not None:
        return False  # numbers, each of them a point
    return len(admitted.codes) == len(column.grid) and bool((admitted.share == 1).all())


def _with_finite_ends(evidence: Evidence, column: Column) -> Evidence:
    if not isinstance(evidence, Between):
        return evidence
    low, high = _ends(evidence, column)
    if math.isinf(low) and math.isinf(high):
        raise EvidenceError(
            f"column {column.name!r}: a range without ends says nothing: leave it out"
        )
    if math.isinf(high):
        return Above(evidence.low, _with_low(evidence))
    if math.isinf(low):
        return Below(evidence.high, _with_high(evidence))
    return evidence


def _normalize_text(evidence: Evidence, column: Column) -> str:
    if isinstance(evidence, (OneOf, Between, Above, Below)) or is_missing(evidence):
        raise EvidenceError(
            f"column {column.name!r} is free text: what is known of it is one text, "
            f"not {evidence!r}"
        )
    return str(evidence)


def _normalize_value(value: object, column: Column) -> Any:
    number = column.number(value)
    if not column.is_number:
        return column.value(number)
    if isinstance(value, str) and column.kind == "numeric":
        return int(number) if number.is_integer() else number
    return plain(value) if column.kind == "numeric" else str(plain(value))

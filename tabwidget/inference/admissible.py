"""Admissible values: the part of a column's support that evidence admits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from tabwidget._typing import Bools, Floats, Ints
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
    "ResolvedEvidence",
    "admissible_values",
    "admits_everything",
    "every_value",
    "normalize",
    "resolve_evidence",
    "sample_within",
    "within",
]


@dataclass(frozen=True, eq=False)
class AdmissibleValues:
    """Values to condition on, with weights.

    The weight of value i is ``p[codes[i]] * share[i]``, p being the predicted probabilities.

    Attributes
    ----------
    numbers : ndarray of float
        The values as `Column.numbers` returns them.
    codes : ndarray of int
        Support index of each value.
    share : ndarray of float, above 0
        Admissible fraction of that part of the support.
    """

    numbers: Floats
    codes: Ints
    share: Floats


@dataclass(frozen=True, eq=False)
class ResolvedEvidence:
    """Evidence in its simplest form, with the values it admits.

    Attributes
    ----------
    evidence : Evidence
        The normalized evidence.
    number : float
        The value as `Column.numbers` returns it; NaN for sets, ranges and free text.
    admissible : AdmissibleValues or None
        The values that a set or a range admits; None for a single value or free text.
    """

    evidence: Evidence
    number: float = math.nan
    admissible: AdmissibleValues | None = None


def admissible_values(evidence: Evidence, column: Column) -> AdmissibleValues:
    """Return the values of a column that `evidence` admits.

    A plain value admits itself, even outside the range seen in training. A set admits those of
    its values that were seen; numbers of a binned column are weighted by density. A range admits
    each listed number inside it, or each bin by the fraction of its width inside the range.

    Raises
    ------
    EvidenceError
        For a value that is invalid for the column, or if no value is admissible.

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
        found = _complement(evidence, column)
    elif isinstance(evidence, OneOf):
        found = _members(np.unique(column.numbers(list(evidence.values))), column)
    elif isinstance(evidence, (Between, Above, Below)):
        found = _listed_within(evidence, column)
        if column.edges is not None:
            found = _bins_within(evidence, found, column)
    else:
        number = np.array([column.number(evidence)])
        found = AdmissibleValues(number, column.nearest_codes(number), np.ones(1))
    if not len(found.numbers):
        _raise_nothing_admissible(evidence, column)
    return found


def _members(numbers: Floats, column: Column) -> AdmissibleValues:
    """Return the distinct numbers that the column has."""
    if column.edges is None:
        codes = column.codes(numbers)
        numbers, codes = numbers[codes >= 0], codes[codes >= 0]
        return AdmissibleValues(numbers, codes, np.ones(len(codes)))
    numbers = numbers[(numbers >= column.low) & (numbers <= column.high)]
    if column.integer:
        numbers = numbers[numbers == np.round(numbers)]
    codes = column.codes(numbers)
    return AdmissibleValues(numbers, codes, 1 / column.widths[codes])


def _complement(evidence: NoneOf, column: Column) -> AdmissibleValues:
    if column.edges is not None:
        raise EvidenceError(
            f"column {column.name!r} is a number with {column.n_unique} values, and excluding "
            f"single ones is no evidence: use a range, such as {column.name}>{column.low:g}"
        )
    excluded = column.codes(column.numbers(list(evidence.values)))
    return _members(np.delete(column.grid, excluded[excluded >= 0]), column)


def _ends(evidence: Range, column: Column) -> tuple[float, float]:
    """Return the ends of a range as floats."""
    if not column.is_number:
        raise EvidenceError(
            f"column {column.name!r} has levels, not numbers, so a range is not defined: "
            "name the levels (OneOf, or `in {…}` in a formula)"
        )
    if isinstance(evidence, Above):
        return _end(evidence.value, column), math.inf
    if isinstance(evidence, Below):
        return -math.inf, _end(evidence.value, column)
    low, high = _end(evidence.low, column), _end(evidence.high, column)
    if low > high:
        raise EvidenceError(
            f"column {column.name!r}: the range ends ({plain(evidence.high)}) before it starts "
            f"({plain(evidence.low)}): swap the two"
        )
    return low, high


def _end(value: object, column: Column) -> float:
    if isinstance(value, (float, np.floating)) and math.isinf(value):
        return float(value)
    return column.number(value)


def _includes_low(evidence: Range) -> bool:
    if isinstance(evidence, Between):
        return evidence.closed in ("both", "left")
    return isinstance(evidence, Above) and evidence.inclusive


def _includes_high(evidence: Range) -> bool:
    if isinstance(evidence, Between):
        return evidence.closed in ("both", "right")
    return isinstance(evidence, Below) and evidence.inclusive


def within(evidence: Range, column: Column, numbers: Floats) -> Bools:
    """Return which numbers of a column are inside a range; NaN is not.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table.infer import infer_column
    >>> column = infer_column(pd.Series([1, 2, 4]), "x")
    >>> within(Above(2, inclusive=True), column, np.array([1.0, 2.0, np.nan])).tolist()
    [False, True, False]
    """
    low, high = _ends(evidence, column)
    above = numbers >= low if _includes_low(evidence) else numbers > low
    below = numbers <= high if _includes_high(evidence) else numbers < high
    return above & below


def _listed_within(evidence: Range, column: Column) -> AdmissibleValues:
    codes = np.flatnonzero(within(evidence, column, column.grid))
    return AdmissibleValues(column.grid[codes], codes, np.ones(len(codes)))


def _limits(evidence: Range, low: float, high: float, column: Column) -> tuple[float, float]:
    """Return the ends of a range on the scale of the bin edges."""
    if not column.integer:
        return low, high
    # An integer n covers n - 0.5 to n + 0.5.
    return (
        np.ceil(low) - 0.5 if _includes_low(evidence) else np.floor(low) + 0.5,
        np.floor(high) + 0.5 if _includes_high(evidence) else np.ceil(high) - 0.5,
    )


def sample_within(
    evidence: Range, column: Column, numbers: Floats, rng: np.random.Generator
) -> Floats:
    """Return numbers sampled uniformly from the overlap of their bin and the range.

    `numbers` are values that the range admits, one of each bin that was drawn.

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
    codes = column.codes(numbers)
    starts = np.maximum(column.edges[codes], low)
    ends = np.minimum(column.edges[codes + 1], high)
    wide = (ends > starts) & (column.integer | ~column.atoms[codes])
    found = np.where(wide, starts + rng.random(len(codes)) * (ends - starts), numbers)
    return column.round_to_resolution(
        found, lambda rounded: wide & (starts < rounded) & (rounded < ends)
    )


def _bins_within(evidence: Range, listed: AdmissibleValues, column: Column) -> AdmissibleValues:
    """Return the bins inside a range, `listed` being those whose number is."""
    assert column.edges is not None
    low, high = _ends(evidence, column)
    left, right = column.edges[:-1], column.edges[1:]
    margin = 0.5 if column.integer else 0.0
    low, high = _limits(evidence, low, high, column)
    starts, ends = np.maximum(left, low), np.minimum(right, high)
    atoms = column.atoms & (not column.integer)
    inside = np.isin(np.arange(len(left)), listed.codes)
    codes = np.flatnonzero(np.where(atoms, inside, ends > starts))
    if len(codes) or column.integer:
        starts, ends = starts[codes], ends[codes]
        numbers = np.clip(column.grid[codes], starts + margin, ends - margin)
        share = np.where(atoms[codes], 1, (ends - starts) / (right - left)[codes])
        return AdmissibleValues(np.where(atoms[codes], column.grid[codes], numbers), codes, share)
    # A range that touches the numbers seen at one point has no width, but admits that point.
    points = [low] if _includes_low(evidence) else []
    points += [high] if _includes_high(evidence) else []
    return _members(np.unique(points), column)


def _raise_nothing_admissible(evidence: Evidence, column: Column) -> NoReturn:
    if column.is_number:
        low, high = (
            (f"{column.low:g}", f"{column.high:g}")
            if column.kind == "numeric"
            else (plain(column.support[0]), plain(column.support[-1]))
        )
        seen = f"it ranges from {low} to {high}"
        if column.edges is None:
            seen += f" in {len(column.support)} values"
    else:
        seen = f"it has {len(column.support)} levels, all of them excluded"
    raise EvidenceError(
        f"column {column.name!r}: no value seen in training satisfies "
        f"{describe(column.name, evidence)} ({seen})"
    )


def resolve_evidence(evidence: Evidence, column: Column) -> ResolvedEvidence:
    """Return evidence in its simplest form, with the values it admits.

    A set of one value and a range that is a point become that value; an infinite end is dropped.
    Dates become ISO text, which JSON can hold.

    Raises
    ------
    EvidenceError
        If the evidence is invalid for the column.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table.infer import infer_column
    >>> column = infer_column(pd.Series([1, 2, 4]), "x")
    >>> resolve_evidence(OneOf(2), column).evidence
    2
    >>> resolve_evidence(Above(1), column).admissible.numbers.tolist()
    [2.0, 4.0]
    """
    if column.role == "evidence":
        return ResolvedEvidence(_normalize_text(evidence, column))
    if isinstance(evidence, (OneOf, Between, Above, Below)):
        evidence = _with_finite_ends(evidence, column)
        if isinstance(evidence, Between) and evidence.closed == "both":
            low, high = _ends(evidence, column)
            if low == high:
                return _resolve_value(evidence.low, column)
    if isinstance(evidence, OneOf):
        values = [_resolve_value(value, column) for value in evidence.values]
        distinct = dict.fromkeys(value.evidence for value in values)
        if len(distinct) == 1 and type(evidence) is OneOf:
            return values[0]
        evidence = type(evidence)(*distinct)
    elif isinstance(evidence, Between):
        low, high = (_resolve_value(v, column).evidence for v in (evidence.low, evidence.high))
        evidence = Between(low, high, evidence.closed)
    elif isinstance(evidence, (Above, Below)):
        _ends(evidence, column)  # raises for levels
        value = _resolve_value(evidence.value, column).evidence
        evidence = type(evidence)(value, evidence.inclusive)
    else:
        return _resolve_value(evidence, column)
    return ResolvedEvidence(evidence, admissible=admissible_values(evidence, column))


def normalize(evidence: Evidence, column: Column) -> Evidence:
    """Return evidence in its simplest form; see `resolve_evidence`."""
    return resolve_evidence(evidence, column).evidence


def admits_everything(evidence: Evidence, column: Column, admissible: AdmissibleValues) -> bool:
    """Return whether evidence admits every value seen in training.

    Examples
    --------
    >>> from tabwidget.table.infer import infer_column
    >>> import pandas as pd
    >>> column = infer_column(pd.Series([1, 2, 3]), "x")
    >>> [admits_everything(e, column, admissible_values(e, column)) for e in (Above(0), Above(1))]
    [True, False]
    """
    if isinstance(evidence, OneOf) and column.edges is not None:
        return False  # single numbers, not their bins
    return len(admissible.codes) == len(column.grid) and bool((admissible.share == 1).all())


def every_value(column: Column) -> AdmissibleValues:
    """Return the whole support of a column.

    Examples
    --------
    >>> from tabwidget.table.infer import infer_column
    >>> import pandas as pd
    >>> every_value(infer_column(pd.Series(["a", "b"]), "x")).numbers.tolist()
    [0.0, 1.0]
    """
    n = len(column.grid)
    return AdmissibleValues(column.grid, np.arange(n), np.ones(n))


def _with_finite_ends(evidence: Evidence, column: Column) -> Evidence:
    if not isinstance(evidence, Between):
        return evidence
    low, high = _ends(evidence, column)
    if math.isinf(low) and math.isinf(high):
        raise EvidenceError(
            f"column {column.name!r}: a range from -inf to inf is no evidence: leave it out"
        )
    if math.isinf(high):
        return Above(evidence.low, _includes_low(evidence))
    if math.isinf(low):
        return Below(evidence.high, _includes_high(evidence))
    return evidence


def _normalize_text(evidence: Evidence, column: Column) -> str:
    if isinstance(evidence, (OneOf, Between, Above, Below)) or is_missing(evidence):
        raise EvidenceError(
            f"column {column.name!r} is free text: give a single text as evidence, not {evidence!r}"
        )
    return str(evidence)


def _resolve_value(value: object, column: Column) -> ResolvedEvidence:
    number = column.number(value)
    normalized: Any
    if not column.is_number:
        normalized = column.value(number)
    elif column.kind == "datetime":
        normalized = str(plain(value))
    elif isinstance(value, str):
        normalized = int(number) if number.is_integer() else number
    else:
        normalized = plain(value)
    return ResolvedEvidence(normalized, number)

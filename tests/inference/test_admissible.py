"""Admissible values, and evidence in its simplest form."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tabwidget.errors import EvidenceError, TabwidgetError
from tabwidget.inference.admissible import admissible_values, normalize, resolve_evidence
from tabwidget.inference.evidence import Above, Below, Between, NoneOf, OneOf, evidence_to_json
from tabwidget.table.column import Column
from tabwidget.table.infer import infer_column
from tests.inference.strategies import closings, evidences

LISTED = infer_column(pd.Series([1.0, 2.0, 4.0, 8.5]), "x")
BINNED = infer_column(pd.Series(np.arange(241) / 10), "x")  # bins of width 1 from 0 to 24
WHOLE = infer_column(pd.Series(range(48)), "x")  # bins of two numbers each, from -0.5
LEVELS = infer_column(pd.Series(list("abc")), "x")
DAYS = infer_column(pd.Series(pd.date_range("2020-01-01", periods=5)), "x")

numbers = st.floats(-50, 50, allow_subnormal=False).map(lambda x: round(x, 3))


def mass(evidence: object, column: Column) -> NDArray[Any]:
    """Return the fraction of each part of the support that the evidence admits."""
    try:
        found = admissible_values(evidence, column)
    except EvidenceError:
        return np.zeros(len(column.support))
    return np.bincount(found.codes, found.share, minlength=len(column.support))


@pytest.mark.parametrize(
    ("evidence", "column", "found_numbers", "codes", "share"),
    [
        (2, LISTED, [2], [1], [1]),
        (2.9, LISTED, [2.9], [1], [1]),
        (99, LISTED, [99], [3], [1]),
        (-5, BINNED, [-5], [0], [1]),
        ("b", LEVELS, [1], [1], [1]),
        (OneOf("c", "a", "c"), LEVELS, [0, 2], [0, 2], [1, 1]),
        (OneOf(8.5, 1, 3), LISTED, [1, 8.5], [0, 3], [1, 1]),
        (OneOf(0.25, 3.5, 99), BINNED, [0.25, 3.5], [0, 3], [1, 1]),
        (OneOf(4, 4.5), WHOLE, [4], [2], [0.5]),
        (NoneOf("b", "b"), LEVELS, [0, 2], [0, 2], [1, 1]),
        (NoneOf(2, 77), LISTED, [1, 4, 8.5], [0, 2, 3], [1, 1, 1]),
        (Above(2), LISTED, [4, 8.5], [2, 3], [1, 1]),
        (Above(2, inclusive=True), LISTED, [2, 4, 8.5], [1, 2, 3], [1, 1, 1]),
        (Between(1, 4, "right"), LISTED, [2, 4], [1, 2], [1, 1]),
        (Between(22.75, 99), BINNED, [22.75, 23.5], [22, 23], [0.25, 1]),
        (Below(1.5), BINNED, [0.45, 1.45], [0, 1], [1, 0.5]),
        (Above(24, inclusive=True), BINNED, [24], [23], [1]),
        (Between(3.5, 3.5), BINNED, [3.5], [3], [1]),
        (Above(44), WHOLE, [45, 46.5], [22, 23], [0.5, 1]),
        (Between(4, 4), WHOLE, [4], [2], [0.5]),
        (Above("2020-01-04"), DAYS, [pd.Timestamp("2020-01-05").timestamp()], [4], [1]),
    ],
)
def test_admissible_values(
    evidence: object, column: Column, found_numbers: list[float], codes: list[int], share: object
) -> None:
    found = admissible_values(evidence, column)
    assert found.numbers.tolist() == pytest.approx(found_numbers)
    assert found.codes.tolist() == codes
    assert found.share.tolist() == pytest.approx(share)
    assert (found.numbers.dtype.name, found.codes.dtype.name) == ("float64", "int64")


@pytest.mark.parametrize("column", [LISTED, BINNED, WHOLE])
@given(low=st.floats(0.1, 23.9), width=st.floats(0.1, 50), closed=closings)
def test_a_range_and_its_complement_cover_the_support(
    column: Column, low: float, width: float, closed: Any
) -> None:
    high = low + width
    assume(high != BINNED.high)  # a single point, which weighs by its density
    inside = mass(Between(low, high, closed), column)
    below = mass(Below(low, inclusive=closed in ("right", "neither")), column)
    above = mass(Above(high, inclusive=closed in ("left", "neither")), column)
    assert inside + below + above == pytest.approx(np.ones(len(column.support)))


@pytest.mark.parametrize("column", [LISTED, BINNED, WHOLE])
@given(low=numbers, high=numbers)
def test_admissible_values_of_a_range_are_inside_it(
    column: Column, low: float, high: float
) -> None:
    low, high = sorted([low, high])
    try:
        found = admissible_values(Between(low, high), column)
    except EvidenceError:
        return
    assert (found.share > 0).all()
    assert ((low <= found.numbers) & (found.numbers <= high)).all()
    assert (np.abs(column.codes(found.numbers) - found.codes) <= 1).all()


@pytest.mark.parametrize(
    ("evidence", "column", "message"),
    [
        (Above(24), BINNED, "satisfies x>24 (it ranges from 0 to 24)"),
        (OneOf(99, 100), BINNED, "satisfies x in {99, 100} (it ranges from 0 to 24)"),
        (Between(4.2, 4.8), WHOLE, "satisfies x in [4.2, 4.8] (it ranges from 0 to 47)"),
        (OneOf(3, 5), LISTED, "satisfies x in {3, 5} (it ranges from 1 to 8.5 in 4 values)"),
        (Below("2019-01-01"), DAYS, "it ranges from 2020-01-01 00:00:00 to 2020-01-05 00:00:00"),
        (NoneOf("a", "b", "c"), LEVELS, "it has 3 levels, all of them excluded"),
        (OneOf("d"), LEVELS, "column 'x' has no level 'd'"),
        (NoneOf(3), BINNED, "use a range, such as x>0"),
        (Above("a"), LEVELS, "has levels, not numbers, so a range is not defined"),
        (Above("a"), LISTED, "column 'x' is numeric, but 'a' is not a number"),
        (Between(4, 2), LISTED, "the range ends (2) before it starts (4): swap the two"),
        (None, LISTED, "None is a missing value, not evidence"),
    ],
)
def test_evidence_that_admits_nothing(evidence: object, column: Column, message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        admissible_values(evidence, column)
    assert message in str(caught.value)
    assert "'x'" in str(caught.value)


@pytest.mark.parametrize(
    ("evidence", "column", "simplest"),
    [
        (OneOf(2), LISTED, 2),
        (OneOf("b", "b"), LEVELS, "b"),
        (NoneOf("b", "b"), LEVELS, NoneOf("b")),
        (Between(2, 2), LISTED, 2),
        (Between(2, math.inf), LISTED, Above(2, inclusive=True)),
        (Between(-math.inf, 2, "left"), LISTED, Below(2)),
        (np.float64(2.5), LISTED, 2.5),
        ("2.5", LISTED, 2.5),
        ("2", LISTED, 2),
        ("2020-01-03", DAYS, "2020-01-03"),
        (pd.Timestamp("2020-01-03"), DAYS, "2020-01-03 00:00:00"),
        (2020, DAYS, "2020"),
        (Above(np.datetime64("2020-01-03", "ns")), DAYS, Above("2020-01-03 00:00:00")),
    ],
)
def test_the_simplest_form(evidence: object, column: Column, simplest: object) -> None:
    found = normalize(evidence, column)
    assert (found, type(found)) == (simplest, type(simplest))


@pytest.mark.parametrize("column", [LISTED, BINNED, WHOLE, LEVELS, DAYS])
@given(evidence=evidences)
def test_normalizing_is_idempotent_or_an_error(column: Column, evidence: object) -> None:
    try:
        found = normalize(evidence, column)
    except TabwidgetError:
        return
    assert normalize(found, column) == found
    json.dumps(evidence_to_json(found), allow_nan=False)
    assert len(admissible_values(found, column).numbers)


def test_resolved_evidence_has_a_number_or_admissible_values() -> None:
    value, several = resolve_evidence(OneOf("b", "b"), LEVELS), resolve_evidence(Above(2), LISTED)
    assert (value.evidence, value.number, value.admissible) == ("b", 1, None)
    assert several.admissible is not None
    assert several.admissible.numbers.tolist() == [4, 8.5]
    assert math.isnan(several.number)

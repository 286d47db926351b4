"""Evidence: what it admits, how it settles, and how it is written."""

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

from tabwidget.errors import ColumnError, ConfigError, EvidenceError, TabwidgetError
from tabwidget.inference.admissible import admissible_values, normalize
from tabwidget.inference.evidence import (
    Above,
    Below,
    Between,
    NoneOf,
    OneOf,
    describe,
    evidence_from_json,
    evidence_to_json,
)
from tabwidget.inference.query import Query
from tabwidget.table import Table
from tabwidget.table.column import Column
from tabwidget.table.infer import infer_column

LISTED = infer_column(pd.Series([1.0, 2.0, 4.0, 8.5]), "x")
BINNED = infer_column(pd.Series(np.arange(241) / 10), "x")  # bins of width 1 from 0 to 24
WHOLE = infer_column(pd.Series(range(48)), "x")  # bins of two numbers each, from -0.5
LEVELS = infer_column(pd.Series(list("abc")), "x")
DAYS = infer_column(pd.Series(pd.date_range("2020-01-01", periods=5)), "x")
TABLE = Table(pd.DataFrame({"x": [1.0, 2.5, 3.0], "g": ["a", "b", "b"], "y": [1, 2, 3]}))

numbers = st.floats(-50, 50, allow_subnormal=False).map(lambda x: round(x, 3))
closings = st.sampled_from(["both", "left", "right", "neither"])
values = st.text() | st.integers() | st.floats(allow_nan=False) | st.booleans()
evidences = (
    values
    | st.lists(values, min_size=1).map(lambda vs: OneOf(*vs))
    | st.lists(values, min_size=1).map(lambda vs: NoneOf(*vs))
    | st.builds(Between, values, values, closings)
    | st.builds(Above, values, st.booleans())
    | st.builds(Below, values, st.booleans())
)


def mass(evidence: object, column: Column) -> NDArray[Any]:
    """Return the share of each cell of the support that the evidence admits."""
    try:
        found = admissible_values(evidence, column)
    except EvidenceError:
        return np.zeros(len(column.support))
    return np.bincount(found.codes, found.share, minlength=len(column.support))


@pytest.mark.parametrize(
    ("evidence", "column", "found_numbers", "cells", "share"),
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
def test_alternatives(
    evidence: object, column: Column, found_numbers: list[float], cells: list[int], share: object
) -> None:
    found = admissible_values(evidence, column)
    assert found.numbers.tolist() == pytest.approx(found_numbers)
    assert found.codes.tolist() == cells
    assert found.share.tolist() == pytest.approx(share)
    assert (found.numbers.dtype.name, found.codes.dtype.name) == ("float64", "int64")


@pytest.mark.parametrize("column", [LISTED, BINNED, WHOLE])
@given(low=st.floats(0.1, 23.9), width=st.floats(0.1, 50), closed=closings)
def test_a_range_and_what_lies_around_it_are_everything(
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
def test_alternatives_of_a_range_lie_in_it_and_on_their_cells(
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
        (Above(24), BINNED, "fits x>24 (it runs from 0 to 24)"),
        (OneOf(99, 100), BINNED, "fits x in {99, 100} (it runs from 0 to 24)"),
        (Between(4.2, 4.8), WHOLE, "fits x in [4.2, 4.8] (it runs from 0 to 47)"),
        (OneOf(3, 5), LISTED, "fits x in {3, 5} (it runs from 1 to 8.5 in 4 values)"),
        (Below("2019-01-01"), DAYS, "it runs from 2020-01-01 00:00:00 to 2020-01-05 00:00:00"),
        (NoneOf("a", "b", "c"), LEVELS, "it has 3 levels, and all are left out"),
        (OneOf("d"), LEVELS, "column 'x' has no level 'd'"),
        (NoneOf(3), BINNED, "use a range, such as x>0"),
        (Above("a"), LEVELS, "has levels, not numbers: a range has no meaning"),
        (Above("a"), LISTED, "column 'x' is numeric, but 'a' is not a number"),
        (Between(4, 2), LISTED, "the range ends (2) before it begins (4): swap the two"),
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
def test_any_evidence_settles_once_or_is_refused(column: Column, evidence: object) -> None:
    try:
        found = normalize(evidence, column)
    except TabwidgetError:
        return
    assert normalize(found, column) == found
    json.dumps(evidence_to_json(found), allow_nan=False)
    assert len(admissible_values(found, column).numbers)


@given(evidence=evidences)
def test_evidence_travels_as_json(evidence: object) -> None:
    if "inf" in repr(evidence):  # JSON has none
        return
    back = evidence_from_json(json.loads(json.dumps(evidence_to_json(evidence))))
    assert repr(back) == repr(evidence)


@pytest.mark.parametrize(
    "data", [{}, {"op": "near"}, {"op": "is"}, {"op": "in"}, {"op": "between", "low": 1}]
)
def test_json_that_is_no_evidence(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="evidence of kind"):
        evidence_from_json(data)


@pytest.mark.parametrize("data", [{"op": "in", "values": []}, {"op": "not in", "values": []}])
def test_an_empty_set_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError, match="at least one value"):
        evidence_from_json(data)


def test_a_range_is_closed_on_a_known_side() -> None:
    with pytest.raises(EvidenceError, match="not 'rigth'"):
        Between(1, 2, "rigth")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        (39.1, "x=39.1"),
        ("a b-c.d", "x=a b-c.d"),
        ("O'Brien, Pat", 'x="O\'Brien, Pat"'),
        ('say "hi"', r'x="say \"hi\""'),
        ("12", 'x="12"'),
        ("true", 'x="true"'),
        (True, "x=True"),
        (NoneOf("a"), "x!=a"),
        (NoneOf("a", "b"), "x not in {a, b}"),
        (Between(1, 2, "left"), "x in [1, 2)"),
        (Above(1, inclusive=True), "x>=1"),
        (Below("2020-01-01"), 'x<"2020-01-01"'),
    ],
)
def test_evidence_as_a_formula(evidence: object, text: str) -> None:
    assert describe("x", evidence) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.b_c", "a.b_c"), ("a b", "`a b`"), ("in", "`in`"), ("1st", "`1st`"), ("a`b", "`a``b`")],
)
def test_names_in_a_formula(name: str, text: str) -> None:
    assert str(Query((name,))) == text


@given(evidence=evidences)
def test_python_reads_back(evidence: object) -> None:
    if "inf" in repr(evidence):
        return
    source = Query(("y",), {"x": evidence}).to_python().replace("lm.conditional", "(lambda *a: a)")
    names = {kind.__name__: kind for kind in (Above, Below, Between, NoneOf, OneOf)}
    assert repr(eval(source, names)) == repr(("y", {"x": evidence}))


def test_python_of_several_targets() -> None:
    assert Query(("a", "b")).to_python("model") == 'model.conditional(["a", "b"])'


def test_check_settles_the_evidence() -> None:
    assert Query(("g",), {"x": OneOf(1)}).check(TABLE.schema).given == {"x": 1}


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        (Query(("h",)), ColumnError, "no column 'h'"),
        (Query(("g",), {"z": 1}), ColumnError, "no column 'z'"),
        (Query(("g",), {"g": "a"}), EvidenceError, "'g' is both asked for and given"),
        (Query(("x",), {"g": "c"}), EvidenceError, "'g' has no level 'c'"),
        (Query(("g",), {"x": Between(-math.inf, math.inf)}), EvidenceError, "without ends"),
    ],
)
def test_check_refuses(query: Query, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        query.check(TABLE.schema)

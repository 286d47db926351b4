"""Queries as text and Python, and resolved against a schema."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given

from tabwidget.errors import ColumnError, EvidenceError
from tabwidget.inference.evidence import Above, Below, Between, NoneOf, OneOf
from tabwidget.inference.query import Query
from tabwidget.table import Table
from tests.inference.strategies import evidences

TABLE = Table(pd.DataFrame({"x": [1.0, 2.5, 3.0], "g": ["a", "b", "b"], "y": [1, 2, 3]}))


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.b_c", "a.b_c"), ("a b", "`a b`"), ("in", "`in`"), ("1st", "`1st`"), ("a`b", "`a``b`")],
)
def test_names_in_a_formula(name: str, text: str) -> None:
    assert str(Query((name,))) == text


@given(evidence=evidences)
def test_python_evaluates_to_the_query(evidence: object) -> None:
    if "inf" in repr(evidence):
        return
    source = Query(("y",), {"x": evidence}).to_python().replace("lm.conditional", "(lambda *a: a)")
    names = {kind.__name__: kind for kind in (Above, Below, Between, NoneOf, OneOf)}
    assert repr(eval(source, names)) == repr(("y", {"x": evidence}))


def test_python_of_several_targets() -> None:
    assert Query(("a", "b")).to_python("model") == 'model.conditional(["a", "b"])'


def test_check_normalizes_the_evidence() -> None:
    assert Query(("g",), {"x": OneOf(1)}).check(TABLE.schema).given == {"x": 1}


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        (Query(("h",)), ColumnError, "no column 'h'"),
        (Query(("g",), {"z": 1}), ColumnError, "no column 'z'"),
        (Query(("g",), {"g": "a"}), EvidenceError, "'g' is both a target and evidence"),
        (Query(("x",), {"g": "c"}), EvidenceError, "'g' has no level 'c'"),
        (Query(("g",), {"x": Between(-math.inf, math.inf)}), EvidenceError, "from -inf to inf"),
    ],
)
def test_check_raises(query: Query, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        query.check(TABLE.schema)


def test_a_resolved_query_has_the_admissible_values_of_each_column() -> None:
    resolved = Query(("y",), {"x": Above(1), "g": "b"}).resolve(TABLE.schema)
    assert resolved.query == Query(("y",), {"x": Above(1), "g": "b"})
    admissible = resolved.evidence["x"].admissible
    assert admissible is not None
    assert admissible.numbers.tolist() == [2.5, 3.0]
    assert (resolved.evidence["g"].number, resolved.evidence["g"].admissible) == (1, None)

"""Evidence as JSON and as text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from tabwidget.errors import ConfigError, EvidenceError
from tabwidget.inference.evidence import (
    Above,
    Below,
    Between,
    NoneOf,
    describe,
    evidence_from_json,
    evidence_to_json,
)
from tests.inference.strategies import evidences


@given(evidence=evidences)
def test_evidence_survives_json(evidence: object) -> None:
    if "inf" in repr(evidence):  # JSON has none
        return
    back = evidence_from_json(json.loads(json.dumps(evidence_to_json(evidence))))
    assert repr(back) == repr(evidence)


@pytest.mark.parametrize(
    "data", [{}, {"op": "near"}, {"op": "is"}, {"op": "in"}, {"op": "between", "low": 1}]
)
def test_json_that_is_not_evidence(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="evidence of kind"):
        evidence_from_json(data)


@pytest.mark.parametrize("data", [{"op": "in", "values": []}, {"op": "not in", "values": []}])
def test_an_empty_set_is_an_error(data: dict[str, Any]) -> None:
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

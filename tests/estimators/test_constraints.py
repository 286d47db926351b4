"""Constraints: evidence that is conditioned on, and rows that are rejected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.errors import ColumnError, ConfigError, ConstraintError, EvidenceError, FormulaError
from tabwidget.estimators.constraints import (
    Constraints,
    FixedCombinations,
    admits,
    evidence_of,
)
from tabwidget.inference.evidence import Above, Below, Between, NoneOf, OneOf
from tabwidget.table import Table

FRAME = pd.DataFrame(
    {
        "x": np.linspace(0, 1, 120),
        "k": [1, 2, 3] * 40,
        "city": ["Bonn", "Lyon", "Nice", "Bonn"] * 30,
        "land": ["DE", "FR", "FR", "DE"] * 30,
        "day": pd.date_range("2020-01-01", periods=120),
        "body mass": np.arange(120) * 2,
    }
)
SCHEMA = Table(FRAME).schema


def at_random(n: int, evidence: dict[str, Any]) -> pd.DataFrame:
    """Draw each column by itself, like an untrained model."""
    rng = np.random.default_rng(n)
    rows = pd.DataFrame({name: rng.choice(FRAME[name], n) for name in FRAME})
    return rows.assign(**evidence)


def low_x(rows: pd.DataFrame) -> pd.Series:
    return rows["x"] < 0.5


def draw(n: int, constraints: list[Any], condition: Any = None, max_tries: int = 5000) -> Any:
    rules = Constraints(constraints, SCHEMA, FRAME)
    return rules.draw(n, at_random, condition or {}, max_tries=max_tries)


@pytest.mark.parametrize(
    ("evidence", "admitted"),
    [
        (2, [False, True, False, False]),
        (OneOf(1, 3), [True, False, True, False]),
        (NoneOf(1), [False, True, True, False]),
        (Above(2), [False, False, True, False]),
        (Above(2, inclusive=True), [False, True, True, False]),
        (Below(2), [True, False, False, False]),
        (Below(2, inclusive=True), [True, True, False, False]),
        (Between(1, 3), [True, True, True, False]),
        (Between(1, 3, "neither"), [False, True, False, False]),
        (Between(1, 3, "left"), [True, True, False, False]),
        (Between(2, float("inf")), [False, True, True, False]),
    ],
)
def test_cells_are_checked_against_evidence(evidence: Any, admitted: list[bool]) -> None:
    cells = pd.Series([1.0, 2.0, 3.0, None])
    assert admits(evidence, cells, SCHEMA["k"]).tolist() == admitted


def test_dates_and_levels_are_checked_against_evidence() -> None:
    assert admits(Below("2020-01-03"), FRAME["day"], SCHEMA["day"]).sum() == 2
    assert admits(NoneOf("Bonn"), FRAME["city"], SCHEMA["city"]).sum() == 60


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("city in {Bonn, Nice}, x>0.5", {"city": OneOf("Bonn", "Nice"), "x": Above(0.5)}),
        ("body mass = 4", {"body mass": 4}),
        ("x>0, k=1, city=Bonn, land=DE, day<2020-02-01, body mass<9", None),
        ("  ", {}),
    ],
)
def test_formula_is_evidence(text: str, evidence: dict[str, Any] | None) -> None:
    found = evidence_of(text, SCHEMA)
    assert len(found) == len(SCHEMA) if evidence is None else found == evidence


def test_the_caret_of_a_formula_error_is_in_place() -> None:
    with pytest.raises(FormulaError) as error:
        evidence_of("x>0, city=Rome", SCHEMA)
    _, formula, caret = str(error.value).splitlines()
    assert formula == "  x>0, city=Rome"
    assert formula[caret.index("^") :] == "Rome"


def test_invalid_condition_is_refused() -> None:
    with pytest.raises(ConfigError, match="a mapping"):
        evidence_of(3, SCHEMA)  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match=r"'citty'.*'city'"):
        evidence_of({"citty": "Bonn"}, SCHEMA)
    with pytest.raises(EvidenceError, match="no level 'Rome'"):
        evidence_of({"city": "Rome"}, SCHEMA)


def test_evidence_is_conditioned_on() -> None:
    conditions = {}

    def drawn(n: int, evidence: dict[str, Any]) -> pd.DataFrame:
        conditions.update(evidence)
        return at_random(n, evidence)

    rules = Constraints([{"k": 2}, "land=FR"], SCHEMA)
    rows = rules.draw(5, drawn, {"city": "Nice"}, max_tries=5)
    assert conditions == {"k": 2, "land": "FR", "city": "Nice"}
    assert len(rows) == 5


def test_further_evidence_on_a_column_rejects_rows() -> None:
    rows = draw(50, [{"land": "FR"}, "city!=Lyon"], {"city": "Nice"})
    assert set(rows["city"]) == {"Nice"}
    with pytest.raises(ConstraintError, match=r"k=2 \(passed by 0\.0% of 500 rows\)"):
        draw(5, ["k=2"], {"k": 1}, max_tries=500)


def test_predicate_is_satisfied() -> None:
    rows = draw(50, [low_x, lambda rows: rows["k"] > 1])
    assert len(rows) == 50
    assert rows.index.tolist() == list(range(50))
    assert (rows["x"] < 0.5).all()
    assert (rows["k"] > 1).all()


def test_combinations_are_the_observed_ones() -> None:
    rows = draw(60, [FixedCombinations("city", "land")])
    seen = set(zip(FRAME["city"], FRAME["land"], strict=True))
    assert set(zip(rows["city"], rows["land"], strict=True)) == seen


def test_combinations_need_the_rows_and_two_columns() -> None:
    with pytest.raises(ConfigError, match="a loaded model does not have"):
        Constraints([FixedCombinations("city", "land")], SCHEMA)
    with pytest.raises(ConfigError, match="two columns"):
        FixedCombinations("city")
    with pytest.raises(ColumnError, match="'town'"):
        Constraints([FixedCombinations("city", "town")], SCHEMA, FRAME)


def test_too_few_rows_name_the_strictest_constraint_and_its_share() -> None:
    with pytest.raises(ConstraintError, match=r"constraints\[1\] \(never\) \(passed by 0\.0%"):
        draw(10, [low_x, never], max_tries=300)


def never(rows: pd.DataFrame) -> Any:
    return np.zeros(len(rows), dtype=bool)


def test_tries_are_bounded() -> None:
    n_drawn = 0

    def drawn(n: int, evidence: dict[str, Any]) -> pd.DataFrame:
        nonlocal n_drawn
        n_drawn += n
        return at_random(n, evidence)

    with pytest.raises(ConstraintError):
        Constraints([never], SCHEMA).draw(10, drawn, {}, max_tries=321)
    assert n_drawn == 321


@pytest.mark.parametrize("answer", [[True], ["yes"] * 4, None, True])
def test_predicate_that_returns_no_mask_is_named(answer: Any) -> None:
    with pytest.raises(ConfigError, match=r"constraints\[0\] \(<lambda>\) returned"):
        Constraints([lambda _: answer], SCHEMA).satisfied(FRAME[:4])


def test_missing_answer_of_a_predicate_rejects() -> None:
    rules = Constraints([lambda _: pd.array([True, None, False], dtype="boolean")], SCHEMA)
    assert rules.satisfied(FRAME[:3]).tolist() == [True, False, False]


@pytest.mark.parametrize("constraints", [[3], "x>0", {"k": 1}])
def test_invalid_constraint_is_refused(constraints: Any) -> None:
    with pytest.raises(ConfigError, match="constraints"):
        Constraints(constraints, SCHEMA)

"""The query panel: questions by formula and by evidence, surveys and charts."""

from __future__ import annotations

import json

import pytest

from tests.widgets.conftest import FRAME, Bench


def surveyed(bench: Bench) -> set[str]:
    """Return the columns of a survey, in as many parts as it takes."""
    found = bench("survey")["ok"]
    columns = set(found["columns"])
    while found["rest"]:
        found = bench("survey", {"columns": found["rest"]})["ok"]
        columns |= set(found["columns"])
    return columns


def test_a_backend_that_needs_training_says_so() -> None:
    bench = Bench(FRAME, backend="minilm")
    assert "train it first" in bench("ask", {"formula": "g"})["error"]


def test_questions_are_answered_before_training(bench: Bench) -> None:
    answer = bench("ask", {"formula": "g | x=1"})["ok"]["answer"]
    assert answer["headline"].startswith("a ")
    assert surveyed(bench) == {"g"}


def test_a_question_is_answered_by_formula_and_by_evidence(fitted: Bench) -> None:
    by_formula = fitted("ask", {"formula": "g | x=1"})["ok"]
    given = {"x": {"op": "is", "value": 1}}
    by_evidence = fitted("ask", {"target": "g", "given": given})["ok"]
    assert by_formula["question"]["target"] == by_evidence["question"]["target"] == "g"
    records = by_evidence["answer"]["records"]
    assert sum(record["probability"] for record in records) == pytest.approx(1)
    assert by_evidence["answer"]["number"] != by_formula["answer"]["number"]
    assert by_evidence["answer"]["python"].startswith("lm.conditional(")


def test_a_survey_tells_of_every_other_column(fitted: Bench) -> None:
    fitted("ask", {"formula": "g | x=1"})
    assert surveyed(fitted) == {"g"}
    fitted("ask", {"formula": "g"})
    assert surveyed(fitted) == {"x", "g"}


def test_a_survey_that_takes_long_comes_in_parts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench("ask", {"formula": "g"})
    whole = bench.session.survey({})
    monkeypatch.setattr("tabwidget.widgets.panels.query.SURVEY_SECONDS", 0.0)
    first = bench("survey")["ok"]
    assert (list(first["columns"]), first["rest"]) == (["x"], ["g"])
    second = bench("survey", {"columns": first["rest"]})["ok"]
    assert (list(second["columns"]), second["rest"]) == (["g"], [])
    probabilities = [record["probability"] for record in second["columns"]["g"]]
    assert probabilities == pytest.approx(whole["g"].probabilities.tolist())


def test_a_formula_error_keeps_its_caret(fitted: Bench) -> None:
    error = fitted("ask", {"formula": "g | y=1"})["error"]
    assert error.splitlines()[-1].strip() == "^"


def test_charts_come_with_the_dataset_that_is_streamed(fitted: Bench) -> None:
    fitted("ask", {"formula": "x"})
    for kind, name in (("loss-chart", "losses"), ("answer-chart", "distribution")):
        assert name in fitted(kind)["ok"]["spec"]["datasets"]


def test_the_snapshot_is_json_and_small(fitted: Bench) -> None:
    fitted("ask", {"formula": "x"})
    slices = fitted.feed.refresh()
    assert len(json.dumps(slices, allow_nan=False)) < 60_000
    assert slices["train"]["ready"]
    assert slices["query"]["question"]["formula"] == "x"
    assert slices["train"]["run"]["status"] == "done"
    assert slices["train"]["run"]["next"] == 0  # nothing was streamed yet: nothing is skipped
    assert slices["query"]["answer"]["headline"].startswith("mean")

"""The query panel: questions by formula and by evidence, surveys and charts."""

from __future__ import annotations

import json

import numpy as np
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


def test_the_curve_is_the_answer_at_each_position_of_a_slider(fitted: Bench) -> None:
    payload = {"target": "g", "given": {}, "column": "x", "values": [1, 2, 3]}
    found = fitted("sweep", payload)["ok"]
    probabilities = np.frombuffer(fitted.buffers[0], dtype="<f4").reshape(3, -1)
    model = fitted.session.model
    assert model is not None
    for value, row, words in zip((1, 2, 3), probabilities, found["words"], strict=True):
        one = model.conditional("g", {"x": value})
        assert row == pytest.approx(one.probabilities, abs=1e-6)
        assert words["headline"].startswith(str(one.mode()))
    assert [record["value"] for record in found["records"]] == list(one.support)
    assert found["mean"] is None


def test_the_curve_of_a_number_has_its_mean_and_interval(fitted: Bench) -> None:
    values = [{"op": "is", "value": level} for level in ("a", "b")]
    payload = {
        "target": "x",
        "given": {},
        "column": "g",
        "values": [one["value"] for one in values],
    }
    found = fitted("sweep", payload)["ok"]
    assert len(found["mean"]) == 2
    assert all(
        low <= mean <= high
        for low, mean, high in zip(found["low"], found["mean"], found["high"], strict=True)
    )


def test_an_answer_comes_with_the_rows_behind_it(fitted: Bench) -> None:
    answer = fitted("ask", {"formula": "g | x=1"})["ok"]["answer"]
    rows = FRAME[FRAME["x"] == 1]
    matching = answer["matching"]
    assert (matching["rows"], matching["matching"]) == (len(FRAME), len(rows))
    shares = rows["g"].value_counts(normalize=True)
    for record, share in zip(answer["records"], matching["shares"], strict=True):
        assert share == pytest.approx(shares.get(record["value"], 0.0))
    assert matching["low"][0] <= matching["shares"][0] <= matching["high"][0]


def test_two_columns_are_asked_together(fitted: Bench) -> None:
    found = fitted("ask", {"target": "g", "second": "x", "given": {}})["ok"]
    assert (found["question"]["target"], found["question"]["second"]) == ("g", "x")
    answer = found["answer"]
    assert answer["kind"] == "joint"
    assert sum(pair["probability"] for pair in answer["joint"]) == pytest.approx(1)
    assert {pair["y"] for pair in answer["joint"]} == set(FRAME["g"])
    assert "bits" in answer["detail"]


def test_the_snapshot_is_json_and_small(fitted: Bench) -> None:
    fitted("ask", {"formula": "x"})
    slices = fitted.feed.refresh()
    assert len(json.dumps(slices, allow_nan=False)) < 60_000
    assert slices["train"]["ready"]
    assert slices["query"]["question"]["formula"] == "x"
    assert slices["train"]["run"]["status"] == "done"
    assert slices["train"]["run"]["next"] == 0  # nothing was streamed yet: nothing is skipped
    assert slices["query"]["answer"]["headline"].startswith("mean")

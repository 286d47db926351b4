"""Texts and labels in a session: chosen, learned, judged and asked, with a tiny real model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.session import Session
from tabwidget.session.tasks.base import TEXT_LABELS
from tabwidget.session.tasks.text_labels import Labelling
from tabwidget.table import Table
from tests.backends.text.fakes import save_tiny
from tests.textclass.toys import WORDS, toy_texts

TOYS = toy_texts(80)
assert TOYS.targets is not None
TAGS = [";".join(np.array(WORDS)[row]) for row in TOYS.targets]
KINDS = [WORDS[int(row.argmax())] for row in TOYS.targets]
FRAME = pd.DataFrame({"said": TOYS.texts, "tags": TAGS, "kind": KINDS, "n": range(80)})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("tiny")))


def begun(tiny: str, labels: str = "tags", delimiter: str = ";", seconds: float = 1.0) -> Session:
    """Return a session with the task chosen."""
    session = Session(FRAME, name="frame")
    session.choose(
        task=TEXT_LABELS,
        max_seconds=seconds,
        labeling={
            "texts": ["said"],
            "labels": [labels],
            "delimiter": delimiter,
            "model": tiny,
            "rank": None,
        },
    )
    return session


@pytest.fixture(scope="module")
def fitted(tiny: str) -> Iterator[Session]:
    session = begun(tiny)
    run = session.start()
    assert run.wait(120)
    assert run.error is None
    yield session


def test_choosing_the_task_takes_the_likely_columns() -> None:
    session = Session(FRAME)
    session.choose(task=TEXT_LABELS)
    assert session.labeling.texts == ("said",)
    assert session.labeling.labels != ()


def test_what_cannot_be_chosen_changes_nothing(tiny: str) -> None:
    session = begun(tiny)
    with pytest.raises(ConfigError, match="'n' has 80 different numbers"):
        session.choose(max_seconds=99, labeling={"labels": ["n"], "delimiter": ""})
    assert session.labeling.labels == ("tags",)
    assert session.training.max_seconds == 1.0
    with pytest.raises(ConfigError, match=r"'label'.*labels"):
        session.choose(labeling={"label": ["kind"]})


def test_a_table_without_texts_cannot_take_the_task() -> None:
    session = Session(pd.DataFrame({"x": [1.5, 2.5, 3.5] * 9, "y": [0, 1, 1] * 9}))
    with pytest.raises(ConfigError, match="no column of this table holds texts"):
        session.choose(task=TEXT_LABELS)
    assert session.task != TEXT_LABELS


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"rank": "8"}, "rank is '8': give a whole number"),
        ({"bits": True}, "bits is True"),
        ({"max_length": 2}, "max_length is 2: give a whole number from 8 on"),
        ({"max_length": None}, "max_length is None"),
        ({"delimiter": 3}, "delimiter is 3: give a text"),
        ({"model": 3}, "model is 3: give a text"),
    ],
)
def test_choices_of_another_kind_are_told(tiny: str, choice: dict[str, Any], told: str) -> None:
    session = begun(tiny)
    with pytest.raises(ConfigError, match=told):
        session.choose(labeling=choice)


def test_one_column_may_be_named_by_itself(tiny: str) -> None:
    session = begun(tiny)
    session.choose(labeling={"labels": "kind", "delimiter": "", "model": ""})
    assert (session.labeling.labels, session.labeling.model) == (("kind",), None)


def test_a_choice_made_later_says_that_the_model_is_of_the_one_before(fitted: Session) -> None:
    change = fitted.choose(labeling={"bits": 4})
    assert change.changed == ("bits",)
    assert "train again" in change.message
    fitted.choose(labeling={"bits": None})


def test_it_learns_and_judges(fitted: Session) -> None:
    labeling = fitted.labeling
    assert labeling.ready
    report = labeling.report
    assert report is not None
    assert report.multi
    assert report.n_rows == 16
    assert set(report.metrics["per_class"]) == set(WORDS)
    for label in WORDS:
        support = report.metrics["per_class"][label]["support"]
        assert sum(report.has[label]) == support
        assert sum(report.lacks[label]) == report.n_rows - support
    assert report.at_half is not None
    assert report.metrics["f1_micro"] >= report.at_half["f1_micro"]
    assert fitted.run is not None
    assert fitted.run.state.metrics["per_class"].keys() == set(WORDS)
    assert labeling.classifier is not None
    # The last figures of the best state are those of the report.
    assert report.metrics["f1_micro"] == labeling.classifier.validation_["f1_micro"]


def test_thresholds_decide(fitted: Session) -> None:
    labeling = fitted.labeling
    first = labeling.report
    none = labeling.set_thresholds(dict.fromkeys(WORDS, 1.0))
    assert none.metrics["per_class"]["apple"]["recall"] == 0
    assert labeling.label("apple boat").labels == ()
    every = labeling.set_thresholds({"apple": 0.0})
    assert every.metrics["per_class"]["apple"]["recall"] == 1
    assert labeling.label("so").labels == ("apple",)
    half = labeling.take_thresholds("half")
    assert half.metrics == half.at_half
    assert labeling.take_thresholds("tuned") == first
    for given, told in (({"pear": 0.5}, "no label 'pear'"), ({"apple": 1.5}, "is 1.5: give one")):
        with pytest.raises(ConfigError, match=told):
            labeling.set_thresholds(given)
    with pytest.raises(ConfigError, match="'tuned' or 'half'"):
        labeling.take_thresholds("nice")


def test_texts_are_labelled(fitted: Session) -> None:
    found = fitted.labeling.label("an apple")
    assert set(found.probabilities) == set(WORDS)
    assert list(found.probabilities.values()) == sorted(found.probabilities.values(), reverse=True)
    classifier = fitted.labeling.classifier
    assert classifier is not None
    [expected] = classifier.predict_proba(["an apple"])
    assert found.probabilities == pytest.approx(dict(zip(WORDS, expected, strict=True)))


def test_words_are_those_of_the_text(fitted: Session) -> None:
    text = "so apple so"
    whole, words = fitted.labeling.words(text, "apple")
    assert [text[word.start : word.end] for word in words] == ["so", "apple", "so"]
    assert whole == pytest.approx(fitted.labeling.label(text).probabilities["apple"])
    without = fitted.labeling.label("so so").probabilities["apple"]
    assert words[1].without == pytest.approx(without, abs=1e-6)
    with pytest.raises(ConfigError, match="no label 'appel'"):
        fitted.labeling.words(text, "appel")


def test_examples_were_held_out(fitted: Session) -> None:
    classifier = fitted.labeling.classifier
    assert classifier is not None
    examples = [fitted.labeling.example(draw) for draw in range(20)]
    assert len({text for text, _ in examples}) > 5
    for text, labels in examples:
        assert text in classifier.validation_texts_.texts
        assert labels == tuple(word for word in WORDS if word in text)


def test_rows_are_shown_as_they_are_read(fitted: Session) -> None:
    for row in range(10):
        text, labels = fitted.shown(row)
        assert text == TOYS.texts[row]
        assert sorted(labels) == [word for word in WORDS if word in text]
    assert "".join(fitted.labeling.tokens("an apple")) == "an apple"
    with pytest.raises(ConfigError, match="there is no row 80"):
        fitted.shown(80)


def test_tokens_of_a_model_that_is_not_here_are_not_shown(tmp_path: Path) -> None:
    labeling = Labelling()
    labeling.model = str(tmp_path / "nowhere")
    assert labeling.tokens("an apple") == []


def test_the_python_does_the_same(fitted: Session) -> None:
    code = fitted.python()
    assert code.count("\n") < 12
    # In half the time it cannot be what it was; that it runs and asks is what is tested.
    names = {"frame": FRAME}
    exec(code.replace("max_seconds=1.0", "max_seconds=0.5"), names)
    assert names["classifier"].classes_.tolist() == list(WORDS)


def test_it_goes_on_and_stops(tiny: str) -> None:
    session = begun(tiny, labels="kind", delimiter="", seconds=60.0)
    with pytest.raises(ConfigError, match="no fit to go on from"):
        session.start(resume=True)
    run = session.start()
    while run.state.step < 2 and run.status == "running":
        run.wait(0.01)
    # It answers while it learns.
    assert sum(session.labeling.label("apple").probabilities.values()) == pytest.approx(1)
    session.stop()
    assert run.wait(60)
    assert (run.status, run.error) == ("stopped", None)
    report = session.labeling.report
    assert report is not None
    assert not report.multi
    with pytest.raises(ConfigError, match="there are no thresholds"):
        session.labeling.set_thresholds({"apple": 0.3})
    assert session.labeling.classifier is not None
    model = session.labeling.classifier.model_
    again = session.start(resume=True)
    session.stop()
    assert again.wait(60)
    assert again.error is None
    assert session.labeling.classifier.model_ is model


def test_another_model_does_not_go_on_from_the_one_there_is(tiny: str) -> None:
    session = begun(tiny, seconds=1.0)
    assert session.start().wait(60)
    session.choose(labeling={"rank": 4})
    run = session.start(resume=True)
    assert run.wait(60)
    assert "lora_r is 4 now, but what was learned has 0" in str(run.error)
    assert session.labeling.ready
    session.choose(labeling={"rank": None})
    again = session.start(resume=True)
    assert again.wait(60)
    assert again.error is None


def test_what_is_not_read_of_a_long_text_is_told(tiny: str) -> None:
    session = begun(tiny)
    session.choose(labeling={"max_length": 8})
    labeling = session.labeling
    text = "apple boat cloud " * 20
    assert text.startswith("".join(labeling.tokens(text)[:8]))
    assert labeling.read(text) == len("".join(labeling.tokens(text)[:8])) < len(text)
    assert labeling.read("apple") == 5
    assert labeling.cost(Table(FRAME), 3.0).size.tokens_per_row <= 8
    labeling.model = "/nowhere"
    assert labeling.read(text) == len(text)


def test_a_fit_that_cannot_begin_takes_nothing_away(tiny: str, tmp_path: Path) -> None:
    session = begun(tiny, seconds=1.0)
    assert session.start().wait(60)
    classifier, report = session.labeling.classifier, session.labeling.report
    session.choose(labeling={"model": str(tmp_path / "nowhere")})
    run = session.start()
    assert run.wait(60)
    assert run.status == "failed"
    assert "nowhere" in str(run.error)
    assert (session.labeling.classifier, session.labeling.report) == (classifier, report)
    assert session.labeling.label("apple").probabilities


def test_nothing_can_be_asked_before_training(tiny: str) -> None:
    labeling = begun(tiny).labeling
    for ask in (
        lambda: labeling.label("apple"),
        lambda: labeling.words("apple", "apple"),
        labeling.example,
        lambda: labeling.set_thresholds({"apple": 0.5}),
    ):
        with pytest.raises(NotFittedError, match="train it first"):
            ask()


def test_fit_names_what_to_take_instead(tiny: str) -> None:
    with pytest.raises(ConfigError, match="TextClassifier"):
        begun(tiny).fit()


def test_another_table_begins_anew(tiny: str) -> None:
    session = begun(tiny)
    session.load("penguins")
    assert session.task != TEXT_LABELS
    assert session.labeling.classifier is None
    assert session.labeling.texts != ("said",)


def test_the_report_is_json(fitted: Session) -> None:
    from tabwidget.widgets._state import report_state

    assert fitted.labeling.report is not None
    state = json.loads(json.dumps(report_state(fitted.labeling.report), allow_nan=False))
    assert [row["label"] for row in state["classes"]] == list(WORDS)

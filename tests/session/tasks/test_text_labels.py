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
from tests.backends.text.tiny import save_tiny
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
        labelling={
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
    assert session.labelling.texts == ("said",)
    assert session.labelling.labels != ()


def test_what_cannot_be_chosen_changes_nothing(tiny: str) -> None:
    session = begun(tiny)
    with pytest.raises(ConfigError, match="'n' has 80 different numbers"):
        session.choose(max_seconds=99, labelling={"labels": ["n"], "delimiter": ""})
    assert session.labelling.labels == ("tags",)
    assert session.training.max_seconds == 1.0
    with pytest.raises(ConfigError, match=r"'label'.*labels"):
        session.choose(labelling={"label": ["kind"]})


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
        session.choose(labelling=choice)


def test_one_column_may_be_named_by_itself(tiny: str) -> None:
    session = begun(tiny)
    session.choose(labelling={"labels": "kind", "delimiter": "", "model": ""})
    assert (session.labelling.labels, session.labelling.model) == (("kind",), None)


def test_a_choice_made_later_says_that_the_model_is_of_the_one_before(fitted: Session) -> None:
    change = fitted.choose(labelling={"bits": 4})
    assert change.changed == ("bits",)
    assert "train again" in change.message
    fitted.choose(labelling={"bits": None})


def test_it_learns_and_judges(fitted: Session) -> None:
    labelling = fitted.labelling
    assert labelling.ready
    report = labelling.report
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
    assert labelling.classifier is not None
    # The last figures of the best state are those of the report.
    assert report.metrics["f1_micro"] == labelling.classifier.validation_["f1_micro"]


def test_thresholds_decide(fitted: Session) -> None:
    labelling = fitted.labelling
    first = labelling.report
    none = labelling.set_thresholds(dict.fromkeys(WORDS, 1.0))
    assert none.metrics["per_class"]["apple"]["recall"] == 0
    assert labelling.label("apple boat").labels == ()
    every = labelling.set_thresholds({"apple": 0.0})
    assert every.metrics["per_class"]["apple"]["recall"] == 1
    assert labelling.label("so").labels == ("apple",)
    half = labelling.take_thresholds("half")
    assert half.metrics == half.at_half
    assert labelling.take_thresholds("tuned") == first
    for given, told in (({"pear": 0.5}, "no label 'pear'"), ({"apple": 1.5}, "is 1.5: give one")):
        with pytest.raises(ConfigError, match=told):
            labelling.set_thresholds(given)
    with pytest.raises(ConfigError, match="'tuned' or 'half'"):
        labelling.take_thresholds("nice")


def test_texts_are_labelled(fitted: Session) -> None:
    found = fitted.labelling.label("an apple")
    assert set(found.probabilities) == set(WORDS)
    assert list(found.probabilities.values()) == sorted(found.probabilities.values(), reverse=True)
    classifier = fitted.labelling.classifier
    assert classifier is not None
    [expected] = classifier.predict_proba(["an apple"])
    assert found.probabilities == pytest.approx(dict(zip(WORDS, expected, strict=True)))


def test_words_are_those_of_the_text(fitted: Session) -> None:
    text = "so apple so"
    whole, words = fitted.labelling.words(text, "apple")
    assert [text[word.start : word.end] for word in words] == ["so", "apple", "so"]
    assert whole == pytest.approx(fitted.labelling.label(text).probabilities["apple"])
    without = fitted.labelling.label("so so").probabilities["apple"]
    assert words[1].without == pytest.approx(without, abs=1e-6)
    with pytest.raises(ConfigError, match="no label 'appel'"):
        fitted.labelling.words(text, "appel")


def test_examples_were_held_out(fitted: Session) -> None:
    classifier = fitted.labelling.classifier
    assert classifier is not None
    examples = [fitted.labelling.example(draw) for draw in range(20)]
    assert len({text for text, _ in examples}) > 5
    for text, labels in examples:
        assert text in classifier.held_out_.texts
        assert labels == tuple(word for word in WORDS if word in text)


def test_rows_are_shown_as_they_are_read(fitted: Session) -> None:
    for row in range(10):
        text, labels = fitted.shown(row)
        assert text == TOYS.texts[row]
        assert sorted(labels) == [word for word in WORDS if word in text]
    assert "".join(fitted.labelling.tokens("an apple")) == "an apple"
    with pytest.raises(ConfigError, match="there is no row 80"):
        fitted.shown(80)


def test_tokens_of_a_model_that_is_not_here_are_not_shown(tmp_path: Path) -> None:
    labelling = Labelling()
    labelling.model = str(tmp_path / "nowhere")
    assert labelling.tokens("an apple") == []


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
    assert sum(session.labelling.label("apple").probabilities.values()) == pytest.approx(1)
    session.stop()
    assert run.wait(60)
    assert (run.status, run.error) == ("stopped", None)
    report = session.labelling.report
    assert report is not None
    assert not report.multi
    with pytest.raises(ConfigError, match="there are no thresholds"):
        session.labelling.set_thresholds({"apple": 0.3})
    assert session.labelling.classifier is not None
    model = session.labelling.classifier.model_
    again = session.start(resume=True)
    session.stop()
    assert again.wait(60)
    assert again.error is None
    assert session.labelling.classifier.model_ is model


def test_another_model_does_not_go_on_from_the_one_there_is(tiny: str) -> None:
    session = begun(tiny, seconds=1.0)
    assert session.start().wait(60)
    session.choose(labelling={"rank": 4})
    run = session.start(resume=True)
    assert run.wait(60)
    assert "lora_r is 4 now, but what was learned has 0" in str(run.error)
    assert session.labelling.ready
    session.choose(labelling={"rank": None})
    again = session.start(resume=True)
    assert again.wait(60)
    assert again.error is None


def test_what_is_not_read_of_a_long_text_is_told(tiny: str) -> None:
    session = begun(tiny)
    session.choose(labelling={"max_length": 8})
    labelling = session.labelling
    text = "apple boat cloud " * 20
    assert text.startswith("".join(labelling.tokens(text)[:8]))
    assert labelling.read(text) == len("".join(labelling.tokens(text)[:8])) < len(text)
    assert labelling.read("apple") == 5
    assert labelling.cost(Table(FRAME), 3.0).size.tokens_a_row <= 8
    labelling.model = "/nowhere"
    assert labelling.read(text) == len(text)


def test_a_fit_that_cannot_begin_takes_nothing_away(tiny: str, tmp_path: Path) -> None:
    session = begun(tiny, seconds=1.0)
    assert session.start().wait(60)
    classifier, report = session.labelling.classifier, session.labelling.report
    session.choose(labelling={"model": str(tmp_path / "nowhere")})
    run = session.start()
    assert run.wait(60)
    assert run.status == "failed"
    assert "nowhere" in str(run.error)
    assert (session.labelling.classifier, session.labelling.report) == (classifier, report)
    assert session.labelling.label("apple").probabilities


def test_nothing_can_be_asked_before_training(tiny: str) -> None:
    labelling = begun(tiny).labelling
    for ask in (
        lambda: labelling.label("apple"),
        lambda: labelling.words("apple", "apple"),
        labelling.example,
        lambda: labelling.set_thresholds({"apple": 0.5}),
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
    assert session.labelling.classifier is None
    assert session.labelling.texts != ("said",)


def test_the_report_is_json(fitted: Session) -> None:
    from tabwidget.widgets._state import report_state

    assert fitted.labelling.report is not None
    state = json.loads(json.dumps(report_state(fitted.labelling.report), allow_nan=False))
    assert [row["label"] for row in state["classes"]] == list(WORDS)

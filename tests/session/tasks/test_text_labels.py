"""Texts and labels in a session: chosen, learned, judged and asked, with a tiny real model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.session import Session
from tabwidget.session.tasks.text_labels import TextLabelTask
from tabwidget.textclass import TextClassifier
from tests.backends.text.fakes import save_tiny
from tests.textclass.fakes import WORDS, toy_texts

TOYS = toy_texts(80)
assert TOYS.targets is not None
TAGS = [";".join(np.array(WORDS)[row]) for row in TOYS.targets]
KINDS = [WORDS[int(row.argmax())] for row in TOYS.targets]
FRAME = pd.DataFrame({"said": TOYS.texts, "tags": TAGS, "kind": KINDS, "n": range(80)})


TEXT_LABELS = "text labels"


def classifier_of(session: Session) -> TextClassifier:
    """Return the fitted classifier of a session."""
    classifier = task_of(session).classifier
    assert classifier is not None
    return classifier


def task_of(session: Session) -> TextLabelTask:
    """Return the task of a session whose settings and results are tested."""
    task = session.tasks[TEXT_LABELS]
    assert isinstance(task, TextLabelTask)
    return task


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("tiny")))


def begun(tiny: str, labels: str = "tags", delimiter: str = ";", seconds: float = 1.0) -> Session:
    """Return a session with the task chosen."""
    session = Session(FRAME, name="frame")
    session.choose(
        task=TEXT_LABELS,
        max_seconds=seconds,
        texts=["said"],
        labels=[labels],
        delimiter=delimiter,
        model=tiny,
        rank=None,
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
    assert task_of(session).texts == ("said",)
    assert task_of(session).labels != ()


def test_what_cannot_be_chosen_changes_nothing(tiny: str) -> None:
    session = begun(tiny)
    with pytest.raises(ConfigError, match="'n' has 80 distinct numbers"):
        session.choose(max_seconds=99, labels=["n"], delimiter="")
    assert task_of(session).labels == ("tags",)
    assert session.training.max_seconds == 1.0
    with pytest.raises(ConfigError, match=r"'label'.*labels"):
        session.choose(label=["kind"])


def test_a_table_without_texts_cannot_take_the_task() -> None:
    session = Session(pd.DataFrame({"x": [1.5, 2.5, 3.5] * 9, "y": [0, 1, 1] * 9}))
    with pytest.raises(ConfigError, match="no column of this table holds text"):
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
        session.choose(**choice)


def test_one_column_may_be_named_by_itself(tiny: str) -> None:
    session = begun(tiny)
    session.choose(labels="kind", delimiter="", model="")
    assert (task_of(session).labels, task_of(session).model) == (("kind",), None)


def test_a_choice_made_later_says_that_the_model_is_of_the_one_before(fitted: Session) -> None:
    change = fitted.choose(bits=4)
    assert change.changed == ("bits",)
    assert "train again" in change.message
    fitted.choose(bits=None)


def test_it_learns_and_judges(fitted: Session) -> None:
    task = task_of(fitted)
    assert task.ready
    report = task.report
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
    assert task.classifier is not None
    # The last figures of the best state are those of the report.
    assert report.metrics["f1_micro"] == task.classifier.validation_["f1_micro"]


def test_thresholds_decide(fitted: Session) -> None:
    task = task_of(fitted)
    first = task.report
    none = task.set_thresholds(dict.fromkeys(WORDS, 1.0))
    assert none.metrics["per_class"]["apple"]["recall"] == 0
    assert task.label("apple boat").labels == ()
    every = task.set_thresholds({"apple": 0.0})
    assert every.metrics["per_class"]["apple"]["recall"] == 1
    assert task.label("so").labels == ("apple",)
    half = task.take_thresholds("half")
    assert half.metrics == half.at_half
    assert task.take_thresholds("tuned") == first
    for given, told in (({"pear": 0.5}, "no label 'pear'"), ({"apple": 1.5}, "is 1.5: give one")):
        with pytest.raises(ConfigError, match=told):
            task.set_thresholds(given)
    with pytest.raises(ConfigError, match="'tuned' or 'half'"):
        task.take_thresholds("nice")


def test_texts_are_labelled(fitted: Session) -> None:
    found = task_of(fitted).label("an apple")
    assert set(found.probabilities) == set(WORDS)
    assert list(found.probabilities.values()) == sorted(found.probabilities.values(), reverse=True)
    classifier = task_of(fitted).classifier
    assert classifier is not None
    [expected] = classifier.predict_proba(["an apple"])
    assert found.probabilities == pytest.approx(dict(zip(WORDS, expected, strict=True)))


def test_words_are_those_of_the_text(fitted: Session) -> None:
    text = "so apple so"
    whole, words = task_of(fitted).words(text, "apple")
    assert [text[word.start : word.end] for word in words] == ["so", "apple", "so"]
    assert whole == pytest.approx(task_of(fitted).label(text).probabilities["apple"])
    without = task_of(fitted).label("so so").probabilities["apple"]
    assert words[1].without == pytest.approx(without, abs=1e-6)
    with pytest.raises(ConfigError, match="no label 'appel'"):
        task_of(fitted).words(text, "appel")


def test_examples_were_held_out(fitted: Session) -> None:
    classifier = task_of(fitted).classifier
    assert classifier is not None
    examples = [task_of(fitted).example(draw) for draw in range(20)]
    assert len({text for text, _ in examples}) > 5
    for text, labels in examples:
        assert text in classifier.validation_texts_.texts
        assert labels == tuple(word for word in WORDS if word in text)


def test_rows_are_shown_as_they_are_read(fitted: Session) -> None:
    for row in range(10):
        preview = fitted.preview(row)
        text, labels = preview.text, preview.labels
        assert text == TOYS.texts[row]
        assert labels is not None
        assert sorted(labels) == [word for word in WORDS if word in text]
    assert "".join(task_of(fitted).tokens("an apple")) == "an apple"
    with pytest.raises(ConfigError, match="there is no row 80"):
        fitted.preview(80)


def test_tokens_of_a_model_that_is_not_here_are_not_shown(tmp_path: Path) -> None:
    task = TextLabelTask(Session())
    task.model = str(tmp_path / "nowhere")
    assert task.tokens("an apple") == []


def test_the_python_does_the_same(fitted: Session) -> None:
    code = fitted.python()
    assert code.count("\n") < 12
    # In half the time it cannot be what it was; that it runs and asks is what is tested.
    names = {"frame": FRAME}
    exec(code.replace("max_seconds=1.0", "max_seconds=0.5"), names)
    assert names["classifier"].classes_.tolist() == list(WORDS)


def test_it_goes_on_and_stops(tiny: str) -> None:
    session = begun(tiny, labels="kind", delimiter="", seconds=60.0)
    with pytest.raises(ConfigError, match="no fit to resume"):
        session.start(resume=True)
    run = session.start()
    while run.state.step < 2 and run.status == "running":
        run.wait(0.01)
    # It answers while it learns.
    assert sum(task_of(session).label("apple").probabilities.values()) == pytest.approx(1)
    session.stop()
    assert run.wait(60)
    assert (run.status, run.error) == ("stopped", None)
    report = task_of(session).report
    assert report is not None
    assert not report.multi
    with pytest.raises(ConfigError, match="there are no thresholds"):
        task_of(session).set_thresholds({"apple": 0.3})
    model = classifier_of(session).model_
    again = session.start(resume=True)
    session.stop()
    assert again.wait(60)
    assert again.error is None
    assert classifier_of(session).model_ is model


def test_another_model_does_not_go_on_from_the_one_there_is(tiny: str) -> None:
    session = begun(tiny, seconds=1.0)
    assert session.start().wait(60)
    session.choose(rank=4)
    run = session.start(resume=True)
    assert run.wait(60)
    assert "lora_r is 4, but the model was trained with 0" in str(run.error)
    assert task_of(session).ready
    session.choose(rank=None)
    again = session.start(resume=True)
    assert again.wait(60)
    assert again.error is None


def test_what_is_not_read_of_a_long_text_is_told(tiny: str) -> None:
    session = begun(tiny)
    session.choose(max_length=8)
    task = task_of(session)
    text = "apple boat cloud " * 20
    assert text.startswith("".join(task.tokens(text)[:8]))
    assert task.read(text) == len("".join(task.tokens(text)[:8])) < len(text)
    assert task.read("apple") == 5
    assert session.cost().size.tokens_per_row <= 8
    task.model = "/nowhere"
    assert task.read(text) == len(text)


def test_a_fit_that_cannot_begin_takes_nothing_away(tiny: str, tmp_path: Path) -> None:
    session = begun(tiny, seconds=1.0)
    assert session.start().wait(60)
    classifier, report = task_of(session).classifier, task_of(session).report
    session.choose(model=str(tmp_path / "nowhere"))
    run = session.start()
    assert run.wait(60)
    assert run.status == "failed"
    assert "nowhere" in str(run.error)
    assert (task_of(session).classifier, task_of(session).report) == (classifier, report)
    assert task_of(session).label("apple").probabilities


def test_nothing_can_be_asked_before_training(tiny: str) -> None:
    task = task_of(begun(tiny))
    for ask in (
        lambda: task.label("apple"),
        lambda: task.words("apple", "apple"),
        task.example,
        lambda: task.set_thresholds({"apple": 0.5}),
    ):
        with pytest.raises(NotFittedError, match="train it first"):
            ask()


def test_fit_returns_the_classifier(tiny: str) -> None:
    session = begun(tiny)
    classifier = session.fit()
    assert classifier is classifier_of(session)
    assert classifier_of(session).classes_.tolist() == list(WORDS)


def test_another_table_begins_anew(tiny: str) -> None:
    session = begun(tiny)
    session.load("penguins")
    assert session.task != TEXT_LABELS
    assert task_of(session).classifier is None
    assert task_of(session).texts != ("said",)

"""The tasks of rows: their default, their settings, and a target that alone is learned last."""

from __future__ import annotations

import sys
from typing import Any, cast

import pandas as pd
import pytest

from tabwidget.backends import BACKENDS, Entry
from tabwidget.config import TrainingConfig
from tabwidget.session import Session
from tabwidget.session.run import Run
from tabwidget.session.tasks import rows
from tabwidget.session.tasks.rows import default_task
from tabwidget.table import Table
from tests.backends import fakes


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["a", "b"] * 20, "classification"),
        ([0, 1] * 20, "classification"),
        ([x / 7 for x in range(40)], "regression"),
        (list(range(40)), "regression"),
        ([True, False] * 20, "classification"),
    ],
)
def test_the_default_task_suits_the_column(cells: list[object], task: str) -> None:
    assert default_task(Table(pd.DataFrame({"y": cells})).schema["y"]) == task


def test_a_target_that_alone_is_learned_is_written_last() -> None:
    session = Session("iris", target="species", training=TrainingConfig(loss_on_target_only=True))
    for draw in range(10):
        assert session.preview(0, draw).spans[-1].column == "species"


def test_another_backend_discards_the_model() -> None:
    session = Session("iris", training=TrainingConfig(max_steps=2))
    session.fit()
    change = session.choose(backend="minilm-text")
    assert change.invalidates == ("model", "answer")
    assert session.model is None
    assert "trained anew" in change.message


def test_the_form_of_a_pretrained_backend_becomes_one_model_config() -> None:
    task = Session("iris").tasks["classification"]
    found = task.from_form({"backend": "huggingface", "model": " a/b ", "rank": 4})
    assert set(found) == {"backend", "model_config"}
    assert (found["model_config"].model, found["model_config"].lora.rank) == ("a/b", 4)
    assert task.from_form({"backend": "minilm"})["model_config"] is None


def test_the_sources_of_the_answers_are_put_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tabwidget.backends.reading", fakes)
    entry = Entry("reading", "ReadingBackend", "for tests", untrained=True)
    monkeypatch.setitem(BACKENDS, "reading", entry)
    session = Session("iris", backend="reading")
    task = session.current_task
    assert (task.sources, task.gains) == (("pretrained",), {})
    assert "Press Train to improve the answers" in task.hint
    session.fit()
    assert task.sources == ("pretrained", "trained on your table")
    assert list(task.gains.values()) == [0.25, 0.0]
    monkeypatch.setitem(BACKENDS, "reading", Entry("reading", "ReadingBackend", "for tests"))
    assert task.sources[-1] == "trained on your table"
    assert len(task.sources) == 1
    session = Session("iris", backend="huggingface")
    assert (session.current_task.sources, session.current_task.trains) == ((), True)
    session.choose(backend="pretrained")
    assert (session.current_task.sources, session.current_task.trains) == (("pretrained",), False)
    assert "choose another" in session.current_task.hint


def test_the_default_backend_answers_before_training_and_says_what_training_adds() -> None:
    session = Session("iris", training=TrainingConfig(max_seconds=1.0))
    before = session.ask("species | `petal length (cm)`=4.9")
    assert (session.stage, session.current_task.gains) == ("pretrained", {})
    session.fit()
    assert session.stage == "trained"
    gains = session.current_task.gains
    assert set(gains) <= set(session.loaded().frame)
    assert gains
    assert session.ask(before.query).query.targets == ("species",)


def test_a_new_model_has_answered_the_question_before_it_is_published() -> None:
    class Model:
        backend, model_config = "auto", None
        ready = trained = True

        def __init__(self, schema: Any) -> None:
            self.schema = schema
            self.asked: list[Any] = []

        def conditional(self, query: Any) -> None:
            self.asked.append((query, session.model is self))

    session: Any = Session("iris")
    model = Model(session.loaded().schema)
    session.run = run = Run()
    publisher = rows._Publisher(session, run, cast(Any, model))
    publisher.publish()
    publisher.publish()
    assert session.model is model
    assert session.question is not None
    [(query, published)] = model.asked
    assert query.query.targets == session.question.targets
    assert not published

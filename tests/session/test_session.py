"""Session: a table, its choices, its fit and its questions, with no notebook around it."""

from __future__ import annotations

import itertools
import logging
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends import BACKENDS, Entry
from tabwidget.backends.minilm_text.tokenizer import TableTokens
from tabwidget.config import LoRAConfig, ModelConfig, TrainingConfig
from tabwidget.errors import (
    ColumnError,
    ConfigError,
    DataFileError,
    FormulaError,
    NotFittedError,
    TableError,
    TabwidgetError,
)
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.evidence import Above, Between, NoneOf, OneOf
from tabwidget.inference.joint import JointDistribution
from tabwidget.inference.query import Query
from tabwidget.model import TabularLanguageModel
from tabwidget.serializers import (
    BracketSerializer,
    JSONSerializer,
    KeyValueSerializer,
    Serializer,
)
from tabwidget.serializers.number_format import SpacedDigits
from tabwidget.session import Session
from tabwidget.session import session as session_module
from tabwidget.session.run import Run
from tabwidget.table import Table
from tabwidget.table.column import Column
from tests.backends import fakes

FRAME = pd.DataFrame(
    {
        "weight": np.linspace(-1, 3, 60) ** 3,
        "colour": ["red", "blue", 'it\'s "green"'] * 20,
        "size": [1, 2, 3, 4] * 15,
        "day": pd.date_range("2024-01-01", periods=60),
        "sold": [True, False] * 30,
    }
)
ENDLESS = TrainingConfig(max_steps=10**9)


@pytest.fixture(autouse=True)
def fake_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, backend in {"fake": "FakeBackend", "slow": "SlowBackend"}.items():
        monkeypatch.setitem(BACKENDS, name, Entry(name, backend, "for tests"))
        monkeypatch.setitem(sys.modules, f"tabwidget.backends.{name}", fakes)


@pytest.fixture
def session() -> Session:
    return Session(FRAME, name="shop", backend="fake")


@pytest.fixture
def fitted(session: Session) -> Session:
    session.fit()
    return session


@pytest.fixture
def training() -> Iterator[Session]:
    """Return a session that trains until it is stopped, and can be asked already."""
    session = Session(FRAME, name="shop", backend="slow", training=ENDLESS)
    session.start()
    wait_until(lambda: session.model is not None)
    yield session
    session.stop()


def wait_until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def topics(session: Session) -> list[str]:
    told: list[str] = []
    session.subscribe(told.append)
    return told


# Loading


def test_an_empty_session_waits_for_a_table() -> None:
    session = Session()
    assert (session.table, session.target, session.run, session.model) == (None,) * 4
    for act in (session.start, session.preview, session.python, lambda: session.ask("x")):
        with pytest.raises(ConfigError, match="no table yet: load one first"):
            act()


def test_loading_proposes_a_target_and_its_task(session: Session) -> None:
    assert (session.target, session.task) == ("colour", "classification")
    assert session.question == Query(("colour",))
    session.load(FRAME[["size", "weight"]])
    assert (session.target, session.task) == ("weight", "regression")
    session.load(FRAME[["weight", "size"]])
    assert (session.target, session.task) == ("size", "classification")


def test_loading_says_what_it_did_and_what_is_gone(fitted: Session) -> None:
    fitted.ask("colour | size=1")
    told = topics(fitted)
    change = fitted.load(FRAME.head(30), name="half")
    assert change.changed == ("table", "target", "task")
    assert change.invalidates == ("run", "model", "answer")
    assert change.message == "Loaded half: 30 rows, 5 columns."
    assert (fitted.run, fitted.model, fitted.answer, fitted.history) == (None, None, None, [])
    assert told == ["table"]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (FRAME.head(0), TableError, "empty"),
        (FRAME.head(1), TableError, "one row"),
        (pd.concat([FRAME, FRAME[["size"]]], axis=1), TableError, "'size'.*more than once"),
        (FRAME.map(lambda _: np.nan), TableError, "no column is usable"),
        (Path("nowhere.csv"), DataFileError, "no file.*nowhere.csv"),
        ("penguin", TabwidgetError, "Did you mean 'penguins'"),
    ],
)
def test_a_table_that_cannot_be_loaded_leaves_everything_as_it_was(
    training: Session, source: Any, error: type[Exception], message: str
) -> None:
    told, model = topics(training), training.model
    with pytest.raises(error, match=message) as caught:
        training.load(source)
    assert "\n" not in str(caught.value)
    assert (training.model, training.run and training.run.status) == (model, "running")
    assert training.table is not None
    assert training.table.name == "shop"
    assert "table" not in told


def test_loading_ends_the_fit_that_runs(training: Session) -> None:
    run = training.run
    training.load(FRAME[["size", "sold"]])
    assert run is not None
    assert run.status == "stopped"
    assert (training.run, training.model) == (None, None)


def test_a_fit_that_ends_late_does_not_bring_its_model_back(
    training: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "STOP_SECONDS", 0.0)
    run = training.run
    training.load(FRAME[["size", "sold"]])
    assert run is not None
    assert run.wait(5)
    assert training.model is None


# Choices


def test_a_choice_says_what_it_changed(session: Session) -> None:
    told = topics(session)
    change = session.choose(serializer="bracket", max_seconds=3)
    assert change.changed == ("serializer", "training")
    assert change.message == "Changed serializer, training."
    assert (session.serializer, session.training.max_seconds) == ("bracket", 3)
    assert told == ["choices"]


def test_choosing_what_is_chosen_changes_nothing(session: Session) -> None:
    told = topics(session)
    change = session.choose(target=session.target, serializer="json", max_seconds=10.0)
    assert (change.changed, change.message, told) == ((), "", [])


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({"target": "color"}, ColumnError, r"no column 'color'. Did you mean 'colour'\?"),
        ({"task": "clustering"}, ConfigError, "no task 'clustering': classification, regression"),
        ({"target": "colour", "task": "regression"}, ConfigError, "'colour' has levels.*choose"),
        ({"target": "weight", "task": "classification"}, ConfigError, "'weight' is a number.*60"),
        ({"serializer": "jsno"}, ConfigError, "Did you mean 'json'"),
        ({"serializer": None}, ConfigError, "no serializer None: one of json"),
        ({"backend": "minlm"}, ConfigError, "Did you mean 'minilm'"),
        ({"max_seconds": -1}, ConfigError, "TrainingConfig.max_seconds must be"),
        ({"training": {"epochs": 1}}, ConfigError, "TrainingConfig, not dict"),
        ({"seconds": 3}, ConfigError, "no setting 'seconds'.*Did you mean 'max_seconds'"),
    ],
)
def test_choices_are_taken_all_or_none(
    session: Session, choices: dict[str, Any], error: type[Exception], message: str
) -> None:
    good = {"serializer": "bracket", "target": "sold", "max_seconds": 1, "backend": "slow"}
    told = topics(session)
    with pytest.raises(error, match=message) as caught:
        session.choose(**{**good, **choices})
    assert "\n" not in str(caught.value)
    assert (session.serializer, session.target, session.backend) == ("json", "colour", "fake")
    assert session.training.max_seconds == 10
    assert told == []


def test_the_task_follows_the_target(session: Session) -> None:
    assert session.choose(target="weight").changed == ("target", "task")
    assert session.task == "regression"
    assert session.question == Query(("weight",))


def test_another_task_keeps_the_target(session: Session) -> None:
    session.choose(task="synthesis")
    assert (session.target, session.task) == ("colour", "synthesis")


def test_another_backend_costs_the_model(fitted: Session) -> None:
    change = fitted.choose(backend="slow")
    assert change.invalidates == ("model", "answer")
    assert fitted.model is None


def test_a_fit_that_runs_does_not_bring_a_model_of_another_backend_back(training: Session) -> None:
    training.choose(backend="fake")
    run = training.run
    assert run is not None
    step = run.state.step
    wait_until(lambda: run.state.step > step + 1)
    assert training.model is None
    training.stop()
    assert training.model is None


def test_a_backend_chosen_while_a_model_warms_up_is_kept(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = TabularLanguageModel.conditional

    def conditional(model: TabularLanguageModel, *question: Any) -> Any:
        session.choose(backend="slow")
        return answer(model, *question)

    monkeypatch.setattr(TabularLanguageModel, "conditional", conditional)
    session.choose(target="colour")
    run = session.start()
    assert run.wait(5.0)
    assert session.backend == "slow"
    assert session.model is None


def test_another_serializer_leaves_a_model_that_can_be_asked(fitted: Session) -> None:
    change = fitted.choose(serializer="key-value")
    assert change.invalidates == ()
    assert "can still be queried" in change.message
    assert fitted.ask("colour").query.targets == ("colour",)


def test_a_training_handed_over_is_copied(session: Session) -> None:
    training = TrainingConfig(max_steps=2)
    session.choose(training=training)
    training.set_params(max_steps=3)
    assert session.training.max_steps == 2


# Previews


def test_a_preview_depends_on_seed_and_draw_alone(session: Session) -> None:
    twin = Session(FRAME, backend="fake")
    assert [session.preview(4, draw) for draw in range(5)] == [
        twin.preview(4, draw) for draw in range(5)
    ]
    orders = {tuple(s.column for s in session.preview(4, draw).spans) for draw in range(20)}
    assert len(orders) > 5
    assert all(set(order) == set(FRAME) for order in orders)


def test_a_preview_follows_the_serializer(session: Session) -> None:
    before = session.preview().text
    session.choose(serializer="bracket")
    assert session.preview().text != before


def test_a_preview_leaves_missing_cells_out() -> None:
    frame = pd.DataFrame({"a": [None, 1.0, 2.0], "b": [None, "x", None]})
    session = Session(frame, backend="fake")
    assert session.preview(0).spans == ()
    assert [span.column for span in session.preview(2).spans] == ["a"]


@pytest.mark.parametrize("row", [-1, 60])
def test_a_row_that_is_not_there_is_an_error(session: Session, row: int) -> None:
    with pytest.raises(ConfigError, match=f"no row {row}: the table has rows 0 to 59"):
        session.preview(row)


# Training


def test_a_fit_leaves_a_model_and_its_figures(session: Session) -> None:
    model = session.fit()
    assert model is session.model
    assert session.run is not None
    assert session.run.status == "done"
    assert session.run.state.step == 3


def test_a_model_can_be_asked_while_it_trains(training: Session) -> None:
    answer = training.ask("sold | size=2")
    assert answer.distribution.probabilities.tolist() == [1, 0]
    assert training.run is not None
    assert training.run.status == "running"


def test_stop_ends_a_fit_within_a_second_and_keeps_the_model(training: Session) -> None:
    began = time.perf_counter()
    training.stop()
    assert time.perf_counter() - began < 1
    assert training.run is not None
    assert training.run.status == "stopped"
    assert training.ask("sold").distribution.mode() in (True, False)


def test_stopping_what_does_not_run_does_nothing(session: Session) -> None:
    session.stop()
    session.fit()
    session.stop()
    assert session.run is not None
    assert session.run.status == "done"


def test_only_one_fit_runs_at_a_time(training: Session) -> None:
    with pytest.raises(ConfigError, match="a fit is running: stop it first"):
        training.start()


def test_going_on_needs_a_fit(session: Session) -> None:
    with pytest.raises(ConfigError, match="no fit to resume"):
        session.start(resume=True)
    assert session.run is None


def test_going_on_keeps_the_model_and_takes_the_newest_choices(fitted: Session) -> None:
    model = fitted.model
    fitted.choose(training=TrainingConfig(max_steps=7))
    assert fitted.fit(resume=True) is model
    assert fitted.run is not None
    assert fitted.run.state.step == 7


def test_the_last_model_answers_until_the_next_one_can(fitted: Session) -> None:
    former = fitted.model
    fitted.choose(training=ENDLESS)
    fitted.start()
    assert fitted.model is not None
    wait_until(lambda: fitted.model is not former)
    fitted.stop()


def test_the_target_is_trained_for_unless_the_task_is_synthesis(session: Session) -> None:
    def targets() -> tuple[str, ...]:
        seen: tuple[str, ...] = session.fit().backend_.seen[0].targets
        return seen

    assert targets() == ("colour",)
    session.choose(task="synthesis")
    assert targets() == ()


def test_a_fit_that_fails_raises_where_one_waits(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(fakes.FakeBackend, "fit", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        session.fit()
    assert session.run is not None
    assert (session.run.status, session.run.error) == ("failed", "out of memory")


def test_an_interrupt_while_waiting_stops_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(FRAME, backend="slow", training=ENDLESS)
    wait = Run.wait

    def interrupted(run: Run, timeout: float | None = None) -> bool:
        if timeout is None:
            raise KeyboardInterrupt
        return wait(run, timeout)

    monkeypatch.setattr(Run, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        session.fit()
    assert session.run is not None
    assert session.run.status == "stopped"


# Questions


def test_an_answer_is_remembered_as_the_question_of_the_moment(fitted: Session) -> None:
    told = topics(fitted)
    answer = fitted.ask("sold | size in {1, 2}, weight > 0")
    assert fitted.answer is answer
    assert fitted.question == Query(("sold",), {"size": OneOf(1, 2), "weight": Above(0)})
    assert fitted.history == [answer]
    assert answer.seconds > 0
    assert str(answer).startswith("p(sold | size in {1, 2}, weight>0)\n")
    assert told == ["answer"]


def test_an_answer_is_the_models(fitted: Session) -> None:
    assert fitted.model is not None
    np.testing.assert_array_equal(
        fitted.ask("colour | size=2").distribution.probabilities,
        fitted.model.conditional("colour", {"size": 2}).probabilities,
    )
    assert list(fitted.survey({"size": 2})) == ["weight", "colour", "day", "sold"]


def test_an_answer_counts_the_rows_that_match(fitted: Session) -> None:
    answer = fitted.ask("sold | size in {1, 2}, weight > 0")
    rows = FRAME[FRAME["size"].isin([1, 2]) & (FRAME["weight"] > 0)]
    assert (answer.n_rows, answer.n_matching) == (len(FRAME), len(rows))
    assert isinstance(answer.distribution, Distribution)
    assert answer.shares is not None
    shares = [(rows["sold"] == value).mean() for value in answer.distribution.support]
    assert answer.shares.tolist() == pytest.approx(shares)
    matching = fitted.matching({"size": OneOf(1, 2), "weight": Above(0)})
    assert matching.tolist() == rows.index.tolist()
    assert len(fitted.matching()) == len(FRAME)


def test_no_row_may_match(fitted: Session) -> None:
    answer = fitted.ask("colour | size=1, sold=False")
    assert (answer.n_matching, answer.shares, answer.share_interval) == (0, None, None)


def test_another_table_has_other_matching_rows(fitted: Session) -> None:
    assert len(fitted.matching({"size": 1})) == 15
    fitted.load(FRAME.head(30), name="half")
    assert len(fitted.matching({"size": 1})) == 8


def test_wrong_evidence_matches_no_rows_but_says_why(session: Session) -> None:
    assert len(session.matching({"sold": True})) == 30  # before training, too
    with pytest.raises(ColumnError, match="Did you mean 'size'"):
        session.matching({"sise": 1})
    with pytest.raises(ConfigError, match="load one first"):
        Session().matching()


def test_surprise_has_the_shape_of_the_table(fitted: Session) -> None:
    bits = fitted.surprise()
    assert (bits.shape, list(bits)) == (FRAME.shape, list(FRAME))
    assert bits.notna().all(axis=None)
    pd.testing.assert_frame_equal(
        fitted.surprise([7, 3], ["sold"])[["sold"]], bits.iloc[[7, 3]][["sold"]]
    )
    relative = fitted.surprise(relative=True)
    assert not relative.equals(bits)
    assert fitted.surprise().equals(bits)


def test_surprise_is_computed_once_per_model(fitted: Session) -> None:
    bits = fitted.surprise()
    assert fitted.model is not None
    backend = fitted.model.backend_
    assert isinstance(backend, fakes.FakeBackend)
    backend.asked.clear()
    assert fitted.surprise([1, 2]).equals(bits.iloc[[1, 2]])
    assert backend.asked == []
    fitted.fit()
    assert fitted.model is not None
    backend = fitted.model.backend_
    assert isinstance(backend, fakes.FakeBackend)
    backend.asked.clear()  # the session's question, before the model is published
    fitted.surprise([1])
    assert len(backend.asked) == len(FRAME.columns)
    fitted.load(FRAME.head(30))
    with pytest.raises(NotFittedError, match="train it first"):
        fitted.surprise()


def test_questions_are_answered_while_surprise_is_computed(
    fitted: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    computing, go_on = threading.Event(), threading.Event()
    assert fitted.model is not None
    compute = fitted.model.surprise

    def wait(*args: Any, **settings: Any) -> pd.DataFrame:
        computing.set()
        assert go_on.wait(5)
        return compute(*args, **settings)

    monkeypatch.setattr(fitted.model, "surprise", wait)
    worker = threading.Thread(target=fitted.surprise)
    worker.start()
    assert computing.wait(5)
    asker = threading.Thread(target=fitted.ask, args=("sold | size=1",))
    asker.start()
    asker.join(5)
    answered = fitted.answer is not None
    go_on.set()
    worker.join()
    asker.join()
    assert answered


def test_surprise_names_what_is_wrong(fitted: Session) -> None:
    with pytest.raises(ConfigError, match="no row 60: the table has rows 0 to 59"):
        fitted.surprise([3, 60])
    with pytest.raises(ColumnError, match="Did you mean 'size'"):
        fitted.surprise([3], ["sise"])


def test_two_targets_are_answered_by_their_joint(fitted: Session) -> None:
    answer = fitted.ask("sold, size | colour=red")
    assert isinstance(answer.distribution, JointDistribution)
    red = FRAME[FRAME["colour"] == "red"]
    counted = pd.crosstab(red["sold"], red["size"], normalize=True).to_numpy()
    np.testing.assert_allclose(answer.distribution.probabilities, counted, atol=1e-6)
    assert answer.shares is not None
    np.testing.assert_allclose(answer.shares, counted)
    assert answer.python == 'lm.conditional(["sold", "size"], {"colour": "red"})'
    assert answer.python in fitted.python()
    assert fitted.question == answer.query
    assert str(answer).startswith("p(sold, size | colour=red)\n  False, 2 ")


def test_nothing_can_be_asked_before_training(session: Session) -> None:
    for ask in (lambda: session.ask("colour"), session.survey):
        with pytest.raises(NotFittedError, match="train it first"):
            ask()


@pytest.mark.parametrize(
    ("question", "error", "message"),
    [
        ("sold | colour=rde", FormulaError, r"no level 'rde'. Did you mean 'red'\?"),
        ("sold | size=", FormulaError, "expected a value"),
        (Query(("slod",)), ColumnError, r"no column 'slod'. Did you mean 'sold'\?"),
        ("sold, size, colour", ConfigError, "one column, or for two.*conditional"),
    ],
)
def test_a_question_that_cannot_be_asked_changes_nothing(
    fitted: Session, question: str | Query, error: type[Exception], message: str
) -> None:
    answer, told = fitted.ask("sold"), topics(fitted)
    with pytest.raises(error, match=message) as caught:
        fitted.ask(question)
    assert len(str(caught.value).splitlines()) == (3 if error is FormulaError else 1)
    assert (fitted.answer, fitted.history, told) == (answer, [answer], [])


def test_the_same_question_again_is_one_entry(fitted: Session) -> None:
    first, other, again = (fitted.ask(q) for q in ("sold", "size", "size"))
    assert other.query == again.query
    assert [id(answer) for answer in fitted.history] == [id(first), id(again)]


def test_only_the_newest_answers_are_kept(fitted: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "MAX_HISTORY", 2)
    for question in ("sold", "size", "colour"):
        fitted.ask(question)
    assert [answer.query.targets for answer in fitted.history] == [("size",), ("colour",)]


# Subscribers


def test_every_subscriber_is_told_until_it_ends_its_subscription(fitted: Session) -> None:
    first: list[str] = []
    second: list[str] = []
    end = fitted.subscribe(first.append)
    fitted.subscribe(second.append)
    fitted.ask("sold")
    end()
    end()
    fitted.choose(serializer="bracket")
    assert (first, second) == (["answer"], ["answer", "choices"])


def test_a_fit_tells_of_its_start_its_model_and_its_end(session: Session) -> None:
    told: list[tuple[str, str, bool]] = []

    def listen(topic: str) -> None:
        assert session.run is not None
        told.append((topic, session.run.status, session.model is not None))

    session.subscribe(listen)
    session.fit()
    wait_until(lambda: len(told) == 3)
    assert {topic for topic, _, _ in told} == {"run"}
    assert told[-1] == ("run", "done", True)


def test_a_failing_subscriber_disturbs_neither_the_others_nor_the_fit(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(topic: str) -> None:
        raise ValueError("deaf")

    session.subscribe(fail)
    told = topics(session)
    with caplog.at_level(logging.ERROR):
        session.fit()
        session.ask("sold")
    assert "answer" in told
    assert "a subscriber failed on 'answer'" in caplog.messages


def test_subscribers_are_told_with_the_lock_free(fitted: Session) -> None:
    taken: list[bool] = []

    def take_elsewhere(topic: str) -> None:
        def take() -> None:
            taken.append(fitted.lock.acquire(timeout=1))
            fitted.lock.release()

        thread = threading.Thread(target=take)
        thread.start()
        thread.join()

    fitted.subscribe(take_elsewhere)
    fitted.ask("sold")
    fitted.choose(serializer="bracket")
    fitted.load(FRAME)
    assert taken == [True] * 3


def test_threads_may_ask_while_another_trains_and_a_third_chooses(training: Session) -> None:
    errors: list[BaseException] = []

    def repeat(act: Callable[[int], object]) -> threading.Thread:
        def body() -> None:
            try:
                for i in range(30):
                    act(i)
            except BaseException as error:
                errors.append(error)

        return threading.Thread(target=body)

    def ask(i: int) -> None:
        answer = training.ask(f"colour | size={1 + i % 4}, weight>0")
        assert answer.distribution.probabilities.sum() == pytest.approx(1)

    threads = [repeat(ask), repeat(ask), repeat(lambda i: training.choose(max_seconds=i + 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert errors == []
    assert training.run is not None
    assert training.run.status == "running"


# As Python


@pytest.mark.parametrize(
    "query",
    [
        Query(("colour",)),
        Query(("sold",), {"colour": 'it\'s "green"', "size": OneOf(1, 2)}),
        Query(("weight",), {"colour": NoneOf("red"), "sold": True}),
        Query(("size",), {"day": Above("2024-02-01"), "weight": Between(0.5, 2, "left")}),
        Query(("day",), {"size": 1}),
        Query(("size",), {"day": pd.Timestamp("2024-02-01 00:00")}),
    ],
    ids=str,
)
def test_the_python_shown_gives_the_same_answer(session: Session, query: Query) -> None:
    session.choose(serializer="bracket", training=TrainingConfig(max_steps=2))
    session.fit()
    answer = session.ask(query)
    *lines, last = session.python().splitlines()
    assert last == answer.python
    names: dict[str, Any] = {"shop": FRAME}
    exec("\n".join(lines), names)
    found = eval(last, names)
    np.testing.assert_array_equal(found.probabilities, answer.distribution.probabilities)
    assert names["lm"].get_params()["serializer"] == "bracket"
    assert names["lm"].get_params()["random_state"] == 0
    assert names["lm"].backend_.seen[0].targets == ("colour",)


@pytest.mark.parametrize(
    ("source", "name", "shown"),
    [
        (FRAME, "my shop", "lm.fit(frame, "),
        (FRAME, "class", "lm.fit(frame, "),
        (FRAME, "shop", "lm.fit(shop, "),
        (Table(FRAME, "wares"), None, "lm.fit(wares, "),
        ("iris", None, "lm.fit('iris', "),
    ],
)
def test_the_python_shown_names_the_source(source: Any, name: str | None, shown: str) -> None:
    assert shown in Session(source, name=name).python()


def test_the_python_shown_reads_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "it's a shop.csv"
    FRAME.to_csv(path, index=False)
    session = Session(path, backend="fake", training=TrainingConfig(max_steps=1))
    names: dict[str, Any] = {}
    exec(session.python(), names)
    assert len(names["lm"].table_) == 60


def test_without_a_question_or_a_target_the_python_is_shorter(session: Session) -> None:
    session.choose(task="synthesis", backend="minilm")
    settings = 'backend="minilm", training=TrainingConfig(max_seconds=10.0), random_state=0'
    assert session.python().splitlines() == [
        "from tabwidget import TabularLanguageModel, TrainingConfig",
        "",
        f"lm = TabularLanguageModel({settings})",
        "lm.fit(shop)",
    ]


# Answers before training


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Session:
    """Return a session whose backend answers from the rows alone, and can be trained slowly."""
    entry = Entry("slow", "ReadingBackend", "for tests", untrained=True)
    monkeypatch.setitem(BACKENDS, "reading", entry)
    return Session(FRAME, name="shop", backend="reading", training=ENDLESS)


def test_a_table_is_answerable_once_it_is_loaded() -> None:
    session = Session(FRAME, name="shop", backend="pretrained")
    assert session.stage == "pretrained"
    assert session.run is None
    answer = session.ask("sold | size=2, weight>0")
    assert answer.distribution.probabilities.sum() == pytest.approx(1)
    assert list(session.survey({"size": 2})) == ["weight", "colour", "day", "sold"]
    session.load(FRAME[["size", "sold"]])
    assert (session.stage, session.answer) == ("pretrained", None)
    assert session.ask("sold").distribution.probabilities.sum() == pytest.approx(1)
    session.choose(target="size")
    assert session.ask("size | sold=True").query.targets == ("size",)


def test_only_a_backend_that_reads_rows_answers_before_training(session: Session) -> None:
    assert session.stage == ""
    change = session.choose(backend="pretrained")
    assert (change.invalidates, session.stage) == ((), "pretrained")
    change = session.choose(backend="fake")
    assert (change.invalidates, session.stage) == (("model", "answer"), "")
    assert "has to be trained anew" in change.message
    session.fit()
    assert session.stage == "trained"
    change = session.choose(backend="pretrained")
    assert change.message.endswith("The pretrained model answers.")


def test_the_answers_before_training_are_those_of_the_python_shown(reading: Session) -> None:
    answer = reading.ask("sold | size=2")
    *lines, last = reading.python().splitlines()
    names: dict[str, Any] = {"shop": FRAME}
    exec("\n".join(lines), names)
    found = eval(last, names)
    np.testing.assert_array_equal(found.probabilities, answer.distribution.probabilities)
    assert names["lm"].training.max_seconds == 0


def test_training_replaces_the_pretrained_answers_and_is_resumed_only_then(
    reading: Session,
) -> None:
    before = reading.model
    with pytest.raises(ConfigError, match="no fit to resume"):
        reading.start(resume=True)
    reading.start()
    wait_until(lambda: reading.model is not before)
    assert reading.stage == "trained"
    reading.stop()
    trained = reading.model
    reading.start(resume=True)
    reading.stop()
    assert reading.model is trained


def test_the_pretrained_answers_outlive_a_fit_that_fails_or_learns_nothing(
    reading: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = reading.model
    monkeypatch.setattr(fakes.ReadingBackend, "trained", False)
    reading.choose(training=TrainingConfig(max_steps=2))
    reading.fit()
    assert (reading.model, reading.stage) == (before, "pretrained")

    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(fakes.FakeBackend, "fit", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        reading.fit()
    assert (reading.model, reading.stage) == (before, "pretrained")
    assert reading.ask("sold").query.targets == ("sold",)


def test_a_table_that_cannot_be_read_stays_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise TableError("too strange")

    monkeypatch.setitem(BACKENDS, "reading", Entry("fake", "FakeBackend", "", untrained=True))
    monkeypatch.setattr(fakes.FakeBackend, "fit", fail)
    session = Session(FRAME, backend="reading")
    assert (session.stage, session.table is not None) == ("", True)
    with pytest.raises(TableError, match="too strange"):
        session.fit()


# The default backend


def test_the_default_backend_is_asked_and_stopped_while_it_trains() -> None:
    session = Session(FRAME, training=TrainingConfig(max_seconds=60))
    session.start()
    wait_until(lambda: session.model is not None, 60)
    answer = session.ask("sold | size=2, weight>0")
    assert answer.distribution.probabilities.sum() == pytest.approx(1)
    began = time.perf_counter()
    session.stop()
    assert time.perf_counter() - began < 3  # the pool weights are chosen once more
    assert session.run is not None
    assert session.run.status == "stopped"
    assert session.run.state.best_loss is not None


# Other work, shown as a fit


def report(step: int) -> dict[str, Any]:
    return {
        "event": "TrainReport",
        "seconds": step / 10,
        "step": step,
        "epoch": 0,
        "loss": 1 / step,
        "learning_rate": 0.1,
        "rows_per_second": 5.0,
    }


def test_other_work_is_followed_to_its_end() -> None:
    session = Session()
    told = topics(session)

    def work(on_event: Any) -> None:
        on_event(report(1))
        on_event(report(2))

    run = session.follow(work)
    assert run.wait(5)
    assert session.run is run
    assert [point["loss"] for point in run.curve] == [1.0, 0.5]
    assert run.status == "done"
    assert told == ["run", "run"]


def test_other_work_is_stopped_out_of() -> None:
    def endless(on_event: Any) -> None:
        for step in itertools.count(1):
            on_event(report(step))
            time.sleep(0.001)

    session = Session()
    run = session.follow(endless)
    with pytest.raises(ConfigError, match="a fit is running"):
        session.follow(endless)
    session.stop()
    assert run.status == "stopped"


def test_work_that_fails_says_why() -> None:
    session = Session()
    run = session.follow(lambda on_event: 1 / 0)
    assert run.wait(5)
    assert (run.status, run.error) == ("failed", "division by zero")


def test_the_model_of_a_session_can_be_copied() -> None:
    session = Session("iris", training=TrainingConfig(max_steps=5))
    model = session.fit()
    assert pickle.loads(pickle.dumps(model)).ready


# Backends and models


def test_the_tokens_of_a_row_are_its_preview_and_say_what_is_learned() -> None:
    session = Session(FRAME, backend="minilm-text", target="sold")
    for row, draw in ((0, 0), (3, 1), (5, 2)):
        tokens = session.preview(row, draw).tokens
        assert "".join(token.text for token in tokens) == session.preview(row, draw).text
        assert {token.column for token in tokens if token.learned} == set(FRAME)
    session.choose(training=TrainingConfig(max_steps=1, loss_on_target_only=True))
    tokens = session.preview(3, 1).tokens
    assert {token.column for token in tokens if token.learned} == {"sold"}
    # It stands last, as in training.
    assert tokens[-1].column == "sold"
    assert "".join(token.text for token in tokens) == session.preview(3, 1).text


def test_a_pretrained_tokenizer_is_loaded_once_for_all_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = pytest.importorskip(
        "transformers", reason="the extra 'hf' is not installed"
    ).AutoTokenizer
    from tests.backends.text.fakes import save_tiny

    one, other = (str(save_tiny(tmp_path / name)) for name in ("one", "other"))
    load, loaded = kind.from_pretrained, []

    def counted(name: str, **options: Any) -> Any:
        loaded.append(name)
        return load(name, **options)

    monkeypatch.setattr(kind, "from_pretrained", counted)
    session = Session(FRAME, backend="huggingface", model_config=ModelConfig(model=one))
    for model in (one, other):
        session.choose(model_config=ModelConfig(model=model))
        for draw in range(3):
            tokens = session.preview(0, draw).tokens
            assert "".join(token.text for token in tokens) == session.preview(0, draw).text
        session.cost()
        session.choose(training=TrainingConfig(max_steps=7))
    assert loaded == [one, other]


def test_tokens_are_learned_once_for_a_table_and_its_serializer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learn, learned = TableTokens.learned, []

    def counted(columns: Sequence[Column], rows: Any, serializer: Serializer) -> TableTokens:
        learned.append(([column.name for column in columns], type(serializer)))
        return learn(columns, rows, serializer)

    monkeypatch.setattr(TableTokens, "learned", counted)
    session = Session(FRAME, backend="minilm-text")
    for change in (
        lambda: None,
        lambda: session.choose(serializer="bracket"),
        lambda: session.load(FRAME[["size", "sold"]]),
    ):
        change()
        for draw in range(3):
            session.preview(0, draw)
        session.cost()
    names = list(FRAME)
    assert learned == [
        (names, JSONSerializer),
        (names, BracketSerializer),
        (["size", "sold"], BracketSerializer),
    ]


@pytest.mark.parametrize(("row", "draw"), [(10**6, 0), (-1, 0), (0, -1)])
def test_the_preview_of_a_row_that_is_not_there_is_an_error(row: int, draw: int) -> None:
    with pytest.raises(ConfigError, match="there is no"):
        Session(FRAME, backend="minilm-text").preview(row, draw)


def test_a_serializer_may_be_an_instance() -> None:
    serializer = KeyValueSerializer(number=SpacedDigits(max_decimals=2))
    session = Session("iris", serializer=serializer, backend="minilm-text")
    assert session.preview().text == "".join(token.text for token in session.preview().tokens)
    names: dict[str, Any] = {}
    exec(session.python().replace("lm.fit(", "(lambda *a, **k: None)("), names)
    assert names["lm"].serializer == serializer


def test_an_backend_of_cells_has_no_tokens(session: Session) -> None:
    assert session.preview().tokens == ()


def test_what_a_fit_costs_is_told_before_it() -> None:
    session = Session(FRAME, backend="minilm-text", training=TrainingConfig(max_seconds=1e9))
    cost = session.cost()
    assert cost.size.n_trained == cost.size.n_parameters
    assert cost.epochs is not None
    assert cost.epochs > 1
    assert session.model is None


def test_a_model_is_chosen_checked_and_a_copy_of_it_is_fitted() -> None:
    session = Session(FRAME, training=TrainingConfig(max_steps=2))
    config = ModelConfig(width=16, heads=2, members=1)
    assert session.choose(model_config=config).changed == ("model_config",)
    model = session.fit()
    assert model.model_config == config
    assert model.model_config is not config
    change = session.choose(model_config=ModelConfig(width=32, heads=2, members=1))
    assert change.invalidates == ("model", "answer")
    with pytest.raises(ConfigError, match="multiple of heads"):
        session.choose(model_config=ModelConfig(width=7))
    with pytest.raises(ConfigError, match="model_config must be a ModelConfig, not str"):
        session.choose(model_config="large")


def test_the_python_of_a_chosen_model_imports_what_it_names() -> None:
    config = ModelConfig(model="some/model", lora=LoRAConfig(rank=8), quantization="4bit")
    session = Session("iris", backend="huggingface", model_config=config)
    names: dict[str, Any] = {}
    code = session.python().replace("lm.fit(", "(lambda *a, **k: None)(")
    exec(code, names)
    assert names["lm"].model_config == config
    assert names["lm"].backend == "huggingface"


def test_auto_is_settled_by_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabwidget.backends.registry.find_spec", lambda name: object())
    monkeypatch.setattr("platform.system", lambda: "Linux")
    session = Session(FRAME, backend="auto", model_config=ModelConfig(lora=LoRAConfig()))
    assert session.backend == "huggingface"

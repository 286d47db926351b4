"""Callback: what may be given, how several are told, and copies."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path

import pytest
from joblib import Parallel, delayed

from tabwidget.callbacks import (
    Callback,
    JSONLCallback,
    LoggingCallback,
    RichCallback,
    Stop,
    TqdmCallback,
    as_list,
    close,
    tell,
)
from tabwidget.callbacks.base import Answer
from tabwidget.errors import ConfigError, MissingExtraError
from tabwidget.events import Event, RowEnd, TrainingState
from tests.callbacks.play import EVENTS, FIT, play


class Say(Callback):
    """Answers every event alike, and counts them."""

    def __init__(self, answer: Answer | BaseException = None) -> None:
        self.answer = answer
        self.seen = self.closed = 0

    def on_event(self, state: TrainingState, event: Event) -> Answer:
        self.seen += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed += 1
        if isinstance(self.answer, BaseException):
            raise self.answer


def test_one_callback_or_several_may_be_given() -> None:
    one, other = Say(), Say()
    assert as_list(one) == [one]
    assert as_list((one, other)) == [one, other]
    assert as_list(None) == as_list([]) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (TqdmCallback, r"callbacks is the class TqdmCallback: make one of it, TqdmCallback\(\)"),
        ([Say(), "rich"], r"callbacks\[1\] is 'rich', not a Callback"),
        (print, "callbacks is <built-in function print>, not a Callback"),
    ],
)
def test_what_is_no_callback_is_named(given: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        as_list(given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("answer", "stopping"), [(Stop, True), (Stop(), True), (None, False)])
def test_one_stop_among_several_answers_stops(answer: Answer, stopping: bool) -> None:
    state = TrainingState()
    tell([Say(), Say(answer), Say()], state, RowEnd(0.1, 1))
    assert state.stopping is stopping


@pytest.mark.parametrize("error", [OSError("full disk"), KeyboardInterrupt()])
def test_one_that_raises_hinders_no_other(error: BaseException) -> None:
    first, last = Say(), Say()
    with pytest.raises(type(error)):
        tell([first, Say(error), last], TrainingState(), RowEnd(0.1, 1))
    assert first.seen == last.seen == 1


def test_one_that_raises_as_it_closes_hinders_no_other() -> None:
    first, last = Say(), Say()
    with pytest.raises(OSError, match="full disk"):
        close([first, Say(OSError("full disk")), last])
    assert first.closed == last.closed == 1


def in_use(tmp_path: Path) -> list[Callback]:
    """Return one of each, in the middle of a fit."""
    callbacks: list[Callback] = [
        LoggingCallback(2),
        TqdmCallback(2, file=io.StringIO(), leave=False),
        RichCallback(2),
        JSONLCallback(tmp_path / "fit.jsonl"),
    ]
    for callback in callbacks:
        play(callback, *FIT[:3])
    return callbacks


def test_each_kind_goes_to_another_process_and_serves_there(tmp_path: Path) -> None:
    callbacks = in_use(tmp_path)
    states = [TrainingState(), TrainingState()]
    Parallel(n_jobs=2)(delayed(tell)(callbacks, state, FIT[0]) for state in states)
    assert len((tmp_path / "fit.jsonl").read_text(encoding="utf-8").splitlines()) == 3 + 2
    close(callbacks)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_what_is_open_stays_behind(tmp_path: Path, duplicate: object) -> None:
    callbacks = in_use(tmp_path)
    for callback in callbacks:
        copied = duplicate(callback)  # type: ignore[operator]
        assert not any(getattr(copied, name) for name in copied._open)
        play(copied, *EVENTS)
    close(callbacks)


def test_a_copy_in_this_process_draws_where_the_first_one_does() -> None:
    bar = TqdmCallback(file=io.StringIO())
    copied = copy.deepcopy(bar)
    assert copied.file is bar.file
    assert copied.options is not bar.options


@pytest.mark.parametrize("count", [-1, 1.5, True, "5"])
@pytest.mark.parametrize("kind", [LoggingCallback, TqdmCallback, RichCallback])
def test_a_number_of_rows_is_a_count(kind: type[Callback], count: object) -> None:
    with pytest.raises(ConfigError, match=f"n_train_examples is .* not {count!r}"):
        kind(count)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("kind", "package", "extra"),
    [
        (TqdmCallback, "tqdm", "tqdm"),
        (RichCallback, "rich", "rich"),
        (RichCallback, "plotext", "rich"),
    ],
)
def test_a_missing_package_is_said_when_it_is_made(
    kind: type[Callback], package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(
        MissingExtraError, match=rf"'{package}'.*pip install 'tabwidget\[{extra}\]'"
    ):
        kind()

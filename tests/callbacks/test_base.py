"""Callback: validation of `callbacks=`, delivery to several callbacks, and copies."""

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
    notify,
)
from tabwidget.callbacks.base import StopSignal
from tabwidget.errors import ConfigError, MissingExtraError
from tabwidget.events import Event, RowEnd, TrainingState
from tests.callbacks.fakes import EVENTS, FIT, play


class Recorder(Callback):
    """Counts events and returns the same signal, or raises the same error, for each."""

    def __init__(self, signal: StopSignal | BaseException = None) -> None:
        self.signal = signal
        self.seen = self.closed = 0

    def on_event(self, state: TrainingState, event: Event) -> StopSignal:
        self.seen += 1
        if isinstance(self.signal, BaseException):
            raise self.signal
        return self.signal

    def close(self) -> None:
        self.closed += 1
        if isinstance(self.signal, BaseException):
            raise self.signal


def test_one_callback_or_several_may_be_given() -> None:
    one, other = Recorder(), Recorder()
    assert as_list(one) == [one]
    assert as_list((one, other)) == [one, other]
    assert as_list(None) == as_list([]) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (TqdmCallback, r"callbacks is the class TqdmCallback: give an instance, TqdmCallback\(\)"),
        ([Recorder(), "rich"], r"callbacks\[1\] is 'rich', not a Callback"),
        (print, "callbacks is <built-in function print>, not a Callback"),
    ],
)
def test_invalid_callbacks_are_named_in_the_error(given: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        as_list(given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("signal", "stopping"), [(Stop, True), (Stop(), True), (None, False)])
def test_one_stop_signal_among_several_stops_the_fit(signal: StopSignal, stopping: bool) -> None:
    state = TrainingState()
    notify([Recorder(), Recorder(signal), Recorder()], state, RowEnd(0.1, 1))
    assert state.stopping is stopping


@pytest.mark.parametrize("error", [OSError("full disk"), KeyboardInterrupt()])
def test_all_callbacks_receive_an_event_if_one_raises(error: BaseException) -> None:
    first, last = Recorder(), Recorder()
    with pytest.raises(type(error)):
        notify([first, Recorder(error), last], TrainingState(), RowEnd(0.1, 1))
    assert first.seen == last.seen == 1


def test_all_callbacks_are_closed_if_one_raises() -> None:
    first, last = Recorder(), Recorder()
    with pytest.raises(OSError, match="full disk"):
        close([first, Recorder(OSError("full disk")), last])
    assert first.closed == last.closed == 1


def in_use(tmp_path: Path) -> list[Callback]:
    """Return one callback of each kind, in the middle of a fit."""
    callbacks: list[Callback] = [
        LoggingCallback(2),
        TqdmCallback(2, file=io.StringIO(), leave=False),
        RichCallback(2),
        JSONLCallback(tmp_path / "fit.jsonl"),
    ]
    for callback in callbacks:
        play(callback, *FIT[:3])
    return callbacks


def test_callbacks_work_in_another_process(tmp_path: Path) -> None:
    callbacks = in_use(tmp_path)
    states = [TrainingState(), TrainingState()]
    Parallel(n_jobs=2)(delayed(notify)(callbacks, state, FIT[0]) for state in states)
    assert len((tmp_path / "fit.jsonl").read_text(encoding="utf-8").splitlines()) == 3 + 2
    close(callbacks)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_copies_start_without_open_displays(tmp_path: Path, duplicate: object) -> None:
    callbacks = in_use(tmp_path)
    for callback in callbacks:
        copied = duplicate(callback)  # type: ignore[operator]
        assert not any(getattr(copied, name) for name in copied._open)
        play(copied, *EVENTS)
    close(callbacks)


def test_a_copy_in_this_process_shares_the_output_file() -> None:
    bar = TqdmCallback(file=io.StringIO())
    copied = copy.deepcopy(bar)
    assert copied.file is bar.file
    assert copied.options is not bar.options


@pytest.mark.parametrize("count", [-1, 1.5, True, "5"])
@pytest.mark.parametrize("kind", [LoggingCallback, TqdmCallback, RichCallback])
def test_n_train_examples_must_be_a_count(kind: type[Callback], count: object) -> None:
    with pytest.raises(ConfigError, match=f"n_train_examples is {count!r}: give a number of rows"):
        kind(count)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("kind", "package", "extra"),
    [
        (TqdmCallback, "tqdm", "tqdm"),
        (RichCallback, "rich", "rich"),
        (RichCallback, "plotext", "rich"),
    ],
)
def test_a_missing_package_raises_on_construction(
    kind: type[Callback], package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(
        MissingExtraError, match=rf"'{package}'.*pip install 'tabwidget\[{extra}\]'"
    ):
        kind()

"""Callbacks: each kind of consumer, fed the events of one fit."""

from __future__ import annotations

import io
import json
import logging
import math
from pathlib import Path

import pytest

from tabwidget.callbacks import Callback, JSONLCallback, LoggingCallback, TqdmCallback
from tabwidget.events import (
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    TrainExamples,
    TrainingState,
    TrainReport,
)

EVENTS: tuple[Event, ...] = (
    FitStart(0.0, 100, 5, 90, 10, 1234, "fake", 10.0, 40),
    TrainExamples(0.1, ('{"größe": 1}',)),
    TrainReport(1.0, 10, 0, 1.5, 1e-3, 500.0),
    EvalReport(1.1, 10, 1.25, {"x": 1.0, "y": math.nan}, True),
    FitEnd(2.0, 20, "converged", 10, 1.25),
)


def play(callback: Callback, *events: Event) -> None:
    state = TrainingState()
    for event in events:
        state.fold(event)
        callback.on_event(state, event)


def test_jsonl_writes_an_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    play(JSONLCallback(path), *EVENTS)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["event"] for line in lines] == [type(event).__name__ for event in EVENTS]
    assert lines[1]["examples"] == ['{"größe": 1}']
    assert lines[2]["loss"] == 1.5


def test_jsonl_appends_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    play(JSONLCallback(path), *EVENTS[:2])
    play(JSONLCallback(path), *EVENTS[2:])
    assert len(path.read_text(encoding="utf-8").splitlines()) == len(EVENTS)


def test_jsonl_writes_a_loss_that_is_not_known_as_null(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    play(JSONLCallback(path), EVENTS[3], FitEnd(1.0, 0, "stopped", 0, math.inf))
    eval_line, end_line = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(eval_line)["column_losses"] == {"x": 1.0, "y": None}
    assert json.loads(end_line)["best_loss"] is None


def test_logging_tells_of_start_looks_and_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tabwidget"):
        play(LoggingCallback(), *EVENTS)
    assert caplog.messages == [
        "fit of 100 rows and 5 columns with fake, 1234 parameters",
        "1.1 s, step 10: train 1.5000, hold-out 1.2500 (best)",
        "ended after 2.0 s (converged), best hold-out 1.2500 at step 10",
    ]


def test_logging_goes_to_the_logger_given(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "elsewhere"):
        play(LoggingCallback(logging.getLogger("elsewhere")), *EVENTS)
    assert {record.name for record in caplog.records} == {"elsewhere"}


def test_the_bar_shows_losses_and_why_the_fit_ended() -> None:
    out = io.StringIO()
    play(TqdmCallback(file=out, mininterval=0, ascii=True), *EVENTS)
    assert "train=1.500" in out.getvalue()
    assert "hold-out=1.250" in out.getvalue()
    assert "fit (converged after 2.0 s)" in out.getvalue()
    assert "10.0/10.0 s" in out.getvalue()


def test_without_a_time_limit_the_bar_counts_steps() -> None:
    out = io.StringIO()
    play(
        TqdmCallback(file=out, mininterval=0),
        FitStart(0.0, 100, 5, 90, 10, 1234, "fake", None, 40),
        TrainReport(1.0, 10, 0, 1.5, 1e-3, 500.0),
    )
    assert "10/40" in out.getvalue()


def test_a_bar_that_is_switched_off_is_silent() -> None:
    out = io.StringIO()
    play(TqdmCallback(file=out, disable=True), *EVENTS)
    assert out.getvalue() == ""


def test_a_bar_can_be_used_for_one_fit_after_another() -> None:
    out = io.StringIO()
    bar = TqdmCallback(file=out, mininterval=0)
    play(bar, *EVENTS)
    play(bar, *EVENTS)
    assert out.getvalue().count("fit (converged after 2.0 s)") >= 2

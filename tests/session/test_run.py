"""Run: one fit on a thread of its own."""

from __future__ import annotations

import json
import math
import threading

import pytest

from tabwidget.errors import TableError
from tabwidget.events import (
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    PhaseReport,
    Reason,
    TrainingState,
    TrainReport,
)
from tabwidget.session.run import Run


def report(step: int, loss: float = 1.0) -> TrainReport:
    return TrainReport(step / 10, step, 0, loss, 1e-3, 500.0)


def tell(run: Run, *events: Event) -> None:
    for event in events:
        run.on_event(TrainingState(), event)


@pytest.mark.parametrize(
    ("reason", "status"), [("budget", "done"), ("converged", "done"), ("stopped", "stopped")]
)
def test_the_status_says_how_it_ended(reason: Reason, status: str) -> None:
    run = Run()
    run.start(lambda: tell(run, FitEnd(1.0, 5, reason, 5, 1.0)), ended=lambda: None)
    assert run.wait(5)
    assert (run.status, run.error) == (status, None)


@pytest.mark.parametrize(
    ("error", "text"), [(TableError("no rows"), "no rows"), (RuntimeError(), "RuntimeError")]
)
def test_a_failure_is_kept_in_words_and_as_it_was(error: Exception, text: str) -> None:
    def fail() -> None:
        raise error

    run = Run()
    run.start(fail, ended=lambda: None)
    assert run.wait(5)
    assert (run.status, run.error, run.exception) == ("failed", text, error)


def test_whoever_is_told_of_the_end_finds_it_ended() -> None:
    run, seen, told = Run(), [], threading.Event()

    def ended() -> None:
        seen.append((run.status, run.wait(0)))
        told.set()

    run.start(lambda: None, ended)
    assert told.wait(5)
    assert seen == [("done", True)]


def test_it_runs_beside_the_caller_until_told_to_stop() -> None:
    run = Run()
    run.start(lambda: run.stopping.wait(5), ended=lambda: None)
    assert run.status == "running"
    assert not run.wait(0.01)
    run.stop()
    assert run.wait(1)


def test_events_are_handed_out_from_a_number_on() -> None:
    run = Run()
    tell(run, report(1), report(2))
    assert run.since(0) == ([report(1), report(2)], 2)
    assert run.since(2) == ([], 2)
    tell(run, report(3))
    assert run.since(2) == ([report(3)], 3)


def test_a_state_once_taken_does_not_change() -> None:
    run = Run()
    tell(run, report(1))
    state, curve = run.state, run.curve
    tell(run, report(2))
    assert (state.step, len(state.curve), len(curve)) == (1, 1, 1)
    assert (run.state.step, len(run.curve)) == (2, 2)


def test_a_snapshot_holds_the_figures_of_the_moment() -> None:
    run = Run()
    tell(
        run,
        FitStart(0.0, 100, 5, 90, 10, 1234, "fake", 10.0, None),
        report(20, 1.5),
        EvalReport(2.0, 20, 1.25, {"x": 1.0}, True),
    )
    assert run.snapshot() == {
        "status": "running",
        "error": None,
        "step": 20,
        "epoch": 0,
        "seconds": 2.0,
        "rows_per_second": 500.0,
        "seconds_left": 8.0,
        "phase": "",
        "phase_seconds_left": None,
        "note": "",
        "budget": 10.0,
        "best_step": 20,
        "best_loss": 1.25,
        "loss": 1.5,
        "eval_loss": 1.25,
        "n_parameters": 1234,
        "metrics": {},
    }


def test_a_snapshot_names_the_phase_and_its_time_until_the_fit_is_over() -> None:
    run, go_on, seen = Run(), threading.Event(), threading.Event()

    def work() -> None:
        tell(run, PhaseReport(0.1, "learning", 30.0), FitEnd(1.0, 9, "budget", 5, 1.0))
        tell(run, PhaseReport(1.0, "weighing"))
        seen.set()
        go_on.wait(5)

    tell(run, PhaseReport(0.0, "moments"))
    assert (run.snapshot()["phase"], run.snapshot()["phase_seconds_left"]) == ("moments", None)
    tell(run, PhaseReport(0.1, "learning", 30.0))
    left = run.snapshot()["phase_seconds_left"]
    assert 20.0 < left <= 30.0
    # Time passes without an event, too.
    assert run.snapshot()["phase_seconds_left"] < left
    run.start(work, ended=lambda: None)
    assert seen.wait(5)
    # The network has ended, and the fit goes on.
    assert (run.snapshot()["status"], run.snapshot()["phase"]) == ("running", "weighing")
    go_on.set()
    assert run.wait(5)
    assert (run.snapshot()["status"], run.snapshot()["phase"]) == ("done", "")


def test_without_a_time_limit_the_pace_tells_what_is_left() -> None:
    run = Run()
    start = FitStart(0.0, 100, 5, 90, 10, 1234, "fake", None, 50)
    tell(run, start, PhaseReport(0.0, "learning"), report(10))
    assert run.snapshot()["phase_seconds_left"] == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("n_train", "step", "reason", "note"),
    [
        (90, 1, "budget", "one step only: give it more seconds"),
        (90, 0, "budget", "no step was made: give it more seconds"),
        (90, 2, "budget", ""),
        (90, 1, "steps", ""),
        (90, 1, "stopped", ""),
        (0, 0, "budget", ""),
    ],
)
def test_a_fit_that_hardly_trained_says_so(
    n_train: int, step: int, reason: Reason, note: str
) -> None:
    run = Run()
    start = FitStart(0.0, 100, 5, n_train, 10, 1234, "fake", 0.1, None)
    run.start(lambda: tell(run, start, FitEnd(1.0, step, reason, 0, 1.0)), ended=lambda: None)
    assert run.wait(5)
    assert run.snapshot()["note"] == note


def test_a_snapshot_is_json_before_the_first_event_and_when_losses_diverge() -> None:
    run = Run()
    json.dumps(run.snapshot(), allow_nan=False)
    tell(run, report(1, math.nan), FitEnd(1.0, 1, "steps", 0, math.inf))
    assert json.loads(json.dumps(run.snapshot(), allow_nan=False))["loss"] is None


def test_events_can_be_read_while_they_come() -> None:
    run = Run()
    run.start(lambda: tell(run, *map(report, range(5000))), ended=lambda: None)
    seen: list[Event] = []
    while len(seen) < 5000 and (run.status == "running" or run.since(len(seen))[0]):
        new, number = run.since(len(seen))
        seen += new
        assert number == len(seen)
        assert len(run.curve) <= 2000
    assert seen == [report(step) for step in range(5000)]

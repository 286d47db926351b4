"""TrainingState: folding of events; and event payloads."""

from __future__ import annotations

import pytest

from tabwidget.events import (
    MAX_POINTS,
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    Generation,
    Memory,
    PhaseReport,
    PredictEnd,
    PredictStart,
    Retry,
    RowEnd,
    Score,
    TrainExamples,
    TrainingState,
    TrainReport,
    from_dict,
    to_dict,
)


def folded(*events: Event) -> TrainingState:
    state = TrainingState()
    for event in events:
        state.fold(event)
    return state


def start(budget: float | None = 10.0) -> FitStart:
    return FitStart(0.0, 100, 5, 90, 10, 1234, "fake", budget, None)


def report(seconds: float = 1.0, step: int = 1, loss: float = 2.0) -> TrainReport:
    return TrainReport(seconds, step, 0, loss, 1e-3, 500.0)


def evaluation(step: int = 1, loss: float = 2.0, best: bool = True) -> EvalReport:
    return EvalReport(float(step), step, loss, {"x": loss}, best)


def test_the_latest_report_is_kept() -> None:
    state = folded(start(), report(1.0, 5, 2.0), report(2.0, 9, 1.5))
    assert (state.seconds, state.step, state.loss) == (2.0, 9, 1.5)
    assert (state.rows_per_second, state.learning_rate) == (500.0, 1e-3)


def test_the_best_evaluation_is_kept() -> None:
    state = folded(evaluation(5, 1.0), evaluation(9, 1.4, best=False))
    assert (state.best_step, state.best_loss, state.eval_loss) == (5, 1.0, 1.4)
    assert state.column_losses == {"x": 1.0}


def test_training_examples_change_only_the_time() -> None:
    before, after = folded(report()), folded(report(), TrainExamples(3.0, ("{}",)))
    assert after.seconds == 3.0
    assert after.curve == before.curve


def test_the_curve_holds_both_losses_in_order() -> None:
    state = folded(report(1.0, 1, 3.0), evaluation(2, 2.5))
    assert [(p["split"], p["step"], p["loss"]) for p in state.curve] == [
        ("train", 1, 3.0),
        ("validation", 2, 2.5),
    ]


@pytest.mark.parametrize("evals_per_report", [0, 1, 50])
def test_a_long_curve_is_thinned_but_keeps_its_ends(evals_per_report: int) -> None:
    events: list[Event] = []
    for i in range(3 * MAX_POINTS // (1 + evals_per_report)):
        events += [report(float(i), i), *[evaluation(i)] * evals_per_report]
    curve = folded(*events, report(1e6, 7)).curve
    assert MAX_POINTS // 3 < len(curve) <= MAX_POINTS
    assert curve[0]["step"] == 0
    assert curve[-1]["seconds"] == 1e6
    assert [p["seconds"] for p in curve] == sorted(p["seconds"] for p in curve)


@pytest.mark.parametrize(
    ("state", "left"),
    [
        (TrainingState(), None),
        (folded(start(None), report(4.0)), None),
        (folded(start(), report(4.0)), 6.0),
        (folded(start(), report(11.0)), 0.0),
        (folded(start(), FitEnd(4.0, 9, "converged", 5, 1.0)), 0.0),
    ],
)
def test_seconds_left_of_the_time_limit(state: TrainingState, left: float | None) -> None:
    assert state.seconds_left == left


@pytest.mark.parametrize(
    ("budget", "steps", "epochs", "left", "progress"),
    [
        (10.0, None, None, 6.0, 0.4),
        (None, 50, None, 36.0, 0.1),
        (None, None, 4, 4.0, 0.5),
        (10.0, 50, 4, 4.0, 0.5),
        (None, None, None, None, None),
    ],
)
def test_the_nearest_limit_counts(
    budget: float | None,
    steps: int | None,
    epochs: int | None,
    left: float | None,
    progress: float | None,
) -> None:
    first = FitStart(0.0, 100, 5, 90, 10, 1234, "fake", budget, steps, epochs)
    state = folded(first, TrainReport(4.0, 5, 2, 1.0, 1e-3, 500.0))
    assert state.seconds_left == left
    assert state.progress == progress


def test_a_fit_that_has_ended_is_complete() -> None:
    assert folded(start(), FitEnd(4.0, 9, "converged", 5, 1.0)).progress == 1.0


def test_the_latest_phase_is_kept() -> None:
    phase = PhaseReport(2.0, "weighing", 0.5)
    state = folded(PhaseReport(0.0, "reading"), phase)
    assert (state.phase, state.seconds) == (phase, 2.0)
    assert from_dict(to_dict(phase)) == phase


def test_peak_memory_is_kept() -> None:
    state = folded(Memory(0.1, 5), Memory(0.2, 9), Memory(0.3, 7))
    assert state.peak_memory == 9


def test_a_prediction_has_its_own_time() -> None:
    state = folded(start(), report(4.0), PredictStart(0.0, "sample", 30), RowEnd(1.5, 10))
    assert (state.kind, state.predicting, state.rows_done, state.n_rows) == ("sample", True, 10, 30)
    assert (state.seconds, state.predict_seconds) == (4.0, 1.5)
    state.fold(PredictEnd(2.0, 30, "done"))
    assert (state.predicting, state.rows_done, state.seconds) == (False, 30, 4.0)


def test_retries_are_counted_per_prediction() -> None:
    state = folded(
        PredictStart(0.0, "sample", 2),
        Generation(0.1, 0, ("x",), "{", "x"),
        Retry(0.2, 0, ("x",), "x", 1),
        Generation(0.3, 0, ("x",), "{", "1}"),
        Score(0.4, 1, "x", (1, 2), (0.5, 0.5)),
    )
    assert (state.retries, state.predict_seconds) == (1, 0.4)
    state.fold(PredictStart(0.0, "sample", 2))
    assert state.retries == 0


def test_stop_is_requested() -> None:
    state = TrainingState()
    assert not state.stopping
    state.stop()
    assert state.stopping


@pytest.mark.parametrize(
    "event",
    [start(), TrainExamples(0.1, ("a", "b")), evaluation(), Score(0.4, 1, "x", (1, 2), (0.5, 0.5))],
)
def test_payloads_are_restored_as_events(event: Event) -> None:
    payload = to_dict(event)
    assert payload["event"] == type(event).__name__
    assert from_dict(payload) == event

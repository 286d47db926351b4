"""Events of a fit and of a prediction, and helpers that send them to a callback."""

from __future__ import annotations

import math

from tabwidget.callbacks import Callback
from tabwidget.events import (
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    Generation,
    Memory,
    PredictEnd,
    PredictStart,
    Retry,
    RowEnd,
    Score,
    TrainExamples,
    TrainingState,
    TrainReport,
)

START = FitStart(0.0, 100, 5, 90, 10, 1234, "fake", 10.0, 40)
FIT: tuple[Event, ...] = (
    START,
    TrainExamples(0.1, ('{"größe": 1}', "[red]b[/]", "[/]")),
    TrainReport(1.0, 10, 0, 1.5, 1e-3, 500.0),
    EvalReport(1.1, 10, 1.25, {"x": 1.0, "y": math.nan}, True),
    Memory(1.2, 300_000_000),
    FitEnd(2.0, 20, "converged", 10, 1.25),
)
PREDICTION: tuple[Event, ...] = (
    PredictStart(0.0, "predict_proba", 30),
    Score(0.1, 0, "species", ("Adelie", "Gentoo"), (0.75, 0.25)),
    Generation(0.2, 1, ("x", "y"), '{"x": ', "1.5}"),
    Retry(0.3, 1, ("y",), "one\nand a half", 1),
    RowEnd(1.0, 10),
    RowEnd(2.0, 30),
    PredictEnd(2.0, 30, "done"),
)
EVENTS = FIT + PREDICTION


def folded(*events: Event) -> TrainingState:
    state = TrainingState()
    for event in events:
        state.fold(event)
    return state


def play(callback: Callback, *events: Event) -> None:
    state = TrainingState()
    for event in events:
        state.fold(event)
        callback.on_event(state, event)

"""TqdmCallback: progress bars of fits and predictions."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from tabwidget.callbacks import TqdmCallback, progress
from tabwidget.events import Event, FitEnd, TrainReport
from tests.callbacks.fakes import FIT, PREDICTION, START, play


def drawn(*events: Event, n_train_examples: int = 0, **options: object) -> str:
    out = io.StringIO()
    bar = TqdmCallback(n_train_examples, file=out, mininterval=0, ascii=True, **options)
    play(bar, *events)
    bar.close()
    return out.getvalue()


def test_losses_and_the_reason_for_the_end_are_shown() -> None:
    shown = drawn(*FIT)
    assert "train=1.500" in shown
    assert "validation=1.250" in shown
    assert "fit (converged after 2.0 s)" in shown
    assert "10.0/10.0 s" in shown


def test_a_stopped_fit_does_not_look_complete() -> None:
    shown = drawn(*FIT[:-1], FitEnd(2.0, 20, "stopped", 10, 1.25))
    assert "1.1/10.0 s" in shown.splitlines()[-1]


@pytest.mark.parametrize(
    ("limits", "shown"),
    [
        ({"total_steps": 40}, "10/40"),
        ({"total_steps": None, "total_epochs": 8}, "3/8"),
        ({"total_steps": None}, "10step"),
    ],
)
def test_without_a_time_limit_it_counts_steps_or_epochs(limits: dict[str, Any], shown: str) -> None:
    start = replace(START, budget_seconds=None, **limits)
    assert shown in drawn(start, TrainReport(1.0, 10, 3, 1.5, 1e-3, 500.0))


def test_the_first_rows_of_a_fit_are_printed() -> None:
    shown = drawn(FIT[0], FIT[1], FIT[1], n_train_examples=2)
    assert shown.count('{"größe": 1}\n') == shown.count("[red]b[/]\n") == 1
    assert "\n[/]\n" not in shown


def test_a_prediction_has_a_bar_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY", 0)
    shown = drawn(*PREDICTION)
    assert "predict_proba" in shown
    assert "10/30" in shown
    assert "30/30" in shown


def test_a_short_prediction_shows_no_bar() -> None:
    assert drawn(*PREDICTION) == ""


def test_a_disabled_bar_prints_nothing() -> None:
    assert drawn(*FIT, disable=True, n_train_examples=3) == ""


def test_one_callback_serves_several_fits() -> None:
    assert drawn(*FIT, *FIT).count("fit (converged after 2.0 s)") >= 2

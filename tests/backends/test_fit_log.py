"""Tests of FitLog and of the train/validation split."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tabwidget.backends.fit_log import N_EXAMPLES, FitLog, train_validation_split
from tabwidget.events import EvalReport, Event, FitEnd, FitStart, TrainExamples, TrainReport


@pytest.fixture
def events() -> list[Event]:
    return []


def test_learning_takes_the_rest_of_the_time_limit() -> None:
    events: list[Any] = []
    log = FitLog(events.append, "fake", max_seconds=60.0)
    log.reserve = 10.0
    log.phase("reading")
    log.phase("learning")
    assert [event.phase for event in events] == ["reading", "learning"]
    assert events[0].seconds_left is None
    assert 45.0 < events[1].seconds_left <= 50.0


def test_start_and_end_carry_the_limits_and_the_best_step(events: list[Event]) -> None:
    log = FitLog(events.append, "minilm", max_seconds=60, max_steps=7, epochs=2.5)
    log.start(n_rows=10, n_columns=3, n_train=8, n_validation=2, n_parameters=5)
    log.n_steps = 4
    log.validation(0.5, {"a": 0.5})
    log.n_steps = 7
    log.validation(0.6, {"a": 0.6})
    log.end("steps")
    start, *_, end = events
    assert isinstance(start, FitStart)
    assert isinstance(end, FitEnd)
    assert (start.n_rows, start.n_train, start.n_validation) == (10, 8, 2)
    assert (start.budget_seconds, start.total_steps, start.total_epochs) == (60, 7, 3)
    assert (end.step, end.reason, end.best_step, end.best_loss) == (7, "steps", 4, 0.5)


def test_each_limit_has_a_share_of_at_most_one(events: list[Event]) -> None:
    log = FitLog(events.append, "minilm", max_seconds=100, max_steps=10, epochs=4)
    log.n_steps, log.reserve = 20, 50.0
    shares = log.shares(epochs=1)
    assert shares["steps"] == 1
    assert shares["epochs"] == 0.25
    assert 0.5 <= shares["budget"] < 0.6
    assert FitLog(events.append, "minilm").shares(epochs=9) == {}


def test_a_resumed_run_counts_its_earlier_seconds(events: list[Event]) -> None:
    log = FitLog(events.append, "minilm", max_seconds=100)
    log.began -= 25
    assert log.shares(epochs=0)["budget"] == pytest.approx(0.25, abs=0.01)


def test_losses_are_averaged_between_reports(events: list[Event]) -> None:
    log = FitLog(events.append, "minilm")
    log.losses, log.n_seen = [1.0, 3.0], 64
    log.training(0, 0.1)
    log.losses.append(9.0)
    log.training(0, 0.1)  # too soon
    log.losses.append(11.0)
    log.training(1, 0.1, now=True)
    log.training(1, 0.1, now=True)
    first, second, empty = (event for event in events if isinstance(event, TrainReport))
    assert (first.loss, second.loss, second.epoch) == (2.0, 10.0, 1)
    assert math.isnan(empty.loss)
    assert first.rows_per_second > 0


def test_the_best_evaluation_may_be_chosen_by_another_measure(events: list[Event]) -> None:
    log = FitLog(events.append, "textclass")
    assert log.validation(0.4, {}, metrics={"f1_micro": 0.7}, best=True)
    assert not log.validation(0.3, {}, metrics={"f1_micro": 0.6}, best=False)
    assert log.best_loss == 0.4
    assert [event.metrics for event in events if isinstance(event, EvalReport)] == [
        {"f1_micro": 0.7},
        {"f1_micro": 0.6},
    ]


def test_examples_are_consumed_only_when_they_are_due(events: list[Event]) -> None:
    log, serialized = FitLog(events.append, "minilm"), []

    def texts() -> Iterator[str]:
        for number in range(100):
            serialized.append(number)
            yield str(number)

    log.examples(texts())
    log.examples(texts())
    assert serialized == list(range(N_EXAMPLES))
    (event,) = events
    assert isinstance(event, TrainExamples)
    assert event.examples == tuple(map(str, range(N_EXAMPLES)))


def test_split_leaves_out_rows_without_cells() -> None:
    present = np.ones((100, 3), dtype=bool)
    present[::2] = False
    rows, n_validation = train_validation_split(present, 0.2, seed=0)
    assert sorted(rows) == list(range(1, 100, 2))
    assert n_validation == 10
    again, _ = train_validation_split(present, 0.2, seed=0)
    assert np.array_equal(rows, again)


@pytest.mark.parametrize(("fraction", "n_validation"), [(0.001, 1), (0.999, 3)])
def test_split_keeps_a_row_on_each_side(fraction: float, n_validation: int) -> None:
    rows, found = train_validation_split(np.ones((4, 1), dtype=bool), fraction, seed=1)
    assert len(rows) == 4
    assert found == n_validation


def test_split_of_an_empty_table_uses_all_rows() -> None:
    rows, n_validation = train_validation_split(np.zeros((5, 2), dtype=bool), 0.2, seed=0)
    assert sorted(rows) == [0, 1, 2, 3, 4]
    assert n_validation == 1

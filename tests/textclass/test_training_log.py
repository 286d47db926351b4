"""TrainingLog: events, metrics.jsonl, limits and checkpointed state, without a Trainer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tabwidget.textclass.config import TrainSection
from tabwidget.textclass.loading import LabelModel
from tabwidget.textclass.training_log import TrainingLog
from tests.textclass.fakes import MULTI, toy_texts


def make_log(folder: Path, payloads: list[Mapping[str, Any]], **keys: Any) -> TrainingLog:
    cpu = torch.device("cpu")
    model = LabelModel(nn.Linear(2, 3), None, MULTI, 32, cpu, torch.float32)
    config = TrainSection.model_validate({"metric_for_best_model": "loss", **keys})
    return TrainingLog(model, config, toy_texts(8), toy_texts(4), folder, payloads.append, None)


def trainer_state(step: int, **fields: Any) -> Any:
    return SimpleNamespace(global_step=step, epoch=step / 4, max_steps=8, **fields)


def evaluate(log: TrainingLog, step: int, margin: float) -> bool:
    """Evaluate with logits of this margin, and return whether the run is to stop."""
    targets = toy_texts(4).targets
    assert targets is not None
    log.measure(SimpleNamespace(predictions=margin * (2.0 * targets - 1), label_ids=targets))
    control = SimpleNamespace(should_training_stop=False)
    loss = float(np.log1p(np.exp(-margin)))
    log.on_evaluate(None, trainer_state(step), control, {"eval_loss": loss, "eval_runtime": 0.5})
    return control.should_training_stop


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_events_and_lines_of_a_run(tmp_path: Path) -> None:
    payloads: list[Mapping[str, Any]] = []
    log = make_log(tmp_path, payloads)
    log.on_train_begin(None, trainer_state(0), None)
    log.fit_log.n_seen += 16
    logs = {"loss": 0.75, "learning_rate": 0.1}
    log.on_log(None, trainer_state(2), None, logs)
    evaluate(log, 2, 1.0)
    result = log.end(trainer_state(8))
    assert [event["event"] for event in payloads] == [
        "FitStart",
        "PhaseReport",
        "TrainReport",
        "EvalReport",
        "FitEnd",
    ]
    start, _, report, evaluation, end = payloads
    assert (start["n_rows"], start["n_columns"], start["n_parameters"]) == (12, 3, 9)
    assert (start["total_steps"], start["total_epochs"]) == (8, 20)
    assert (report["loss"], report["learning_rate"], report["step"]) == (0.75, 0.1, 2)
    assert set(evaluation["column_losses"]) == set(MULTI.names)
    assert (end["reason"], end["best_step"]) == ("epochs", 2)
    assert [line["event"] for line in lines(tmp_path)] == ["train", "evaluation"]
    assert (result.train_loss, result.eval_seconds, result.reason) == (0.75, 0.5, "epochs")


def test_the_run_stops_after_evaluations_without_progress(tmp_path: Path) -> None:
    payloads: list[Mapping[str, Any]] = []
    log = make_log(tmp_path, payloads, early_stopping_patience=2)
    log.on_train_begin(None, trainer_state(0), None)
    assert [evaluate(log, step, 2.0 if step == 2 else 1.0) for step in range(1, 5)] == [
        *(False, False, False),
        True,
    ]
    assert [event["best"] for event in payloads[2:]] == [True, True, False, False]
    assert log.end(trainer_state(4)).reason == "converged"


def test_a_resumed_run_continues_its_clock_and_lines(tmp_path: Path) -> None:
    payloads: list[Mapping[str, Any]] = []
    log = make_log(tmp_path, payloads)
    log.on_train_begin(None, trainer_state(0), None)
    log.fit_log.began -= 100
    log.fit_log.n_seen = 64
    evaluate(log, 2, 1.0)
    saved = {"TrainingLog": json.loads(json.dumps(log.state()))}
    evaluate(log, 4, 2.0)
    resumed = make_log(tmp_path, payloads)
    resumed.on_train_begin(None, trainer_state(2, stateful_callbacks=saved), None)
    assert [line["step"] for line in lines(tmp_path)] == [2]
    assert resumed.fit_log.n_seen == 64
    assert resumed.fit_log.seconds == pytest.approx(100, abs=5)
    evaluate(resumed, 4, 0.5)
    assert (payloads[-1]["step"], payloads[-1]["best"]) == (4, False)
    result = resumed.end(trainer_state(8))
    assert (result.best_step, payloads[-1]["best_step"]) == (2, 2)


def test_the_time_limit_ends_the_run(tmp_path: Path) -> None:
    log = make_log(tmp_path, [], max_seconds=50)
    log.on_train_begin(None, trainer_state(0), None)
    control = SimpleNamespace(should_training_stop=False)
    log.fit_log.began -= 20
    with log._model.lock.hold():
        log.on_step_end(None, trainer_state(1), control)
        assert not control.should_training_stop
        assert log.share_of_time == pytest.approx(0.4, abs=0.1)
        log.fit_log.began -= 40
        log.on_step_end(None, trainer_state(2), control)
    assert control.should_training_stop
    evaluate(log, 2, 1.0)
    assert log.end(trainer_state(2)).reason == "budget"

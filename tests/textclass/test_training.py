"""fit: convergence, limits, checkpoints, events and concurrent predictions."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from tabwidget.errors import ConfigError
from tabwidget.events import FitEnd, FitStart, TrainingState, TrainReport, from_dict
from tabwidget.session import Session
from tabwidget.textclass.config import ModelSection, TrainSection
from tabwidget.textclass.data import Labels, Texts
from tabwidget.textclass.loading import LabelModel, load
from tabwidget.textclass.training import fit, label_weights
from tabwidget.textclass.training_log import Notify, TrainingResult
from tests.backends.text.fakes import save_tiny
from tests.textclass.fakes import MULTI, SINGLE, save_tiny_encoder, toy_texts

TRAIN, VALIDATION = toy_texts(32), toy_texts(16, seed=1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


def train_tiny(
    tiny: Path,
    folder: Path,
    *,
    labels: Labels = MULTI,
    train: Texts = TRAIN,
    validation: Texts = VALIDATION,
    on_event: Notify | None = None,
    stop: threading.Event | None = None,
    seed: int = 0,
    model: Mapping[str, Any] | None = None,
    **keys: Any,
) -> tuple[LabelModel, TrainingResult]:
    """Return a model trained on the toy texts, and the result of its training."""
    given = {"model_name": str(tiny), "lora_r": 4, "device": "cpu", **(model or {})}
    loaded = load(ModelSection.model_validate(given), labels, max_length=32, seed=seed)
    config = TrainSection.model_validate(
        {
            "num_train_epochs": 2,
            "batch_size": 8,
            "gradient_accumulation_steps": 1,
            "learning_rate": 0.01,
            "report_to": [],
            **keys,
        }
    )
    done = fit(
        loaded, config, train, validation, seed=seed, folder=folder, on_event=on_event, stop=stop
    )
    return loaded, done


def loss_of(model: LabelModel, texts: Texts) -> float:
    found = model.probabilities(texts.texts, 8)
    assert texts.targets is not None
    return float(-np.log(np.where(texts.targets, found, 1 - found)).mean())


def written(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line["event"] == kind]


@pytest.mark.parametrize("rank", [4, 0])
def test_decoder_learns(tiny: Path, tmp_path: Path, rank: int) -> None:
    model, done = train_tiny(tiny, tmp_path, model={"lora_r": rank}, num_train_epochs=6)
    untrained = load(ModelSection(model_name=str(tiny), device="cpu"), MULTI, max_length=32, seed=0)
    assert loss_of(model, VALIDATION) < 0.8 * loss_of(untrained, VALIDATION)
    assert done.reason in ("epochs", "converged")


def test_encoder_learns(tmp_path: Path) -> None:
    encoder = save_tiny_encoder(tmp_path / "encoder")
    model, _ = train_tiny(encoder, tmp_path, num_train_epochs=20, early_stopping_patience=None)
    assert loss_of(model, VALIDATION) < 0.55


def test_model_in_four_bits_learns(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("hqq", reason="the extra 'quant' is not installed")
    model, done = train_tiny(
        tiny,
        tmp_path,
        model={"use_4bit": True},
        num_train_epochs=4,
        early_stopping_patience=None,
    )
    assert loss_of(model, VALIDATION) < 0.7
    assert done.steps == 16


def test_one_label_a_text_is_learned(tiny: Path, tmp_path: Path) -> None:
    train = toy_texts(32, multi=False)
    model, done = train_tiny(tiny, tmp_path, labels=SINGLE, train=train, num_train_epochs=1)
    assert model.probabilities(train.texts, 8).sum(axis=1) == pytest.approx(1)
    # The loss of a new head with three labels.
    assert done.train_loss == pytest.approx(np.log(3), abs=0.5)


def test_training_is_reproducible_and_leaves_global_random_states_alone(
    tiny: Path, tmp_path: Path
) -> None:
    for state in (random.seed, np.random.seed, torch.manual_seed):
        state(7)
    (one, _), (again, _) = (train_tiny(tiny, tmp_path / name) for name in ("one", "again"))
    after = random.random(), np.random.random(), torch.rand(1).item()
    for state in (random.seed, np.random.seed, torch.manual_seed):
        state(7)
    assert after == (random.random(), np.random.random(), torch.rand(1).item())
    other, _ = train_tiny(tiny, tmp_path / "other", seed=1)
    found = [model.probabilities(VALIDATION.texts, 8) for model in (one, again, other)]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.allclose(found[0], found[2])


def test_best_weights_are_kept(tiny: Path, tmp_path: Path) -> None:
    assert TRAIN.targets is not None
    # With inverted targets, the validation loss rises.
    model, done = train_tiny(
        tiny,
        tmp_path,
        train=replace(TRAIN, targets=~TRAIN.targets),
        num_train_epochs=4,
        metric_for_best_model="loss",
        early_stopping_patience=None,
    )
    losses = {line["step"]: line["loss"] for line in written(tmp_path, "evaluation")}
    assert done.best_step == min(losses, key=losses.__getitem__) < max(losses)
    assert done.eval_loss == losses[done.best_step]
    assert loss_of(model, VALIDATION) == pytest.approx(done.eval_loss, rel=1e-3)


def test_early_stopping(tiny: Path, tmp_path: Path) -> None:
    _, done = train_tiny(
        tiny,
        tmp_path,
        learning_rate=1e-12,
        num_train_epochs=9,
        early_stopping_patience=2,
    )
    assert (done.reason, done.steps, done.best_step) == ("converged", 12, 4)


def test_max_steps(tiny: Path, tmp_path: Path) -> None:
    _, done = train_tiny(tiny, tmp_path, max_steps=3)
    assert (done.reason, done.steps) == ("steps", 3)
    assert len(written(tmp_path, "evaluation")) == 1


def test_max_seconds(tiny: Path, tmp_path: Path) -> None:
    _, done = train_tiny(tiny, tmp_path, max_seconds=1e-6, num_train_epochs=50)
    assert (done.reason, done.steps) == ("budget", 1)
    assert done.train_loss > 0


def test_learning_rate_rises_and_falls(tiny: Path, tmp_path: Path) -> None:
    train_tiny(tiny, tmp_path, warmup_ratio=0.5, max_steps=8)
    rates = [line["learning_rate"] for line in written(tmp_path, "train")]
    assert rates == pytest.approx([0, 0.0025, 0.005, 0.0075, 0.01, 0.0075, 0.005, 0.0025])


def test_accumulated_batches_are_one_step(tiny: Path, tmp_path: Path) -> None:
    """One step of the same rows, with the same mean loss."""
    short: dict[str, Any] = {"max_steps": 1, "model": {"lora_dropout": 0}}
    whole, one = train_tiny(tiny, tmp_path / "whole", batch_size=32, **short)
    parts, other = train_tiny(
        tiny, tmp_path / "parts", batch_size=8, gradient_accumulation_steps=4, **short
    )
    assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
    found = [model.probabilities(VALIDATION.texts, 8) for model in (whole, parts)]
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)


def test_events_are_emitted_and_written(tiny: Path, tmp_path: Path) -> None:
    payloads: list[Mapping[str, Any]] = []
    _, done = train_tiny(tiny, tmp_path, on_event=payloads.append)
    events = [from_dict(event) for event in payloads]
    start, end = events[0], events[-1]
    assert isinstance(start, FitStart)
    assert isinstance(end, FitEnd)
    assert (start.n_train, start.n_validation, start.total_steps) == (32, 16, 8)
    assert (end.step, end.best_step, end.reason) == (8, done.best_step, done.reason)
    assert len([event for event in events if isinstance(event, TrainReport)]) == 8
    state = TrainingState()
    for event in events:
        state.fold(event)
    assert state.progress == 1
    assert set(state.column_losses) == set(MULTI.names)
    assert state.best_loss == done.eval_loss
    evaluation = written(tmp_path, "evaluation")[-1]
    assert set(evaluation["per_class"]) == set(MULTI.names)
    assert 0 <= evaluation["f1_micro"] <= 1


def test_a_stopped_run_keeps_its_best_weights(tiny: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    payloads: list[Mapping[str, Any]] = []

    def on_event(event: Mapping[str, Any]) -> None:
        payloads.append(event)
        if event["event"] == "TrainReport" and event["step"] == 7:
            stop.set()

    model, done = train_tiny(tiny, tmp_path, num_train_epochs=50, on_event=on_event, stop=stop)
    assert (done.reason, done.steps) == ("stopped", 8)
    assert payloads[-1]["reason"] == "stopped"
    assert loss_of(model, VALIDATION) == pytest.approx(done.eval_loss, rel=1e-4)
    best = max(written(tmp_path, "evaluation"), key=lambda line: line["f1_micro"])
    assert done.best_step == best["step"]


def test_checkpoints_are_scored_with_tuned_thresholds(tiny: Path, tmp_path: Path) -> None:
    """At 0.5 all checkpoints score the same, since rare labels stay below it."""
    train_tiny(tiny, tmp_path, learning_rate=1e-3, num_train_epochs=6, early_stopping_patience=None)
    evaluations = written(tmp_path, "evaluation")
    assert all(
        evaluation["f1_micro"] >= evaluation["at_half"]["f1_micro"] for evaluation in evaluations
    )
    assert any(
        evaluation["f1_micro"] > evaluation["at_half"]["f1_micro"] for evaluation in evaluations
    )
    train_tiny(tiny, tmp_path / "half", num_train_epochs=2, tune_thresholds=False)
    assert all(
        "at_half" not in evaluation for evaluation in written(tmp_path / "half", "evaluation")
    )


def test_ties_are_broken_by_loss(tiny: Path, tmp_path: Path) -> None:
    """Uninformative texts: checkpoints differ only in their loss."""
    same = Texts([str(i) for i in range(16)], ["so"] * 16, toy_texts(16, multi=False).targets)
    _, done = train_tiny(
        tiny,
        tmp_path,
        labels=SINGLE,
        train=same,
        validation=same,
        learning_rate=1e-3,
        num_train_epochs=6,
        early_stopping_patience=2,
    )
    evaluations = written(tmp_path, "evaluation")
    assert len({evaluation["f1_micro"] for evaluation in evaluations}) < len(evaluations)
    best = max(evaluations, key=lambda one: (one["f1_micro"], -one["loss"]))
    assert (done.best_step, done.eval_loss) == (best["step"], best["loss"])


def test_evaluations_within_an_epoch(tiny: Path, tmp_path: Path) -> None:
    payloads: list[Mapping[str, Any]] = []
    model, done = train_tiny(
        tiny, tmp_path, num_train_epochs=1, eval_seconds=1e-6, on_event=payloads.append
    )
    evaluations = [event for event in payloads if event["event"] == "EvalReport"]
    assert [evaluation["step"] for evaluation in evaluations[:3]] == [1, 2, 3]
    expected = {"f1_micro", "f1_macro", "accuracy", "per_class", "at_half"}
    assert set(evaluations[0]["metrics"]) == expected
    assert set(evaluations[0]["metrics"]["per_class"]) == set(MULTI.names)
    # The best weights are kept, even from within an epoch.
    assert loss_of(model, VALIDATION) == pytest.approx(done.eval_loss, rel=1e-4)
    best = next(one for one in evaluations if one["step"] == done.best_step)
    assert best["loss"] == done.eval_loss


def test_texts_are_classified_during_training(tiny: Path, tmp_path: Path) -> None:
    loaded = load(
        ModelSection(model_name=str(tiny), lora_r=4, device="cpu"), MULTI, max_length=32, seed=0
    )
    stop = threading.Event()
    config = TrainSection(batch_size=8, num_train_epochs=10_000, report_to=())
    steps: list[int] = []

    def on_event(event: Mapping[str, Any]) -> None:
        steps.append(event.get("step", 0))

    thread = threading.Thread(
        target=fit,
        args=(loaded, config, TRAIN, VALIDATION),
        kwargs={"seed": 0, "folder": tmp_path, "on_event": on_event, "stop": stop},
    )
    thread.start()
    try:
        found: list[Any] = []
        while len(found) < 5 or max(steps, default=0) < 3:
            found.append(loaded.probabilities(TRAIN.texts, 8))
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    # Training continued in between, and predictions use no dropout.
    assert not np.allclose(found[0], found[-1])
    once = loaded.probabilities(TRAIN.texts, 8)
    np.testing.assert_array_equal(once, loaded.probabilities(TRAIN.texts, 8))


def test_a_session_follows_and_stops_a_run(tiny: Path, tmp_path: Path) -> None:
    session = Session()
    run = session.follow(
        lambda on_event: train_tiny(tiny, tmp_path, num_train_epochs=500, on_event=on_event)
    )
    while run.state.step < 2 and run.status == "running":
        run.wait(0.01)
    run.stop()
    assert run.wait(60)
    assert (run.status, run.error) == ("stopped", None)


@pytest.mark.parametrize(("killed_at", "first"), [(2, 1), (6, 5)])
def test_interrupted_run_resumes(tiny: Path, tmp_path: Path, killed_at: int, first: int) -> None:
    """The weights and the lines of metrics.jsonl are those of an uninterrupted run."""

    class Killed(Exception):
        pass

    def kill(event: Mapping[str, Any]) -> None:
        if event["event"] == "TrainReport" and event["step"] == killed_at:
            raise Killed

    whole, done = train_tiny(tiny, tmp_path / "whole", num_train_epochs=2)
    with pytest.raises(Killed):
        train_tiny(tiny, tmp_path / "killed", num_train_epochs=2, on_event=kill)
    # The newest checkpoint is incomplete.
    (tmp_path / "killed" / "checkpoints" / "checkpoint-8").mkdir(parents=True, exist_ok=True)
    payloads: list[Mapping[str, Any]] = []
    resumed, again = train_tiny(
        tiny, tmp_path / "killed", num_train_epochs=2, on_event=payloads.append
    )
    assert next(event["step"] for event in payloads if event["event"] == "TrainReport") == first
    np.testing.assert_allclose(
        resumed.probabilities(VALIDATION.texts, 8),
        whole.probabilities(VALIDATION.texts, 8),
        atol=1e-5,
    )
    assert (again.steps, again.best_step) == (done.steps, done.best_step)
    assert again.train_loss == pytest.approx(done.train_loss, rel=1e-4)
    for kind in ("train", "evaluation"):
        steps = [line["step"] for line in written(tmp_path / "killed", kind)]
        assert steps == [line["step"] for line in written(tmp_path / "whole", kind)]


def test_patience_continues_after_a_resume(tiny: Path, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def kill(event: Mapping[str, Any]) -> None:
        if event["event"] == "TrainReport" and event["step"] == 9:
            raise Killed

    slow: dict[str, Any] = {
        "learning_rate": 1e-12,
        "num_train_epochs": 9,
        "early_stopping_patience": 2,
    }
    with pytest.raises(Killed):
        train_tiny(tiny, tmp_path, on_event=kill, **slow)
    _, done = train_tiny(tiny, tmp_path, **slow)
    assert done.steps == 12


def test_logs_for_tensorboard(tiny: Path, tmp_path: Path) -> None:
    reading = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="the extra 'textclass' is not installed",
    )
    train_tiny(tiny, tmp_path, report_to=["tensorboard"], max_steps=4)
    logs = reading.EventAccumulator(str(tmp_path / "logs")).Reload()
    assert {"train/loss", "eval/loss", "eval/f1_micro"} <= set(logs.Tags()["scalars"])


def test_rare_labels_weigh_more() -> None:
    targets = np.array([[1, 0, 0]] * 6 + [[0, 1, 0]] * 3, dtype=bool)
    balanced = compute_class_weight("balanced", classes=np.arange(2), y=targets.argmax(1))
    np.testing.assert_allclose(label_weights(targets[:, :2], multi=False), balanced)
    # An absent label weighs 1.
    np.testing.assert_allclose(label_weights(targets, multi=True), [0.5, 2, 1])


def test_class_weights_affect_training_but_not_evaluation(tiny: Path, tmp_path: Path) -> None:
    rare = toy_texts(64)
    assert rare.targets is not None
    train = rare.take(np.flatnonzero(~rare.targets[:, 0] | (np.arange(64) < 12)))
    means = {}
    for weights in ("none", "balanced"):
        model, done = train_tiny(
            tiny, tmp_path / weights, train=train, class_weights=weights, num_train_epochs=1
        )
        means[weights] = model.probabilities(VALIDATION.texts, 8)[:, 0].mean()
        assert loss_of(model, VALIDATION) == pytest.approx(done.eval_loss, rel=1e-3)
    assert means["balanced"] > means["none"] + 0.1


@pytest.mark.parametrize("part", ["train", "validate"])
def test_empty_splits_are_reported(tiny: Path, tmp_path: Path, part: str) -> None:
    none = TRAIN.take(np.array([], dtype=int))
    train, validation = (none, TRAIN) if part == "train" else (TRAIN, none)
    model = load(ModelSection(model_name=str(tiny)), MULTI, max_length=32, seed=0)
    with pytest.raises(ConfigError, match=f"no rows to {part}"):
        fit(model, TrainSection(), train, validation, seed=0, folder=tmp_path)

"""Tests of Trainer: schedules, interrupted and resumed runs, and events."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tabwidget.minilm import Encoder, LanguageModel, Tokenizer, Trainer
from tabwidget.minilm.trainer import SCHEDULERS

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "a cat and a dog"] * 6


def new_model() -> LanguageModel:
    torch.manual_seed(0)
    tokenizer = Tokenizer(32)
    tokenizer.fit(TEXTS)
    encoder = Encoder(32, embedding_dim=16, hidden_dim=32, num_layers=1, num_heads=2)
    return LanguageModel(encoder, tokenizer)


def new_trainer(folder: Path, num_epochs: int = 4, **options: Any) -> Trainer:
    settings = {"learning_rate": 1e-2, "warmup_steps": 3, "save_dir": folder, **options}
    return Trainer(num_epochs=num_epochs, **settings)


def loader(trainer: Trainer, model: LanguageModel, **options: Any) -> Any:
    settings = {"batch_size": 4, "sequence_length": 16, **options}
    return trainer.prepare_dataloader(TEXTS, model.tokenizer, **settings)


def trained(folder: Path, num_epochs: int = 4, **options: Any) -> LanguageModel:
    model, trainer = new_model(), new_trainer(folder, num_epochs, **options)
    trainer.train(model, loader(trainer, model))
    return model


def same(one: LanguageModel, other: LanguageModel) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_losses_fall_with_every_schedule(tmp_path: Path, scheduler: str) -> None:
    history = trained(tmp_path, 6, scheduler_type=scheduler).training_history
    assert history[-1]["train_loss"] < 0.7 * history[0]["train_loss"]
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("accumulation", [1, 3])
def test_a_resumed_run_ends_with_the_same_weights(
    tmp_path: Path, scheduler: str, accumulation: int
) -> None:
    options = {"scheduler_type": scheduler, "accumulation_steps": accumulation}
    whole = trained(tmp_path / "whole", 4, **options)

    class CutOff(Exception):
        pass

    def cut_off(event: dict[str, Any]) -> None:
        if event["event"] == "EvalReport" and (tmp_path / "cut" / "checkpoint-epoch2.pt").exists():
            raise CutOff

    model, trainer = new_model(), new_trainer(tmp_path / "cut", 4, **options)
    with pytest.raises(CutOff):
        trainer.train(model, loader(trainer, model), on_event=cut_off)
    model, trainer = new_model(), new_trainer(tmp_path / "cut", 2, **options)
    trainer.train(model, loader(trainer, model), resume_from=tmp_path / "cut")
    assert same(model, whole)
    assert model.training_history == whole.training_history


def test_a_finished_run_can_be_resumed_for_more_epochs(tmp_path: Path) -> None:
    trained(tmp_path, 2)
    model, trainer = new_model(), new_trainer(tmp_path, 1)
    trainer.train(model, loader(trainer, model), resume_from=tmp_path / "checkpoint-epoch2.pt")
    assert [entry["epoch"] for entry in model.training_history] == [1, 2, 3]
    assert model.training_history[-2]["learning_rate"] == 0
    assert model.training_history[1]["train_loss"] > model.training_history[2]["train_loss"]


def test_checkpoints_are_written_every_n_epochs(tmp_path: Path) -> None:
    model, trainer = new_model(), new_trainer(tmp_path, 5)
    trainer.train(model, loader(trainer, model), checkpoint_every=2, save_latest=False)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"checkpoint-epoch2.pt", "checkpoint-epoch4.pt"}


def test_errors_name_the_checkpoint(tmp_path: Path) -> None:
    model, trainer = new_model(), new_trainer(tmp_path)
    batches = loader(trainer, model)
    with pytest.raises(FileNotFoundError, match=r"latest\.pt"):
        trainer.train(model, batches, resume_from=tmp_path)
    (tmp_path / "latest.pt").write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"latest\.pt.*not a complete safetensors"):
        trainer.train(model, batches, resume_from=tmp_path)
    trained(tmp_path, 1)
    other = LanguageModel(Encoder(32, embedding_dim=8, num_heads=2), model.tokenizer)
    with pytest.raises(ValueError, match="another shape"):
        trainer.train(other, batches, resume_from=tmp_path)


def test_accumulated_batches_are_one_large_batch(tmp_path: Path) -> None:
    models = []
    for batch_size, accumulation in ((6, 1), (2, 3)):
        model = new_model()
        trainer = new_trainer(tmp_path, 2, accumulation_steps=accumulation)
        model.encoder.dropout.p = 0.0
        for block in model.encoder.transformer.blocks:
            block.dropout = 0.0  # type: ignore[assignment]
        trainer.train(model, loader(trainer, model, batch_size=batch_size), validation_split=0.0)
        models.append(model)
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_epochs_are_reshuffled_and_validation_rows_stay_fixed(tmp_path: Path) -> None:
    model, trainer = new_model(), new_trainer(tmp_path, 3)
    seen: list[list[int]] = []
    numbered = [f"the cat {i}" for i in range(20)]
    model.tokenizer.fit(numbered)
    batches = trainer.prepare_dataloader(numbered, model.tokenizer, 4, 16)
    true_loss = model.compute_loss

    def recorded(inputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if model.training:
            seen.append(inputs[:, 3].tolist())
        return true_loss(inputs, targets, mask)

    model.compute_loss = recorded  # type: ignore[assignment,method-assign]
    trainer.train(model, batches, validation_split=0.2)
    epochs = [[row for batch in seen[i : i + 4] for row in batch] for i in (0, 4, 8)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(epochs[2])
    assert len(set(epochs[0])) == 16
    assert epochs[0] != epochs[1] != epochs[2]


def test_any_iterable_of_batches_can_be_split(tmp_path: Path) -> None:
    model, trainer = new_model(), new_trainer(tmp_path, 2)
    batches = list(loader(trainer, model))
    history = trainer.train(model, batches, validation_split=0.25)
    assert history[-1]["val_loss"] is not None
    with pytest.raises(ValueError, match="no batches"):
        trainer.train(model, [])


def test_a_warmup_longer_than_the_training_warns(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="still rising when training ends"):
        trained(tmp_path, 1, warmup_steps=500)


def test_warmup_is_counted_in_steps(tmp_path: Path) -> None:
    rates: list[float] = []

    def note(event: dict[str, Any]) -> None:
        if event["event"] == "FitEnd":
            rates.append(trainer.learning_rate)

    model, trainer = new_model(), new_trainer(tmp_path, 2, warmup_steps=8, scheduler_type="linear")
    history = trainer.train(model, loader(trainer, model), validation_split=0.0, on_event=note)
    # Five steps per epoch: the rate of step 5 after the first, zero after the second.
    assert history[0]["learning_rate"] == pytest.approx(trainer.learning_rate * 6 / 8)
    assert history[1]["learning_rate"] == pytest.approx(0.0)


def test_perplexity_is_per_token_and_independent_of_batches(tmp_path: Path) -> None:
    model, trainer = trained(tmp_path), new_trainer(tmp_path)
    texts = ["the cat sat", "a dog", "the cat sat on the mat"]
    perplexities = [trainer.evaluate_perplexity(model, texts, size) for size in (1, 2, 3)]
    assert perplexities[1:] == pytest.approx([perplexities[0]] * 2, rel=1e-5)
    losses, tokens = 0.0, 0
    for text in texts:
        ids = model.tokenizer.encode(text)
        losses += float(model.compute_loss(ids[:-1], ids[1:]).detach()) * (len(ids) - 1)
        tokens += len(ids) - 1
    assert perplexities[0] == pytest.approx(math.exp(losses / tokens), rel=1e-4)


def test_events_are_those_of_the_package(tmp_path: Path) -> None:
    from tabwidget import events

    emitted: list[dict[str, Any]] = []
    model, trainer = new_model(), new_trainer(tmp_path, 2)
    trainer.train(model, loader(trainer, model), on_event=emitted.append)
    state = events.TrainingState()
    for event in emitted:
        state.fold(events.from_dict(event))
    assert emitted[0]["event"] == "FitStart"
    assert state.reason == "epochs"
    assert {point["split"] for point in state.curve} == {"train", "validation"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "tpu"}, "device"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"num_epochs": -1}, "num_epochs"),
        ({"warmup_steps": -1}, "warmup_steps"),
        ({"gradient_clip": 0}, "gradient_clip"),
        ({"weight_decay": -0.1}, "weight_decay"),
        ({"accumulation_steps": 0}, "accumulation_steps"),
        ({"scheduler_type": "step"}, "scheduler_type"),
        ({"use_amp": True}, "use_amp=True needs device='cuda'"),
        ({"amp_dtype": "int8"}, "amp_dtype"),
        ({"num_threads": 0}, "num_threads"),
    ],
)
def test_errors_name_the_setting(options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, RuntimeError), match=message):
        Trainer(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_split": 1.0}, "validation_split"),
        ({"checkpoint_every": 0}, "checkpoint_every"),
    ],
)
def test_errors_name_the_argument_of_train(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    model, trainer = new_model(), new_trainer(tmp_path)
    with pytest.raises(ValueError, match=message):
        trainer.train(model, loader(trainer, model), **options)


def test_errors_name_unknown_scheduler_options(tmp_path: Path) -> None:
    model = new_model()
    trainer = new_trainer(tmp_path, scheduler_kwargs={"tmax": 5})
    with pytest.raises(ValueError, match="unknown keys: tmax"):
        trainer.train(model, loader(trainer, model))

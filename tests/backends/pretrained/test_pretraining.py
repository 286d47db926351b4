"""Pretraining on synthetic tables: its steps, validation, and going on from a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tabwidget.backends.pretrained.features import Kind
from tabwidget.backends.pretrained.mechanisms import Draw
from tabwidget.backends.pretrained.model import InContextModel
from tabwidget.backends.pretrained.pretraining import (
    Pretraining,
    PretrainingConfig,
    draw_tables,
    validate,
)

TINY = PretrainingConfig(
    seconds=600.0,
    steps=4,
    batch_rows=200,
    max_rows=60,
    max_columns=4,
    queries=16,
    learning_rate=0.003,
    warmup_steps=1,
)


def new_model() -> InContextModel:
    torch.manual_seed(0)
    return InContextModel(width=16, layers=1, heads=2, hidden=16, cell_width=8)


def quiet(event: dict[str, Any]) -> None:
    """Report nothing."""


@pytest.mark.parametrize("kind", ["number", "levels"])
def test_drawn_tables_fit_the_config(kind: Kind) -> None:
    for seed in range(10):
        draw = Draw(torch.Generator().manual_seed(seed))
        tables, n_context, vectors = draw_tables(TINY, kind, draw)
        assert 32 <= n_context <= 60
        assert tables.target.shape[1] == n_context + 16
        assert len(vectors) == len(tables) >= 1
        assert tables.target.numel() <= 200


def test_steps_lower_the_loss() -> None:
    model = new_model()
    before = validate(model, tables=4, sizes=1)
    config = replace(TINY, steps=12, batch_rows=400, matrix_learning_rate=0.02)
    run = Pretraining(model, config, quiet)
    run.run()
    model.load_state_dict(run.averaged())
    after = validate(model, tables=4, sizes=1)
    assert after["loss_number"] < before["loss_number"] - 0.005
    assert after["loss_levels"] < before["loss_levels"] - 0.005


def test_validation_repeats_its_tables() -> None:
    assert validate(new_model(), tables=1, sizes=2) == validate(new_model(), tables=1, sizes=2)


@pytest.mark.parametrize("muon", [True, False])
def test_a_resumed_run_ends_with_the_same_weights(muon: bool, tmp_path: Path) -> None:
    config = replace(TINY, muon=muon)
    whole = Pretraining(new_model(), config, quiet)
    whole.run()

    first = Pretraining(new_model(), config, quiet)
    for _ in range(2):
        first.train_step()
    first.save(tmp_path / "checkpoint.safetensors")
    second = Pretraining(new_model(), config, quiet)
    second.load(tmp_path / "checkpoint.safetensors")
    assert second.progress() == first.progress()
    second.run()

    assert second.step == whole.step == 4
    assert second.tables == whole.tables
    for name, weight in whole.averaged().items():
        torch.testing.assert_close(second.averaged()[name], weight, atol=1e-6, rtol=1e-4)


def test_a_file_of_another_model_is_no_checkpoint(tmp_path: Path) -> None:
    Pretraining(new_model(), TINY, quiet).save(tmp_path / "checkpoint.safetensors")
    other = InContextModel(width=8, layers=1, heads=1, hidden=8, cell_width=8)
    with pytest.raises(ValueError, match="not a checkpoint of this model"):
        Pretraining(other, TINY, quiet).load(tmp_path / "checkpoint.safetensors")


def test_the_rate_warms_up_and_decays_to_zero() -> None:
    run = Pretraining(new_model(), replace(TINY, steps=10, warmup_steps=4), quiet)
    rates = []
    while not run.finished:
        run.train_step()
        rates.append(run.optimizers[-1].param_groups[0]["lr"])
    assert rates[0] < rates[2] < TINY.learning_rate
    assert rates[-1] < 0.1 * TINY.learning_rate
    assert rates[4:] == sorted(rates[4:], reverse=True)

"""Pretraining on synthetic tables: the loss, its steps, and going on from a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tabwidget.backends.pretrained.features import Kind
from tabwidget.backends.pretrained.mechanisms import Draw
from tabwidget.backends.pretrained.model import VECTOR_SIZE, InContextModel
from tabwidget.backends.pretrained.pretraining import (
    Pretraining,
    PretrainingConfig,
    draw_tables,
    log_likelihood,
    normal_log_mass,
    rank_intervals,
    validate,
)
from tabwidget.backends.pretrained.synthetic import SyntheticTables

TINY = PretrainingConfig(
    seconds=600.0,
    steps=6,
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


def one_table(target: torch.Tensor, kind: Kind) -> SyntheticTables:
    """Return a table whose only column is the target's first digits."""
    numbers = target[..., None].float()
    everywhere = torch.ones_like(numbers, dtype=torch.bool)
    codes = torch.zeros_like(numbers, dtype=torch.long)
    return SyntheticTables(numbers, codes, everywhere[:, 0], everywhere, target, kind)


def test_intervals_of_distinct_numbers_are_one_context_row_wide() -> None:
    context = torch.arange(100.0)[None]
    low, high = rank_intervals(context, torch.tensor([[-5.0, 49.5, 49.0, 1000.0]]))
    torch.testing.assert_close(high - low, torch.full((1, 4), 0.01))
    torch.testing.assert_close(low, torch.tensor([[0.0, 0.495, 0.49, 0.99]]))


def test_intervals_of_many_rows_are_a_two_hundred_fifty_sixth_wide() -> None:
    low, high = rank_intervals(torch.arange(1000.0)[None], torch.tensor([[499.5]]))
    assert float(high - low) == pytest.approx(1 / 256)


def test_intervals_of_ties_are_as_wide_as_the_ties() -> None:
    context = torch.tensor([[0.0] * 30 + [1.0] * 50 + [2.0] * 20])
    low, high = rank_intervals(context, torch.tensor([[0.0, 1.0, 2.0]]))
    torch.testing.assert_close(low, torch.tensor([[0.0, 0.3, 0.8]]))
    torch.testing.assert_close(high, torch.tensor([[0.3, 0.8, 1.0]]))


def test_the_normal_masses_of_all_intervals_sum_to_one() -> None:
    cuts = torch.linspace(0, 1, 257)
    for mean, std in ((0.0, 1.0), (-2.0, 0.05), (2.5, 0.3)):
        at = torch.full((256,), mean), torch.full((256,), std)
        total = normal_log_mass(cuts[:-1], cuts[1:], *at).exp().sum()
        assert float(total) == pytest.approx(1.0, abs=1e-3)


def test_the_normal_mass_of_everything_has_a_gradient() -> None:
    mean, std = torch.zeros(1, requires_grad=True), torch.ones(1, requires_grad=True)
    normal_log_mass(torch.zeros(1), torch.ones(1), mean, std).sum().backward()
    assert mean.grad is not None
    assert std.grad is not None
    assert float(mean.grad) == float(std.grad) == 0.0


def test_a_normal_narrower_than_a_bin_scores_higher_than_the_bins_can() -> None:
    model = new_model().eval()
    target = torch.randn(1, 600, generator=torch.Generator().manual_seed(0))
    tables, vectors = one_table(target, "number"), torch.zeros(1, 1, VECTOR_SIZE)
    with torch.no_grad():
        model.normal.bias.copy_(torch.tensor([4.0, 0.0, 0.0]))
        wide, marginal = log_likelihood(tables, 500, model, vectors)
        # The prediction of the copied column is exact, but for the tails of the ridge regression.
        model.normal.bias.copy_(torch.tensor([4.0, 0.0, -1.0]))
        narrow, _ = log_likelihood(tables, 500, model, vectors)
    assert float(wide.median()) > float(marginal.median()) + 1.0
    assert float(narrow.median()) > float(wide.median())


def test_the_marginal_of_levels_is_the_share_in_the_context() -> None:
    target = torch.tensor([[0] * 30 + [1] * 10 + [0, 1]])
    _, marginal = log_likelihood(
        one_table(target, "levels"), 40, new_model(), torch.zeros(1, 1, VECTOR_SIZE)
    )
    assert marginal.exp().tolist()[0] == pytest.approx([0.75, 0.25], abs=0.02)


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
    before = validate(model, tables=2, sizes=2)
    config = replace(TINY, steps=25, batch_rows=600, matrix_learning_rate=0.02)
    run = Pretraining(model, config, quiet)
    run.run()
    model.load_state_dict(run.averaged())
    after = validate(model, tables=2, sizes=2)
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
    for _ in range(3):
        first.train_step()
    first.save(tmp_path / "checkpoint.safetensors")
    second = Pretraining(new_model(), config, quiet)
    second.load(tmp_path / "checkpoint.safetensors")
    assert second.progress() == first.progress()
    second.run()

    assert second.step == whole.step == 6
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

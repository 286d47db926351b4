"""Tests of Muon, of the pairing with AdamW, and of the EMA."""

from __future__ import annotations

import pytest
import torch

from tabwidget.minilm.optimizer import Muon, ema_of, optimizers_of, orthogonalize


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 24, 8), (3, 8, 24)])
def test_singular_values_move_close_to_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalize(matrices))
    assert values.min() > 0.3
    assert values.max() < 1.4


def test_a_matrix_moves_as_it_would_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(6, 4, generator=generator) for _ in range(3)]
    gradients = [torch.randn(6, 4, generator=generator) for _ in range(3)]
    together = [torch.nn.Parameter(w.clone()) for w in start]
    alone = torch.nn.Parameter(start[1].clone())
    for parameter, gradient in zip(together, gradients, strict=True):
        parameter.grad = gradient
    alone.grad = gradients[1]
    Muon(together).step()
    Muon([alone]).step()
    torch.testing.assert_close(together[1], alone)


def test_it_finds_the_least_squares() -> None:
    generator = torch.Generator().manual_seed(0)
    x, truth = torch.randn(64, 8, generator=generator), torch.randn(8, 5, generator=generator)
    weight = torch.nn.Parameter(torch.zeros(8, 5))
    optimizer = Muon([weight], lr=0.1, weight_decay=0.0)
    for step in range(200):
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / 200)
        optimizer.zero_grad()
        (x @ weight - x @ truth).square().mean().backward()
        optimizer.step()
    assert (weight - truth).abs().max() < 0.1


def test_every_weight_has_one_optimizer() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2))
    rates = {"learning_rate": 0.01, "matrix_learning_rate": 0.02, "weight_decay": 0.1}
    for muon, kinds in ((True, ["Muon", "AdamW"]), (False, ["AdamW"])):
        optimizers = optimizers_of(model, model[0], muon=muon, **rates)
        assert [type(one).__name__ for one in optimizers] == kinds
        weights = [w for one in optimizers for group in one.param_groups for w in group["params"]]
        assert sorted(map(id, weights)) == sorted(map(id, model.parameters()))


def test_the_ema_is_short_at_first_and_follows_its_decay_later() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    ema = ema_of(model, 0.5)
    ema.update_parameters(model)  # the first update copies the weights
    torch.nn.init.ones_(model.weight)
    averages = []
    for _ in range(8):
        ema.update_parameters(model)
        averages.append(float(next(ema.parameters()).detach()))
    assert averages[0] == pytest.approx(5 / 6)
    assert 1 - averages[-1] == pytest.approx(0.5 * (1 - averages[-2]))

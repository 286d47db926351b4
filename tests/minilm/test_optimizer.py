"""Muon: orthogonal updates, in batches of one shape."""

from __future__ import annotations

import pytest
import torch

from tabwidget.minilm.optimizer import Muon, orthogonalized


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 24, 8), (3, 8, 24)])
def test_singular_values_move_close_to_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalized(matrices))
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

"""Tests of checkpoints: weights, optimizer state and progress in one file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tabwidget.minilm.checkpoint import load_checkpoint, save_checkpoint
from tabwidget.minilm.files import write_tensors


def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()


def test_an_optimizer_continues_from_its_state(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    optimizers = [torch.optim.AdamW(one.parameters(), lr=0.1) for one in (model, other)]
    step(model, optimizers[0])
    path = tmp_path / "a.pt"
    save_checkpoint(path, model.state_dict(), optimizers[0].state_dict(), {"epoch": 3})
    weights, state, about = load_checkpoint(path)
    other.load_state_dict(weights)
    optimizers[1].load_state_dict(state)
    assert about == {"epoch": 3}
    for one, optimizer in zip((model, other), optimizers, strict=True):
        step(one, optimizer)
    assert torch.equal(model.weight, other.weight)


def test_a_file_of_another_kind_is_an_error(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a.pt", {"w": torch.ones(2)}, {})
    with pytest.raises(ValueError, match=r"a\.pt' is not a checkpoint"):
        load_checkpoint(tmp_path / "a.pt")

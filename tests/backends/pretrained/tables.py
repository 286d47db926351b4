"""Small random tables for the tests of the in-context model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tabwidget.backends.pretrained.features import Answers, Features, Kind, encode
from tabwidget.backends.pretrained.model import VECTOR_SIZE, InContextModel

__all__ = ["encoded", "random_table", "small_model"]

N_CONTEXT = 30


def random_table(
    kind: Kind, *, columns: int = 4, queries: int = 9, seed: int = 0
) -> dict[str, Any]:
    """Return the arguments of `encode` for one table: numbers, levels and unknown cells."""
    generator = torch.Generator().manual_seed(seed)
    shape = (1, N_CONTEXT + queries, columns)
    numbers = torch.randn(shape, generator=generator)
    codes = torch.randint(0, 5, shape, generator=generator)
    is_number = (torch.arange(columns) % 2 == 0)[None]
    target: Tensor = numbers.sum(2) + 0.5 * codes.sum(2)
    if kind == "levels":
        target = (target > target.mean()).long() + 1
    return {
        "numbers": numbers,
        "codes": codes,
        "is_number": is_number,
        "known": torch.rand(shape, generator=generator) < 0.8,
        "target": target,
        "n_context": N_CONTEXT,
        "kind": kind,
        "column_vectors": torch.randn(1, columns, VECTOR_SIZE, generator=generator),
    }


def encoded(kind: Kind, **sizes: int) -> tuple[Features, Answers]:
    """Return the features of a random table."""
    return encode(**random_table(kind, **sizes))


def small_model() -> InContextModel:
    """Return a small model with random weights in every layer."""
    torch.manual_seed(0)
    model = InContextModel(width=32, layers=2, heads=2, hidden=32, cell_width=16)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn(weight.shape))
    return model.eval().requires_grad_(False)

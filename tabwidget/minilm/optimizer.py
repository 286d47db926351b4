"""Muon: momentum whose matrix updates are made orthogonal.

Keller Jordan et al., 2024 (the modded-nanogpt speed runs). ``torch.optim.Muon`` computes in
bfloat16, which CPUs do hundreds of times slower than float32, and one matrix at a time; this one
takes all matrices of a shape in one batched product, in their own precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Muon", "orthogonalized"]

# Coefficients of the quintic iteration, tuned by its authors for the steepest slope at zero.
A, B, C = 3.4445, -4.7750, 2.0315


def orthogonalized(matrices: Tensor, steps: int = 5) -> Tensor:
    """Return the matrices with all singular values moved close to one (Newton-Schulz).

    Parameters
    ----------
    matrices : Tensor of shape (n, rows, columns)
        A batch.
    steps : int, default 5
        Iterations.

    Examples
    --------
    >>> singular = torch.linalg.svdvals(orthogonalized(torch.randn(1, 8, 8)))
    >>> bool((singular < 1.3).all())
    True
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for 2-D weights.

    Parameters
    ----------
    params : iterable of Tensor
        Matrices.
    lr : float, default 0.02
        Learning rate; also the size of the change, since the updates are orthogonal.
    momentum : float, default 0.95
        Nesterov momentum.
    weight_decay : float, default 0.1
        Decoupled weight decay.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Take one step along the gradients."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape.setdefault(parameter.shape, []).append(parameter)
            for shape, parameters in by_shape.items():
                gradients = torch.stack([p.grad for p in parameters if p.grad is not None])
                state = self.state[parameters[0]]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(gradients)
                state["momentum"].lerp_(gradients, 1 - group["momentum"])
                ahead = gradients.lerp(state["momentum"], group["momentum"])
                rate = group["lr"] * max(1, shape[0] / shape[1]) ** 0.5
                for parameter, update in zip(parameters, orthogonalized(ahead), strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update, alpha=-rate)

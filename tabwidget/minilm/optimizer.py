"""Optimizers: Muon, the pairing with AdamW, and the EMA of a model's weights.

Muon (Keller Jordan et al., 2024) orthogonalizes the momentum of a weight matrix::

    M <- mu * M + (1 - mu) * G
    W <- (1 - lr * decay) * W - lr * sqrt(max(1, rows / columns)) * orth(mu * M + (1 - mu) * G)

``torch.optim.Muon`` computes in bfloat16, which CPUs do hundreds of times slower than float32, and
one matrix at a time; this one takes all matrices of a shape in one batched product, in their own
precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

__all__ = ["Muon", "ema_of", "optimizers_of", "orthogonalize", "warm_up"]

# Coefficients of the quintic iteration, tuned by its authors for the steepest slope at zero.
A, B, C = 3.4445, -4.7750, 2.0315


def orthogonalize(matrices: Tensor, steps: int = 5) -> Tensor:
    """Return the matrices with all singular values moved close to one.

    Newton-Schulz iteration ``X <- a X + b (X X^T) X + c (X X^T)^2 X`` from ``X = G / |G|``.

    Parameters
    ----------
    matrices : Tensor of shape (n, rows, columns)
        A batch of matrices.
    steps : int, default 5
        Number of iterations.

    Examples
    --------
    >>> singular = torch.linalg.svdvals(orthogonalize(torch.randn(1, 8, 8)))
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
        Learning rate: the norm of the update, since updates are orthogonal.
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
                for parameter, update in zip(parameters, orthogonalize(ahead), strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update, alpha=-rate)


def optimizers_of(
    model: nn.Module,
    blocks: nn.Module,
    *,
    learning_rate: float,
    matrix_learning_rate: float,
    weight_decay: float,
    muon: bool = True,
) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices of `blocks`, and AdamW for all other weights.

    Parameters
    ----------
    model, blocks : Module
        A model, and its part whose matrices are trained by Muon.
    learning_rate, matrix_learning_rate : float
        Learning rates of AdamW and of Muon.
    weight_decay : float
        Decoupled weight decay of both.
    muon : bool, default True
        False trains all weights by AdamW.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    >>> rates = {"learning_rate": 0.01, "matrix_learning_rate": 0.02, "weight_decay": 0.1}
    >>> [type(one).__name__ for one in optimizers_of(model, model[0], **rates)]
    ['Muon', 'AdamW']
    """
    matrices = [weight for weight in blocks.parameters() if weight.ndim == 2 and muon]
    taken = {id(weight) for weight in matrices}
    others = [weight for weight in model.parameters() if id(weight) not in taken]
    adamw = torch.optim.AdamW(
        others, learning_rate, betas=(0.9, 0.95), weight_decay=weight_decay, fused=True
    )
    if not matrices:
        return [adamw]
    return [Muon(matrices, matrix_learning_rate, weight_decay=weight_decay), adamw]


def warm_up() -> None:
    """Create an optimizer, since torch imports its compiler with the first one, for seconds.

    Examples
    --------
    >>> warm_up()
    """
    torch.optim.SGD([torch.zeros(1, requires_grad=True)])


def ema_of(model: nn.Module, decay: float) -> AveragedModel:
    """Return an exponential moving average (EMA) of a model's weights.

    After n updates the decay is ``min(decay, 1 - 1 / (n / 5 + 1))``: shorter at first, when the
    weights move fast.

    Examples
    --------
    >>> ema = ema_of(nn.Linear(2, 1), 0.97)
    >>> ema.update_parameters(nn.Linear(2, 1))
    """

    def update(kept: Sequence[Tensor], current: Sequence[Tensor], n: Tensor | int) -> None:
        share = min(decay, 1 - 1 / (int(n) / 5 + 1))
        torch._foreach_lerp_(list(kept), list(current), 1 - share)

    return AveragedModel(model, multi_avg_fn=update)

"""The weight of each column in the training loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["column_weights"]

MIN_ENTROPY = 0.05  # nats, so that a nearly constant column does not dominate


def column_weights(codes: Tensor, targets: Sequence[int], min_share: float) -> Tensor:
    """Return the weight of each column's cells, mean 1.

    A column's weight is the inverse of its entropy, or a number with many values would outweigh a
    label with two; the targets together have at least `min_share`. A constant column has none.

    Parameters
    ----------
    codes : int64 Tensor of shape (n_rows, n_columns)
        Indices into the support of each column, -1 if missing.
    targets : sequence of int
        Target columns.
    min_share : float
        Minimum share of the targets in the sum of the weights.

    Examples
    --------
    >>> codes = torch.tensor([[0, 0, 0], [1, 0, 1], [2, 0, 0], [3, 0, 1]])
    >>> [round(weight, 2) for weight in column_weights(codes, [0], min_share=0.5).tolist()]
    [1.5, 0.0, 1.5]
    """
    entropy = torch.tensor([_entropy(column) for column in codes.T])
    varied = entropy > 0
    weights = torch.where(varied, 1 / entropy.clamp_min(MIN_ENTROPY), 0.0)
    weights = weights / weights.sum().clamp_min(1e-9)
    is_target = torch.zeros(len(entropy), dtype=torch.bool)
    is_target[list(targets)] = True
    is_target &= varied
    share = float(weights[is_target].sum())
    if 0 < share < min_share:
        weights = torch.where(
            is_target, weights * min_share / share, weights * (1 - min_share) / (1 - share)
        )
    return weights * len(weights)


def _entropy(codes: Tensor) -> float:
    """Return the entropy of the codes present, in nats: ``-sum(p * log(p))``."""
    counts = torch.bincount(codes[codes >= 0]).double()
    share = counts[counts > 0] / counts.sum()
    return float(-(share * share.log()).sum())

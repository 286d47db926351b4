"""Log-likelihood of the true answers to query rows, finer than the bins of the model.

Shapes: B tables, N context rows, Q query rows, K bins or levels.

A number is scored by the probability of the interval of context ranks [low, high] that it falls
into: one context row wide, or as wide as its ties, and at least 1/256. A bin's probability is
spread evenly over the bin, and the normal component is integrated over the interval; so a normal
narrower than a bin earns a lower loss where it is right::

    p = (1 - c) p_bin min(1, K (high - low)) + c (cdf(z(high)) - cdf(z(low)))
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from tabwidget.backends.pretrained.features import N_ANSWERS, Features, encode, rank_bins
from tabwidget.backends.pretrained.model import InContextModel, Mixture
from tabwidget.backends.pretrained.synthetic import SyntheticTables

__all__ = [
    "bin_log_likelihood",
    "features_of",
    "log_likelihood",
    "mixed",
    "normal_log_mass",
    "rank_intervals",
]

BINS = N_ANSWERS["number"]
MIN_INTERVAL = 1 / 256
OPEN = 30.0  # end of an open interval of normal scores


def rank_intervals(context: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
    """Return the intervals of context ranks, from 0 to 1, that numbers fall into.

    Parameters
    ----------
    context : Tensor of shape (B, N)
        Numbers of the context rows.
    queries : Tensor of shape (B, Q)
        Numbers to rank among them.

    Returns
    -------
    low, high : Tensor of shape (B, Q)

    Examples
    --------
    >>> context = torch.tensor([[1.0, 2.0, 2.0, 3.0]])
    >>> low, high = rank_intervals(context, torch.tensor([[0.0, 2.0]]))
    >>> low.tolist(), high.tolist()
    ([[0.0, 0.25]], [[0.25, 0.75]])
    """
    count = context.shape[1]
    ordered = context.sort(1)[0]
    below = torch.searchsorted(ordered, queries.contiguous()).float()
    through = torch.searchsorted(ordered, queries.contiguous(), right=True).float()
    width = ((through - below).clamp_min(1.0) / count).clamp_min(MIN_INTERVAL)
    middle = (below + through) / (2 * count)
    middle = torch.minimum(torch.maximum(middle, width / 2), 1 - width / 2)
    return middle - width / 2, middle + width / 2


def features_of(tables: SyntheticTables, n_context: int, vectors: Tensor) -> Features:
    """Return what the model reads of synthetic tables."""
    # Sums over rows and Cholesky factors need all digits.
    with torch.no_grad(), torch.autocast(tables.numbers.device.type, enabled=False):
        features, _ = encode(
            tables.numbers,
            tables.codes,
            tables.is_number,
            tables.known,
            tables.target,
            n_context,
            tables.kind,
            vectors,
        )
    return features


def log_likelihood(
    tables: SyntheticTables, n_context: int, model: InContextModel, vectors: Tensor
) -> tuple[Tensor, Tensor]:
    """Return log-probabilities [B, Q] of the true answers, by the model and by the marginal.

    Parameters
    ----------
    tables : SyntheticTables
        Tables whose first rows are the context.
    n_context : int
        Number of context rows.
    model : InContextModel
        The model.
    vectors : Tensor of shape (B, D, 12)
        Random column vectors.
    """
    features = features_of(tables, n_context, vectors)
    context, truth = tables.target[:, :n_context], tables.target[:, n_context:]
    if tables.kind == "levels":
        log_p = cast(Tensor, model(features))
        return _at(log_p, truth), _at(features.statistics.log_shares[:, None], truth)
    mixture = model.mixture(features)
    assert mixture.normal_gate is not None
    assert mixture.mean is not None
    assert mixture.std is not None
    low, high = rank_intervals(context, truth)
    from_bins, marginal = bin_log_likelihood(features, mixture, low, high)
    normal = normal_log_mass(low, high, mixture.mean, mixture.std)
    return mixed(from_bins, normal, mixture.normal_gate[..., 0]), marginal


def bin_log_likelihood(
    features: Features, mixture: Mixture, low: Tensor, high: Tensor
) -> tuple[Tensor, Tensor]:
    """Return log-probabilities [B, Q] of intervals by the bins alone, and by the context's bins."""
    bins = rank_bins((low + high) / 2, BINS)
    share = ((high - low) * BINS).clamp(max=1.0).log()
    log_p = mixture.log_probs(features.answers.codes, normal=False)
    return _at(log_p, bins) + share, _at(features.statistics.log_shares[:, None], bins) + share


def mixed(from_bins: Tensor, normal: Tensor, gate: Tensor) -> Tensor:
    """Return the log-probabilities of the mixture of bins and normal component."""
    bins, gated = from_bins + F.logsigmoid(-gate), normal + F.logsigmoid(gate)
    return torch.logaddexp(bins, gated)


def _at(log_p: Tensor, index: Tensor) -> Tensor:
    """Return log_p [B, Q or 1, K] at an index [B, Q]."""
    return log_p.expand(-1, index.shape[1], -1).gather(2, index[..., None])[..., 0]


def normal_log_mass(low: Tensor, high: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return the log-probability that a normal score falls between two ranks.

    Examples
    --------
    >>> ranks = torch.tensor([0.0, 0.5]), torch.tensor([0.5, 0.6])
    >>> mass = normal_log_mass(*ranks, torch.zeros(2), torch.ones(2)).exp()
    >>> [round(float(one), 3) for one in mass]
    [0.5, 0.1]
    """
    # The outermost intervals are open; finite, since an infinity has no gradient.
    low = torch.special.ndtri(low.clamp(1e-4, 1)).masked_fill(low < 1e-4, -OPEN)
    high = torch.special.ndtri(high.clamp(0, 1 - 1e-4)).masked_fill(high > 1 - 1e-4, OPEN)
    below, above = (low - mean) / std, (high - mean) / std
    # In the upper half the difference of two numbers near one would lose its digits.
    upper = below > 0
    below, above = torch.where(upper, -above, below), torch.where(upper, -below, above)
    difference = torch.special.ndtr(above) - torch.special.ndtr(below)
    return difference.clamp_min(1e-7).log()

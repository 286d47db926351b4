"""Pool weights: how much each member counts in the answer about a column.

The pooled answer is a mixture, ``p = sum of w_m p_m``, with weights of at least 0 that sum to 1.
They are chosen per column by the loss of rows that no member has seen, once with all other cells
known and once with half of them, and interpolated in between. With nothing known the first member,
the pretrained model, counts alone: it then gives exactly the shares of the table.

Shapes: M members, C columns, n rows, S support.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tabwidget._typing import Floats, Ints

__all__ = ["KNOWN_SHARES", "PoolWeights", "best_weights", "log_loss"]

KNOWN_SHARES = (0.5, 1.0)  # of the other cells, at which weights are chosen
STEP = 0.1  # between candidate weights
PRIOR_ROWS = 2.0  # rows' worth of evidence for the first member alone
MIN_PROBABILITY = 1e-6


@dataclass(frozen=True)
class PoolWeights:
    """The weights of the members.

    Attributes
    ----------
    at : ndarray of shape (len(KNOWN_SHARES), C, M)
        Weights of each column at each share of known cells.
    """

    at: Floats

    @classmethod
    def of_first(cls, n_columns: int, n_members: int) -> PoolWeights:
        """Return weights by which the first member counts alone.

        Examples
        --------
        >>> PoolWeights.of_first(1, 2).of(np.array([0]), np.array([0.8])).tolist()
        [[1.0, 0.0]]
        """
        at = np.zeros((len(KNOWN_SHARES), n_columns, n_members))
        at[..., 0] = 1.0
        return cls(at)

    def of(self, targets: Ints, shares: Floats) -> Floats:
        """Return the weights of each row, shape ``(n, M)``.

        Parameters
        ----------
        targets : ndarray of int of shape (n,)
            Target column of each row.
        shares : ndarray of shape (n,)
            Share of the other cells that each row knows.
        """
        nothing = np.zeros((1, *self.at.shape[1:]))
        nothing[..., 0] = 1.0
        knots = np.concatenate([nothing, self.at])
        places = np.array([0.0, *KNOWN_SHARES])
        after = np.clip(np.searchsorted(places, shares), 1, len(places) - 1)
        part = (shares - places[after - 1]) / (places[after] - places[after - 1])
        before, behind = knots[after - 1, targets], knots[after, targets]
        return before + part[:, None] * (behind - before)


def best_weights(predictions: Sequence[Floats], codes: Ints, distances: Floats | None) -> Floats:
    """Return the weights of the mixture with the lowest loss, shape ``(M,)``.

    The loss is the log-loss for levels, and the continuous ranked probability score for numbers.
    A prior of `PRIOR_ROWS` rows prefers the first member: the others have to earn their weight.

    Parameters
    ----------
    predictions : sequence of ndarray of shape (n, S)
        Probabilities by each member.
    codes : ndarray of int of shape (n,)
        Support index of the true value.
    distances : ndarray of shape (S - 1,) or None
        Distances between the support values of a number; None for levels.

    Examples
    --------
    >>> good, bad = np.array([[0.9, 0.1]] * 50), np.array([[0.1, 0.9]] * 50)
    >>> best_weights([good, bad], np.zeros(50, dtype=int), None).tolist()
    [1.0, 0.0]
    """
    stacked = np.stack(predictions)
    n_members, n = len(stacked), len(codes)
    alone = np.eye(n_members)[0]
    if not n:
        return alone
    losses = {}
    for weights in _candidates(n_members):
        mixed = np.einsum("m,mns->ns", np.array(weights), stacked)
        losses[weights] = (
            log_loss(mixed, codes) if distances is None else _crps(mixed, codes, distances)
        )
    # Nats need no unit; a CRPS counts in shares of the lowest one.
    unit = 1.0 if distances is None else max(min(losses.values()), 1e-12)
    penalized = {
        weights: loss / unit + PRIOR_ROWS / n * float(((np.array(weights) - alone) ** 2).sum())
        for weights, loss in losses.items()
    }
    return np.array(min(penalized, key=penalized.__getitem__))


def log_loss(probabilities: Floats, codes: Ints) -> float:
    """Return the mean negative log-probability of the true values, in nats.

    Examples
    --------
    >>> round(log_loss(np.array([[0.5, 0.5]]), np.array([0])), 3)
    0.693
    """
    chosen = probabilities[np.arange(len(codes)), codes]
    return float(-np.log(np.maximum(chosen, MIN_PROBABILITY)).mean())


def _crps(probabilities: Floats, codes: Ints, distances: Floats) -> float:
    """Return the mean of ``sum over s of distance_s * (F_s - [true value <= s])^2``."""
    below = probabilities.cumsum(1)[:, :-1]
    step = codes[:, None] <= np.arange(len(distances))
    return float(((below - step) ** 2 @ distances).mean())


def _candidates(n_members: int) -> list[tuple[float, ...]]:
    """Return all weights on a grid that sum to one."""
    n = round(1 / STEP)
    counts = itertools.product(range(n + 1), repeat=n_members)
    return [tuple(c / n for c in count) for count in counts if sum(count) == n]

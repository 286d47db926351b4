"""What probabilities say of numbers: the spread within bins, and the shares of few candidates."""

from __future__ import annotations

import numpy as np

from tabwidget._typing import Floats
from tabwidget.inference.distribution import Distribution
from tabwidget.table import Column

__all__ = ["nearest_shares", "variance_within"]


def variance_within(column: Column) -> Floats:
    """Return the variance inside each bin, where the probability is spread evenly."""
    if column.edges is None:
        return np.zeros(len(column.grid))
    return np.diff(column.edges) ** 2 / 12


def nearest_shares(column: Column, chosen: Floats) -> Floats:
    """Return how much of each value of the support is nearest to each candidate.

    Shape ``(len(support), len(chosen))``; rows sum to one. What lies halfway between two
    candidates counts for the lower one.
    """
    halfway = (chosen[1:] + chosen[:-1]) / 2
    each = [Distribution(column, one).cdf(halfway) for one in np.eye(len(column.grid))]
    return np.diff(np.stack(each), prepend=0.0, append=1.0, axis=1)

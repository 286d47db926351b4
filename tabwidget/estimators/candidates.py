"""Binned distributions: the variance within bins, and their mass nearest to few candidates."""

from __future__ import annotations

import numpy as np

from tabwidget._typing import Floats
from tabwidget.inference.distribution import Distribution
from tabwidget.table import Column

__all__ = ["nearest_shares", "variance_within"]


def variance_within(column: Column) -> Floats:
    """Return the variance within each bin of a column: width² / 12, that of a uniform density."""
    if column.edges is None:
        return np.zeros(len(column.grid))
    return np.diff(column.edges) ** 2 / 12


def nearest_shares(column: Column, chosen: Floats) -> Floats:
    """Return the share of each value's probability that is nearest to each candidate.

    Shape ``(len(support), len(chosen))``; rows sum to one. A point halfway between two
    candidates belongs to the lower one.
    """
    halfway = (chosen[1:] + chosen[:-1]) / 2
    cdfs = [Distribution(column, one).cdf(halfway) for one in np.eye(len(column.grid))]
    return np.diff(np.stack(cdfs), prepend=0.0, append=1.0, axis=1)

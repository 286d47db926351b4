"""Bins for a number with many distinct values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Floats

__all__ = ["Bins", "bins_of"]


# Bins of about equal counts; more of them would dominate the loss of the other columns.
N_EVEN, N_EVEN_LARGE = 24, 40
# Additional bins where values are far apart, as in the tails.
N_WIDE, N_WIDE_LARGE = 8, 24
LARGE = 400  # rows; longer columns use the second number of each pair
MIN_ROWS = 10  # in each part of a wide bin that is split


@dataclass(frozen=True)
class Bins:
    """The bins of a number.

    Attributes
    ----------
    edges : ndarray of float, increasing, one more than bins
        A number equal to an edge is in the bin above.
    means : ndarray of float
        Mean of the numbers in each bin.
    atoms : ndarray of bool
        Bins that hold a single value, frequent enough for a bin of its own.
    """

    edges: Floats
    means: Floats
    atoms: NDArray[np.bool_]


def bins_of(numbers: Floats, *, integer: bool) -> Bins:
    """Return bins of about equal counts, with narrower ones where values are far apart.

    Parameters
    ----------
    numbers : ndarray of float
        None missing; more distinct ones than bins.
    integer : bool
        Whether they are integers; edges are then half-integers.

    Examples
    --------
    >>> bins = bins_of(np.array([0.0] * 50 + [*range(1, 51)]) / 10, integer=False)
    >>> bool(bins.atoms[0]), float(bins.means[0])
    (True, 0.0)
    """
    values, counts = np.unique(numbers, return_counts=True)
    large = len(numbers) > LARGE
    n_even = N_EVEN_LARGE if large else N_EVEN
    below = np.concatenate([[0], counts.cumsum()])
    ranks = np.ceil(np.linspace(0, len(numbers) - 1, n_even + 1)[1:-1])
    cuts = np.searchsorted(below[1:], ranks, side="right")
    heavy = np.flatnonzero(counts > len(numbers) / n_even)
    cuts = np.unique(np.concatenate([[0, len(values)], cuts, heavy, heavy + 1]))
    cuts = _with_wide(cuts, values, counts, N_WIDE_LARGE if large else N_WIDE)
    alone = np.isin(cuts[:-1], heavy) & (np.diff(cuts) == 1)
    edges = _edges(values, cuts, alone, integer)
    mass = np.add.reduceat(counts, cuts[:-1])
    means = np.add.reduceat(values / len(numbers) * counts, cuts[:-1]) / (mass / len(numbers))
    # A rounding error must not move a mean into the next bin.
    means = np.where(np.diff(cuts) == 1, values[cuts[:-1]], means)
    means = np.clip(means, edges[:-1], np.nextafter(edges[1:], -np.inf))
    return Bins(edges, means, alone)


def _with_wide(
    cuts: NDArray[np.int64], values: Floats, counts: NDArray[np.int64], n_splits: int
) -> NDArray[np.int64]:
    """Split `n_splits` times the bin with the largest sum of squared deviations, at its mean."""
    scale = max(float(np.abs(values).max()), 1e-300)
    x = values / scale
    rows = np.concatenate([[0], counts.cumsum()])
    sums = np.concatenate([[0], (counts * x).cumsum()])
    squares = np.concatenate([[0], (counts * x * x).cumsum()])
    found = cuts.tolist()
    for _ in range(n_splits):
        low, high = np.array(found[:-1]), np.array(found[1:])
        n, total = rows[high] - rows[low], sums[high] - sums[low]
        deviations = squares[high] - squares[low] - total**2 / n
        middle = np.searchsorted(x, total / n, side="right").clip(low, high)
        enough = np.minimum(rows[middle] - rows[low], rows[high] - rows[middle]) >= MIN_ROWS
        if not enough.any():
            break
        at = int(np.where(enough, deviations, -1).argmax())
        found.insert(at + 1, int(middle[at]))
    return np.array(found)


def _edges(
    values: Floats, cuts: NDArray[np.int64], alone: NDArray[np.bool_], integer: bool
) -> Floats:
    """Return edges between the values on either side of each cut."""
    left, right = values[cuts[1:-1] - 1], values[cuts[1:-1]]
    if integer:
        between = np.where(alone[:-1], left, right - 1) + 0.5
        return np.concatenate([[values[0] - 0.5], between, [values[-1] + 0.5]])
    # The bin of an atom is too narrow for any other number.
    narrow = (right - left) * 1e-6
    between = np.where(alone[:-1], left + narrow, np.where(alone[1:], right - narrow, right))
    between = np.clip(between, np.nextafter(left, np.inf), right)
    ends = np.array([values[0], values[-1]])
    gap = np.array([values[1] - values[0], values[-1] - values[-2]]) * 1e-6
    if alone[0]:
        ends[0] = min(values[0] - gap[0], np.nextafter(values[0], -np.inf))
    if alone[-1]:
        ends[1] = max(values[-1] + gap[1], np.nextafter(values[-1], np.inf))
    return np.concatenate([ends[:1], between, ends[1:]])

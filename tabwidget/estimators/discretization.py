"""Discretization: the candidate values of a number, and their reduction to one number."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tabwidget._typing import Floats
from tabwidget.config import DiscretizationConfig

__all__ = ["candidates", "collapsed"]


def candidates(values: ArrayLike, config: DiscretizationConfig) -> Floats:
    """Return the candidates of a numeric column, which are observed values.

    The distinct values are partitioned, and each non-empty part is represented by one of its
    values. With at least as many parts as distinct values, all of them are returned.

    Parameters
    ----------
    values : array-like of float of shape (n_cells,)
        The column's cells; missing and infinite ones are ignored.
    config : DiscretizationConfig
        Number and kind of the parts, and their representative, which is always an observed
        value: the lower median, or the value nearest to the mean.

    Returns
    -------
    ndarray of float of shape (n_candidates,)
        Increasing; at most `config.bins`. Empty if `config.bins` is 0, which is off.

    Examples
    --------
    >>> cells = [1, 1, 2, 3, 5, 8, 13, 21]
    >>> candidates(cells, DiscretizationConfig(bins=2)).tolist()
    [1.0, 8.0]
    >>> candidates(cells, DiscretizationConfig(bins=2, strategy="uniform")).tolist()
    [2.0, 13.0]
    >>> candidates(cells, DiscretizationConfig(bins=1.0)).tolist()
    [1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0]
    """
    config.validate()
    cells = np.asarray(values, dtype=np.float64).ravel()
    distinct, counts = np.unique(cells[np.isfinite(cells)], return_counts=True)
    if not config.bins:
        return distinct[:0]
    n_parts = int(config.bins)
    if not isinstance(config.bins, Integral):
        n_parts = max(1, round(config.bins * len(distinct)))
    if n_parts >= len(distinct):
        return distinct
    return np.array(
        [
            _representative(distinct[part], counts[part], config.representative)
            for part in _parts(distinct, counts, n_parts, config.strategy)
        ]
    )


def collapsed(
    probabilities: ArrayLike, candidates: ArrayLike, estimate: Literal["mean", "mode"] = "mean"
) -> Floats:
    """Return one number per row from the probabilities of the candidates.

    Parameters
    ----------
    probabilities : array-like of float of shape (n_rows, n_candidates)
        Rows sum to one.
    candidates : array-like of float of shape (n_candidates,)
        The candidates; increasing, at least one.
    estimate : {"mean", "mode"}, default "mean"
        The mean, or the most likely candidate (the smallest of several).

    Returns
    -------
    ndarray of float of shape (n_rows,)
        Between the first and the last candidate.

    Examples
    --------
    >>> collapsed([[0.5, 0.5], [0.25, 0.75]], [0.0, 8.0]).tolist()
    [4.0, 6.0]
    >>> collapsed([[0.5, 0.5], [0.25, 0.75]], [0.0, 8.0], "mode").tolist()
    [0.0, 8.0]
    """
    p, numbers = np.asarray(probabilities, np.float64), np.asarray(candidates, np.float64)
    if estimate == "mode":
        return np.asarray(numbers[p.argmax(axis=1)])
    # Relative to the first candidate: probabilities whose sum is not exactly one would shift a
    # mean far from zero.
    mean = numbers[0] + p @ (numbers - numbers[0])
    return np.asarray(mean.clip(numbers[0], numbers[-1]))


def _parts(
    distinct: Floats, counts: NDArray[np.int64], n_parts: int, strategy: str
) -> Iterator[slice]:
    """Yield the non-empty parts of the distinct values, from the lowest."""
    if strategy == "uniform":
        place = (distinct - distinct[0]) / (distinct[-1] - distinct[0])
    else:
        # All cells of a value are in one part: that of their middle cell.
        place = (counts.cumsum() - counts / 2) / counts.sum()
    part = np.minimum(place * n_parts, n_parts - 1).astype(np.int64)
    edges = np.flatnonzero(np.diff(part, prepend=-1, append=n_parts))
    for start, stop in itertools.pairwise(edges):
        yield slice(start, stop)


def _representative(distinct: Floats, counts: NDArray[np.int64], kind: str) -> float:
    """Return the distinct value that represents a part."""
    if kind == "mode":
        return float(distinct[counts.argmax()])
    if kind == "median":
        return float(distinct[np.searchsorted(counts.cumsum(), counts.sum() / 2)])
    mean = np.average(distinct, weights=counts)
    return float(distinct[np.abs(distinct - mean).argmin()])

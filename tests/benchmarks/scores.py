"""Scores of predicted distributions: CRPS, quantiles and calibration error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from tabwidget.table import Column

__all__ = [
    "calibration_error",
    "crps",
    "cumulative",
    "gaussian_crps",
    "quantiles",
    "uniformity_error",
]

Floats = NDArray[np.float64]

BINS = 15
LEVELS = np.arange(1, 20) / 20  # where the cumulative probabilities are checked


def crps(column: Column, probabilities: Floats, truth: Floats) -> Floats:
    """Return the continuous ranked probability score of each row: the integral of (F - step)².

    Parameters
    ----------
    column : Column
        A number column; density is constant within bins, and listed values are points.
    probabilities : ndarray of shape (n_rows, len(column.support))
        Probabilities of the support for each row.
    truth : ndarray of shape (n_rows,)
        True values, in the unit of the column and of the score.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table import Table
    >>> column = Table(pd.DataFrame({"x": [1, 2, 4]})).schema["x"]
    >>> crps(column, np.array([[0.5, 0.5, 0.0]]), np.array([2.0])).tolist()
    [0.25]
    """
    total = np.pad(probabilities.cumsum(1), [(0, 0), (1, 0)])
    if column.edges is None:
        ends, low, high = column.grid, total[:, 1:-1], total[:, 1:-1]
    else:
        ends, low, high = column.edges, total[:, :-1], total[:, 1:]
    left, right = ends[:-1], ends[1:]
    # An interval that contains the truth is split there.
    cut = np.clip(truth[:, None], left, right)
    at_cut = low + (high - low) * (cut - left) / (right - left)
    below = (cut - left) * _mean_square(low, at_cut)
    above = (right - cut) * _mean_square(1 - at_cut, 1 - high)
    beyond = np.maximum(0, ends[0] - truth) + np.maximum(0, truth - ends[-1])
    return (below + above).sum(1) + beyond


def gaussian_crps(mean: Floats, std: float, truth: Floats) -> Floats:
    """Return the CRPS of normal distributions with one standard deviation.

    Examples
    --------
    >>> gaussian_crps(np.zeros(1), 1.0, np.zeros(1)).round(4).tolist()
    [0.2337]
    """
    if std <= 0:
        return np.abs(truth - mean)
    z = (truth - mean) / std
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return std * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))


def quantiles(column: Column, probabilities: Floats, share: float) -> Floats:
    """Return the quantile of each row, as `Distribution.quantile`."""
    total = probabilities.cumsum(1)
    index = (total < share - 1e-12).sum(1).clip(max=probabilities.shape[1] - 1)
    if column.edges is None:
        return column.grid[index]
    own = probabilities[np.arange(len(index)), index]
    before = total[np.arange(len(index)), index] - own
    part = np.clip((share - before) / np.maximum(own, 1e-300), 0, 1)
    return column.edges[index] + part * np.diff(column.edges)[index]


def calibration_error(confidence: Floats, right: Floats) -> float:
    """Return the expected calibration error over equally filled bins.

    Parameters
    ----------
    confidence : ndarray of shape (n_rows,)
        Probability of the most likely label.
    right : ndarray of shape (n_rows,)
        1 where that label is correct, otherwise 0.

    Examples
    --------
    >>> calibration_error(np.full(30, 0.5), np.tile([0.0, 1.0], 15))
    0.0
    """
    order = confidence.argsort(kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    gaps = [abs(confidence[part].mean() - right[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(order))


def cumulative(
    column: Column, probabilities: Floats, truth: Floats, rng: np.random.Generator
) -> Floats:
    """Return the cumulative probability of each row's true value, uniform if calibrated.

    A value with a probability of its own gets a random part of it.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table import Table
    >>> column = Table(pd.DataFrame({"x": [1, 2, 4]})).schema["x"]
    >>> rng = np.random.default_rng(0)
    >>> found = cumulative(column, np.array([[0.5, 0.5, 0.0]]), np.array([2.0]), rng)
    >>> bool(0.5 <= found[0] <= 1)
    True
    """
    total = np.pad(probabilities.cumsum(1), [(0, 0), (1, 0)])
    rows = np.arange(len(truth))
    if column.edges is None:
        low = total[rows, np.searchsorted(column.grid, truth, side="left")]
        high = total[rows, np.searchsorted(column.grid, truth, side="right")]
        return low + rng.random(len(truth)) * (high - low)
    index = np.searchsorted(column.edges, truth, side="right") - 1
    index = index.clip(0, probabilities.shape[1] - 1)
    left, right = column.edges[index], column.edges[index + 1]
    part = np.clip((truth - left) / np.maximum(right - left, 1e-300), 0, 1)
    return total[rows, index] + part * probabilities[rows, index]


def uniformity_error(cumulative: Floats) -> float:
    """Return the mean distance of cumulative probabilities' shares from the uniform ones.

    Parameters
    ----------
    cumulative : ndarray of shape (n_rows,)
        Predicted probability of at most the true value.

    Examples
    --------
    >>> uniformity_error(np.linspace(0, 1, 1001)) < 0.001, round(uniformity_error(np.ones(9)), 3)
    (True, 0.5)
    """
    shares = (cumulative[:, None] <= LEVELS).mean(0)
    return float(np.abs(shares - LEVELS).mean())


def _mean_square(start: Floats, end: Floats) -> Floats:
    """Return the mean square of a linear function from `start` to `end`."""
    return (start**2 + start * end + end**2) / 3

"""Moments of a table with missing cells: means, scales and a shrunk covariance of its features.

Shapes: B rows, C columns, F features (numbers, and indicators of frequent levels). The covariance
maximizes the likelihood of the present cells by EM, and is shrunk towards independence::

    Sigma_s = (1 - s) * Sigma + s * diag(Sigma)     s by the likelihood of the validation rows
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tabwidget._typing import Floats
from tabwidget.backends.minilm.relevance import frequent_levels
from tabwidget.minilm.gaussian_prior import MAX_DEVIATION, Moments
from tabwidget.table import Column

__all__ = ["covariances_of", "moments_of"]

Mask = NDArray[np.bool_]

MAX_ROWS = 20_000  # sampled for the covariance
MAX_WORK = 50_000_000  # per EM iteration: distinct patterns of missing cells, times F cubed
MAX_BLOCK = 2_000_000  # numbers in the matrices of a block
ITERATIONS = 10  # of EM, from the pairwise covariance
FOLD_ITERATIONS = 3  # of EM, from the covariance of nearly the same rows
SHRINKAGES = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 0.6)


def moments_of(rows: Floats, columns: Sequence[Column]) -> Moments:
    """Return the moments of a table.

    Parameters
    ----------
    rows : ndarray of shape (B, C)
        Cells as numbers, NaN where missing.
    columns : sequence of Column
        The columns of `rows`.
    """
    rows = rows[:: max(1, len(rows) // MAX_ROWS)]
    owner, level = _features(rows, columns)
    x = rows[:, owner]
    present = np.isfinite(x)
    x = np.where(level < 0, x, x == level)
    counts = np.maximum(present.sum(0), 1)
    mean = np.where(present, x, 0).sum(0) / counts
    centred = np.where(present, x - mean, 0)
    scale = np.sqrt((centred**2).sum(0) / counts)
    scale = np.where(scale > 1e-12 * (1 + np.abs(mean)), scale, 1.0)
    x, weights = np.clip(centred / scale, -MAX_DEVIATION, MAX_DEVIATION), present.astype(np.float64)
    covariance = _shrunk(_covariance(x.T @ x, weights.T @ weights), SHRINKAGES[0])
    return Moments(
        owner=torch.from_numpy(owner),
        level=torch.from_numpy(level),
        mean=torch.from_numpy(mean),
        scale=torch.from_numpy(scale),
        covariance=torch.from_numpy(covariance).float(),
    )


def covariances_of(
    features: Tensor,
    present: Tensor,
    fold: Tensor,
    validation: Tensor,
    validation_present: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the covariance of training rows, and those of all but each of their folds.

    Maximum likelihood with missing cells (EM, Dempster, Laird and Rubin 1977), shrunk towards
    independence by the likelihood of the validation rows.

    Parameters
    ----------
    features : Tensor of shape (B, F)
        Standardized features of the training rows, zero where missing.
    present : bool Tensor of shape (B, F)
        False where a feature is missing.
    fold : int64 Tensor of shape (B,)
        Fold of each training row.
    validation, validation_present : Tensor of shape (n_validation, F)
        The same for the validation rows.

    Returns
    -------
    Tensor of shape (F, F), Tensor of shape (n_folds, F, F)
    """
    n_folds = int(fold.max()) + 1
    # A sample of many rows takes equally many of each fold.
    kept = torch.arange(len(features)) // n_folds % max(1, len(features) // MAX_ROWS) == 0
    x, mask, folds = features[kept].double().numpy(), present[kept].numpy(), fold[kept].numpy()
    x_validation = validation[:MAX_ROWS].double().numpy()
    mask_validation = validation_present[:MAX_ROWS].numpy()
    covariance = _max_likelihood(x, mask)
    log_densities = [
        _log_density(x_validation, mask_validation, _shrunk(covariance, share))
        for share in SHRINKAGES
    ]
    share = SHRINKAGES[int(np.argmax(log_densities))]
    leave_fold_out = [
        _shrunk(_max_likelihood(x[folds != k], mask[folds != k], covariance), share)
        for k in range(n_folds)
    ]
    return (
        torch.from_numpy(_shrunk(covariance, share)).float(),
        torch.from_numpy(np.stack(leave_fold_out)).float(),
    )


def _features(
    rows: Floats, columns: Sequence[Column]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the column of each feature, and its level or -1."""
    owner: list[int] = []
    level: list[int] = []
    for index, column in enumerate(columns):
        levels = [-1] if column.is_number else frequent_levels(rows[:, index], column).tolist()
        owner += [index] * len(levels)
        level += levels
    return np.array(owner, dtype=np.int64), np.array(level, dtype=np.int64)


def _covariance(products: Floats, pairs: Floats) -> Floats:
    """Return the pairwise covariance: each entry over the rows that have both features."""
    covariance: Floats = products / np.maximum(pairs, 1)
    # A feature never present gets unit variance.
    variance = np.where(np.diag(pairs) > 0, np.maximum(np.diag(covariance), 1e-6), 1.0)
    np.fill_diagonal(covariance, variance)
    return covariance


def _shrunk(covariance: Floats, share: float) -> Floats:
    """Return the covariance shrunk towards its diagonal, made positive definite."""
    mixed = (1 - share) * covariance + share * np.diag(np.diag(covariance))
    # Pairs over different rows need not form a positive definite matrix.
    values, vectors = np.linalg.eigh(mixed)
    return (vectors * np.maximum(values, 1e-4)) @ vectors.T


def _max_likelihood(x: Floats, mask: Mask, start: Floats | None = None) -> Floats:
    """Return the covariance of maximum likelihood, by EM from `start` or from the pairs.

    With the present features p and the missing m of a row::

        E-step:  z_m = Sigma_mp Sigma_pp^-1 z_p,  R = Sigma_mm - Sigma_mp Sigma_pp^-1 Sigma_pm
        M-step:  Sigma = mean over rows of (z z^T + R)
    """
    covariance = _covariance(x.T @ x, mask.T.astype(np.float64) @ mask)
    size = len(covariance)
    affordable = MAX_WORK // size**3
    if mask.all() or affordable < 2 * size:
        return covariance
    step = -(-len(np.unique(mask, axis=0)) // affordable)
    x, mask = x[::step], mask[::step]
    covariance = _shrunk(covariance if start is None else start, SHRINKAGES[1])
    for _ in range(ITERATIONS if start is None else FOLD_ITERATIONS):
        total = np.zeros_like(covariance)
        for z, present, which in _blocks(x, mask):
            pairs, missing = present[:, :, None] * present[:, None, :], 1 - present
            inverse = np.linalg.inv(covariance * pairs + _diagonal(missing))
            regression = covariance * missing[:, :, None] * present[:, None, :] @ inverse
            filled = z + (regression[which] @ z[:, :, None])[:, :, 0]
            residual = covariance * missing[:, :, None] * missing[:, None, :]
            residual -= regression @ (covariance * present[:, :, None] * missing[:, None, :])
            total += filled.T @ filled + np.tensordot(np.bincount(which), residual, 1)
        covariance = _shrunk(total / len(x), SHRINKAGES[1])
    return covariance


def _log_density(x: Floats, mask: Mask, covariance: Floats) -> float:
    """Return the mean log-density of the present features of a row, up to a constant.

    ``-|L^-1 z|^2 / 2 - sum(log(L_ii))`` for the Cholesky factor L of their covariance.
    """
    total = 0.0
    for z, present, which in _blocks(x, mask):
        pairs = present[:, :, None] * present[:, None, :]
        root = np.linalg.cholesky(covariance * pairs + _diagonal(1 - present))
        if len(root) == 1:
            whitened = np.linalg.solve(root[0], z.T)
        else:
            whitened = np.linalg.solve(root[which], z[:, :, None])
        logs = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(1)
        total -= 0.5 * float((whitened**2).sum()) + float(logs[which].sum())
    return total / len(x)


def _blocks(x: Floats, mask: Mask) -> Iterator[tuple[Floats, Floats, NDArray[np.int64]]]:
    """Yield blocks of rows, the distinct patterns of their present features, and each row's.

    Missing features count as independent of the present ones, so that one matrix serves all rows
    of a pattern.
    """
    size = max(1, MAX_BLOCK // x.shape[1] ** 2)
    order = np.lexsort(mask.T)
    for start in range(0, len(x), size):
        rows = order[start : start + size]
        patterns, which = np.unique(mask[rows], axis=0, return_inverse=True)
        yield np.where(mask[rows], x[rows], 0), patterns.astype(np.float64), which


def _diagonal(values: Floats) -> Floats:
    return values[:, :, None] * np.eye(values.shape[1])

"""Moments: means and covariance of a table's cells, missing ones left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tabwidget.backends.relevance import frequent_levels
from tabwidget.minilm.gaussian import FAR, Moments
from tabwidget.table import Column

__all__ = ["covariances_of", "moments_of"]

Floats = NDArray[np.float64]

MAX_ROWS = 20_000  # that the covariance is of
SHRINKAGES = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 0.6)


def moments_of(rows: Floats, columns: Sequence[Column]) -> Moments:
    """Return the moments of a table.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
        Cells as numbers, NaN where absent.
    columns : sequence of Column
        What they are.
    """
    rows = rows[:: max(1, len(rows) // MAX_ROWS)]
    owner, level = _laid_out(rows, columns)
    x = rows[:, owner]
    present = np.isfinite(x)
    x = np.where(level < 0, x, x == level)
    counts = np.maximum(present.sum(0), 1)
    mean = np.where(present, x, 0).sum(0) / counts
    centred = np.where(present, x - mean, 0)
    scale = np.sqrt((centred**2).sum(0) / counts)
    scale = np.where(scale > 1e-12 * (1 + np.abs(mean)), scale, 1.0)
    x, there = np.clip(centred / scale, -FAR, FAR), present.astype(np.float64)
    covariance = _shrunk(_covariance(x.T @ x, there.T @ there), SHRINKAGES[0])
    return Moments(
        owner=torch.from_numpy(owner),
        level=torch.from_numpy(level),
        mean=torch.from_numpy(mean),
        scale=torch.from_numpy(scale),
        covariance=torch.from_numpy(covariance).float(),
    )


def covariances_of(
    cells: Tensor, present: Tensor, fold: Tensor, holdout: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the covariance of some rows, and those of all but each of their folds.

    Both are shrunk towards independence, as far as other rows advise.

    Parameters
    ----------
    cells : Tensor of shape (n_rows, n_features)
        Standardised features of the rows, zero where absent.
    present : bool Tensor of shape (n_rows, n_features)
        Where they are present.
    fold : int64 Tensor of shape (n_rows,)
        The fold that each is in.
    holdout : Tensor of shape (n_held, n_features)
        Those of rows by whose likelihood the shrinkage is chosen.

    Returns
    -------
    Tensor of shape (n_features, n_features), Tensor of shape (n_folds, n_features, n_features)
    """
    n_folds = int(fold.max()) + 1
    # Of many rows as many of each fold.
    kept = torch.arange(len(cells)) // n_folds % max(1, len(cells) // MAX_ROWS) == 0
    x, there = cells[kept].double().numpy(), present[kept].numpy().astype(np.float64)
    folds = fold[kept].numpy()
    products = np.stack([x[folds == k].T @ x[folds == k] for k in range(n_folds)])
    counts = np.stack([there[folds == k].T @ there[folds == k] for k in range(n_folds)])
    whole, pairs = products.sum(0), counts.sum(0)
    held = holdout[:MAX_ROWS].double().numpy()
    covariance = _covariance(whole, pairs)
    likely = [_log_density(held, _shrunk(covariance, share)) for share in SHRINKAGES]
    share = SHRINKAGES[int(np.argmax(likely))]
    left_out = [
        _shrunk(_covariance(whole - product, pairs - count), share)
        for product, count in zip(products, counts, strict=True)
    ]
    return (
        torch.from_numpy(_shrunk(covariance, share)).float(),
        torch.from_numpy(np.stack(left_out)).float(),
    )


def _laid_out(
    rows: Floats, columns: Sequence[Column]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each feature's column, and its level or -1."""
    owner: list[int] = []
    level: list[int] = []
    for index, column in enumerate(columns):
        found = [-1] if column.is_number else frequent_levels(rows[:, index], column).tolist()
        owner += [index] * len(found)
        level += found
    return np.array(owner, dtype=np.int64), np.array(level, dtype=np.int64)


def _covariance(products: Floats, pairs: Floats) -> Floats:
    """Return the covariance of standardised features, each pair of the rows that have both."""
    covariance: Floats = products / np.maximum(pairs, 1)
    # What was never seen may be anything, of the variance that it has in the table.
    variance = np.where(np.diag(pairs) > 0, np.maximum(np.diag(covariance), 1e-6), 1.0)
    np.fill_diagonal(covariance, variance)
    return covariance


def _shrunk(covariance: Floats, share: float) -> Floats:
    mixed = (1 - share) * covariance + share * np.diag(np.diag(covariance))
    # Of pairs with other rows missing, the whole may be no covariance.
    values, vectors = np.linalg.eigh(mixed)
    return (vectors * np.maximum(values, 1e-4)) @ vectors.T


def _log_density(x: Floats, covariance: Floats) -> float:
    """Return the mean log-density of rows, up to a constant."""
    root = np.linalg.cholesky(covariance)
    z = np.linalg.solve(root, x.T)
    return float(-0.5 * (z**2).sum(0).mean() - np.log(np.diag(root)).sum())

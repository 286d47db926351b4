"""Moments: means and covariance of a table's cells, missing ones left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tabwidget.minilm.gaussian import FAR, Moments
from tabwidget.table import Column

__all__ = ["moments_of", "shrunk_moments"]

Floats = NDArray[np.float64]

MAX_ROWS = 20_000  # that the covariance is of
MAX_LEVELS = 8  # of a category, the most frequent ones
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
    covariance = _covariance(np.clip(centred / scale, -FAR, FAR), present)
    return Moments(
        owner=torch.from_numpy(owner),
        level=torch.from_numpy(level),
        mean=torch.from_numpy(mean),
        scale=torch.from_numpy(scale),
        covariance=torch.from_numpy(covariance).float(),
    )


def shrunk_moments(moments: Moments, cells: Tensor, present: Tensor, holdout: Tensor) -> Moments:
    """Return moments with the covariance of some rows, shrunk as far as other rows advise.

    Parameters
    ----------
    moments : Moments
        Of the whole table.
    cells : Tensor of shape (n_rows, n_features)
        Standardised features of the rows, zero where absent.
    present : bool Tensor of shape (n_rows, n_features)
        Where they are present.
    holdout : Tensor of shape (n_held, n_features)
        Those of rows by whose likelihood the shrinkage towards independence is chosen.
    """
    step = max(1, len(cells) // MAX_ROWS)
    covariance = _covariance(cells[::step].double().numpy(), present[::step].numpy())
    shrunk = [_shrunk(covariance, share) for share in SHRINKAGES]
    held = holdout[:MAX_ROWS].double().numpy()
    likely = [_log_density(held, one) for one in shrunk]
    best = torch.from_numpy(shrunk[int(np.argmax(likely))]).float()
    return replace(moments, covariance=best)


def _laid_out(
    rows: Floats, columns: Sequence[Column]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each feature's column, and its level or -1."""
    owner, level = [], []
    for index, column in enumerate(columns):
        if column.is_number:
            found = [-1]
        else:
            cells = rows[:, index][np.isfinite(rows[:, index])].astype(np.int64)
            counts = np.bincount(cells, minlength=len(column.support))
            found = np.argsort(-counts, kind="stable")[:MAX_LEVELS].tolist()
        owner += [index] * len(found)
        level += found
    return np.array(owner, dtype=np.int64), np.array(level, dtype=np.int64)


def _covariance(x: Floats, present: NDArray[np.bool_]) -> Floats:
    """Return the covariance of standardised features, each pair of the rows that have both."""
    pairs = np.maximum(present.T.astype(np.float64) @ present, 1)
    covariance: Floats = x.T @ x / pairs
    np.fill_diagonal(covariance, np.maximum(np.diag(covariance), 1e-6))
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

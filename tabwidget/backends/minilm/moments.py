"""Moments: means and covariance of a table's cells, missing ones left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tabwidget._typing import Floats
from tabwidget.backends.minilm.relevance import frequent_levels
from tabwidget.minilm.gaussian_prior import FAR, Moments
from tabwidget.table import Column

__all__ = ["covariances_of", "moments_of"]

Mask = NDArray[np.bool_]

MAX_ROWS = 20_000  # that the covariance is of
MAX_WORK = 50_000_000  # of EM: rows whose absent cells differ, times features cubed
MAX_BLOCK = 2_000_000  # numbers of the matrices at a time
ROUNDS = 10  # of EM, from what pairs of cells say
MORE_ROUNDS = 3  # from the covariance of nearly the same rows
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
    cells: Tensor, present: Tensor, fold: Tensor, holdout: Tensor, held_present: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the covariance of some rows, and those of all but each of their folds.

    Both are shrunk towards independence, as far as other rows advise. Where cells are absent, they
    are those at which the cells present are likeliest (EM, Dempster, Laird and Rubin 1977).

    Parameters
    ----------
    cells : Tensor of shape (n_rows, n_features)
        Standardized features of the rows, zero where absent.
    present : bool Tensor of shape (n_rows, n_features)
        Where they are present.
    fold : int64 Tensor of shape (n_rows,)
        The fold that each is in.
    holdout, held_present : Tensor of shape (n_held, n_features)
        The same of rows by whose likelihood the shrinkage is chosen.

    Returns
    -------
    Tensor of shape (n_features, n_features), Tensor of shape (n_folds, n_features, n_features)
    """
    n_folds = int(fold.max()) + 1
    # Of many rows as many of each fold.
    kept = torch.arange(len(cells)) // n_folds % max(1, len(cells) // MAX_ROWS) == 0
    x, there, folds = cells[kept].double().numpy(), present[kept].numpy(), fold[kept].numpy()
    held, held_there = holdout[:MAX_ROWS].double().numpy(), held_present[:MAX_ROWS].numpy()
    covariance = _likeliest(x, there)
    likely = [_log_density(held, held_there, _shrunk(covariance, share)) for share in SHRINKAGES]
    share = SHRINKAGES[int(np.argmax(likely))]
    left_out = [
        _shrunk(_likeliest(x[folds != k], there[folds != k], covariance), share)
        for k in range(n_folds)
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
    """Return the covariance of standardized features, each pair of the rows that have both."""
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


def _likeliest(x: Floats, there: Mask, start: Floats | None = None) -> Floats:
    """Return the covariance at which the cells present are likeliest, near `start` if given."""
    covariance = _covariance(x.T @ x, there.T.astype(np.float64) @ there)
    size = len(covariance)
    affordable = MAX_WORK // size**3
    if there.all() or affordable < 2 * size:
        return covariance
    step = -(-len(np.unique(there, axis=0)) // affordable)
    x, there = x[::step], there[::step]
    covariance = _shrunk(covariance if start is None else start, SHRINKAGES[1])
    for _ in range(ROUNDS if start is None else MORE_ROUNDS):
        total = np.zeros_like(covariance)
        for own, patterns, which in _blocks(x, there):
            known, gone = patterns[:, :, None] * patterns[:, None, :], 1 - patterns
            inverse = np.linalg.inv(covariance * known + _diagonal(gone))
            onto = covariance * gone[:, :, None] * patterns[:, None, :] @ inverse
            filled = own + (onto[which] @ own[:, :, None])[:, :, 0]
            rest = covariance * gone[:, :, None] * gone[:, None, :]
            rest -= onto @ (covariance * patterns[:, :, None] * gone[:, None, :])
            total += filled.T @ filled + np.tensordot(np.bincount(which), rest, 1)
        covariance = _shrunk(total / len(x), SHRINKAGES[1])
    return covariance


def _log_density(x: Floats, there: Mask, covariance: Floats) -> float:
    """Return the mean log-density of the cells present of rows, up to a constant."""
    total = 0.0
    for own, patterns, which in _blocks(x, there):
        known = patterns[:, :, None] * patterns[:, None, :]
        root = np.linalg.cholesky(covariance * known + _diagonal(1 - patterns))
        if len(root) == 1:
            z = np.linalg.solve(root[0], own.T)
        else:
            z = np.linalg.solve(root[which], own[:, :, None])
        logs = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(1)
        total -= 0.5 * float((z**2).sum()) + float(logs[which].sum())
    return total / len(x)


def _blocks(x: Floats, there: Mask) -> Iterator[tuple[Floats, Floats, NDArray[np.int64]]]:
    """Yield some rows at a time, the patterns of their cells present, and which each row has.

    Absent cells stand as independent of the present, so that one matrix serves a pattern.
    """
    size = max(1, MAX_BLOCK // x.shape[1] ** 2)
    order = np.lexsort(there.T)
    for start in range(0, len(x), size):
        rows = order[start : start + size]
        patterns, which = np.unique(there[rows], axis=0, return_inverse=True)
        yield np.where(there[rows], x[rows], 0), patterns.astype(np.float64), which


def _diagonal(values: Floats) -> Floats:
    return values[:, :, None] * np.eye(values.shape[1])

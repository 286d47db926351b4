"""Relevance: the most predictive columns of each column, by rank correlation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tabwidget.table import Column

__all__ = ["frequent_levels", "neighbors"]

MAX_ROWS = 5_000
MAX_LEVELS = 8  # indicators per category, of its most frequent levels


def neighbors(
    rows: NDArray[np.float64], columns: Sequence[Column], n: int, *, seed: int
) -> NDArray[np.int64]:
    """Return the `n` most predictive columns of each column.

    The relevance of two columns is the largest absolute correlation between their features: the
    ranks of a number, the indicators of frequent levels, the axes of a text.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, row width)
        Rows as `TableSchema.rows` returns them.
    columns : sequence of Column
        The inputs of the table's schema.
    n : int
        Below the number of columns.
    seed : int
        Seed of the sample of rows, if there are many.

    Returns
    -------
    ndarray of shape (n_columns, n)
        Column numbers, the most relevant first; a column is not its own neighbor.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table import Table
    >>> table = Table(pd.DataFrame({"a": [1, 2, 3, 4], "b": [4, 3, 2, 1], "c": [1, 3, 2, 2]}))
    >>> rows = table.frame.to_numpy(dtype=float)
    >>> neighbors(rows, list(table.schema.values()), 1, seed=0).ravel().tolist()[:2]
    [1, 0]
    """
    if len(rows) > MAX_ROWS:
        rows = np.random.default_rng(seed).permutation(rows)[:MAX_ROWS]
    ends = np.cumsum([column.width for column in columns])
    cells = np.split(rows, ends[:-1], axis=1)
    parts = [_features(part, column) for part, column in zip(cells, columns, strict=True)]
    features = np.concatenate(parts, axis=1)
    features -= features.mean(0)
    features /= np.maximum(np.sqrt((features**2).sum(0)), 1e-9)
    correlation = np.abs(features.T @ features)
    starts = np.cumsum([0, *(part.shape[1] for part in parts[:-1])])
    rows_reduced = np.maximum.reduceat(correlation, starts, axis=0)
    relevance = np.maximum.reduceat(rows_reduced, starts, axis=1)
    np.fill_diagonal(relevance, -1)
    return np.argsort(-relevance, axis=1, kind="stable")[:, :n]


def _features(cells: NDArray[np.float64], column: Column) -> NDArray[np.float32]:
    """Return the ranks of a number, the indicators of frequent levels, or the axes of a text."""
    if column.embedding is not None:
        return np.nan_to_num(cells).astype(np.float32)
    cells = cells[:, 0]
    present = np.isfinite(cells)
    if column.is_number:
        # The index into the support is a rank with ties; a missing cell gets the mean rank.
        ranks = np.where(present, column.nearest_codes(np.nan_to_num(cells)), 0).astype(np.float32)
        ranks[~present] = ranks[present].mean() if present.any() else 0
        return ranks[:, None]
    return (cells[:, None] == frequent_levels(cells, column)).astype(np.float32)


def frequent_levels(cells: NDArray[np.float64], column: Column) -> NDArray[np.int64]:
    """Return the most frequent levels of a category, at most `MAX_LEVELS`."""
    counts = np.bincount(cells[np.isfinite(cells)].astype(np.int64), minlength=len(column.support))
    return np.argsort(-counts, kind="stable")[:MAX_LEVELS]

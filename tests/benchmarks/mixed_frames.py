"""Tables of any width: correlated columns of all kinds, made from a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["mixed_frame"]

Floats = NDArray[np.float64]

KINDS = ("measure", "count", "group", "flag", "day")
N_FACTORS = 4
N_LEVELS = (2, 3, 5, 8, 12)


def mixed_frame(n_columns: int, n_rows: int = 1_000, seed: int = 0) -> pd.DataFrame:
    """Return a table of numbers, whole numbers, categories, yes and no, and dates.

    A few hidden factors drive all columns, so each tells something about the others; one cell in
    fifty is missing. The first column, ``outcome``, has three levels.

    Parameters
    ----------
    n_columns : int
        Number of columns.
    n_rows : int, default 1000
        Number of rows.
    seed : int, default 0
        The same seed gives the same table.

    Examples
    --------
    >>> mixed_frame(6).columns.tolist()
    ['outcome', 'measure_1', 'count_2', 'group_3', 'flag_4', 'day_5']
    """
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n_rows, N_FACTORS))
    columns = {}
    for i in range(n_columns):
        weights = rng.normal(size=N_FACTORS)
        score = factors @ weights / np.linalg.norm(weights) + rng.normal(scale=0.5, size=n_rows)
        if i == 0:
            columns["outcome"] = _levels(score, 3)
        else:
            kind = KINDS[(i - 1) % len(KINDS)]
            column = _column(kind, score, N_LEVELS[i // len(KINDS) % len(N_LEVELS)])
            columns[f"{kind}_{i}"] = column.mask(rng.random(n_rows) < 0.02)
    return pd.DataFrame(columns)


def _column(kind: str, score: Floats, n_levels: int) -> pd.Series:
    """Return a column of this kind that grows with the score."""
    if kind == "measure":
        return pd.Series(np.round(50 + 12 * score, 2))
    if kind == "count":
        return pd.Series(np.round(np.exp(2 + 0.6 * score)))
    if kind == "group":
        return _levels(score, n_levels)
    if kind == "flag":
        return pd.Series(np.where(score > 0.3, "yes", "no"))
    days = np.round(200 + 60 * score).astype(int)
    return pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"))


def _levels(score: Floats, n_levels: int) -> pd.Series:
    """Cut a score into levels of equal size."""
    edges = np.quantile(score, np.linspace(0, 1, n_levels + 1)[1:-1])
    names = np.array([f"level {chr(ord('A') + i)}" for i in range(n_levels)])
    return pd.Series(names[np.searchsorted(edges, score)])

"""The chain rule: the log-probability of a row, one cell after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Floats
from tabwidget.backends.base import Prediction
from tabwidget.table import Column
from tabwidget.table.column_orders import column_orders

__all__ = ["chain_rule"]


def chain_rule(
    rows: Floats,
    columns: Sequence[Column],
    seed: int,
    predict: Callable[[Floats, NDArray[np.int64]], Prediction],
) -> Floats:
    """Return each cell's log-probability given the cells read before it in its row.

    All rows read their cells in one column order, so that each column is one batch. Texts are
    evidence of every cell.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, width of a row)
        NaN where missing.
    columns : sequence of Column
        The inputs of the schema.
    seed : int
        Seed of the column order.
    predict : callable
        ``predict(rows, targets)``.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        In nats; zero where missing, minus infinity outside the support.
    """
    n = sum(column.role == "feature" for column in columns)
    out = np.zeros((len(rows), len(columns)))
    read = rows.copy()
    read[:, :n] = np.nan
    [order] = column_orders(1, n, seed=seed, epoch=0)
    for target in order:
        at = np.flatnonzero(np.isfinite(rows[:, target]))
        if len(at):
            codes = columns[target].codes(rows[at, target])
            p = predict(read[at], np.full(len(at), target)).probabilities
            with np.errstate(divide="ignore"):
                out[at, target] = np.log(np.where(codes >= 0, p[np.arange(len(at)), codes], 0.0))
        read[:, target] = rows[:, target]
    return out

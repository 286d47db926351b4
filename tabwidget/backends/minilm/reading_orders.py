"""Column orders of training batches: which columns a row reads, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tabwidget._typing import Floats
from tabwidget.backends.minilm.relevance import neighbors
from tabwidget.table import Column
from tabwidget.table.column_orders import column_orders

__all__ = ["MAX_READ", "order_sampler", "read_neighbors"]

MAX_READ = 64  # columns of a wide table that a row reads at a time


def read_neighbors(rows: Floats, columns: Sequence[Column], seed: int) -> NDArray[np.int64]:
    """Return the columns that each column of a wide table is read with; none for other tables."""
    if len(columns) <= MAX_READ:
        return np.empty((len(columns), 0), dtype=np.int64)
    return neighbors(rows, columns, MAX_READ // 2, seed=seed)


def order_sampler(
    n_columns: int, near: NDArray[np.int64], targets: Sequence[int], seed: int
) -> Callable[[int, int], Tensor]:
    """Return a function ``orders(n_rows, step)`` that samples the column orders of a batch.

    Rows of a wide table read a part of its columns: a center column, its neighbors, and a random
    sample of the others.

    Parameters
    ----------
    n_columns : int
        Number of columns of the table.
    near : ndarray of shape (n_columns, n_neighbors)
        Result of `read_neighbors`.
    targets : sequence of int
        Columns that are the center in every other step.
    seed : int
        Seed of the orders.

    Examples
    --------
    >>> sample = order_sampler(3, np.empty((3, 0), dtype=np.int64), [], seed=0)
    >>> sample(4, 0).sort(dim=1).values.tolist()[0]
    [0, 1, 2]
    """

    def orders(n_rows: int, step: int) -> Tensor:
        if n_columns <= MAX_READ:
            drawn = column_orders(n_rows, n_columns, seed=seed, epoch=step)
            return torch.from_numpy(drawn)
        rng = np.random.default_rng([seed, step])
        center = rng.choice(targets) if len(targets) and step % 2 else rng.integers(n_columns)
        others = np.setdiff1d(np.arange(n_columns), [center, *near[center]])
        sampled = rng.choice(others, MAX_READ - 1 - near.shape[1], replace=False)
        read = np.sort(np.concatenate([[center], near[center], sampled]))
        drawn = column_orders(n_rows, MAX_READ, seed=seed, epoch=step)
        return torch.from_numpy(read[drawn])

    return orders

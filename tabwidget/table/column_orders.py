"""Random column orders, a pure function of seed and epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["column_orders"]


def column_orders(n_rows: int, n_columns: int, *, seed: int, epoch: int) -> NDArray[np.int64]:
    """Draw one column order per row.

    Parameters
    ----------
    n_rows, n_columns : int
        Size of the table.
    seed, epoch : int
        The only inputs of the draw, so that an epoch can be repeated.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        Each row is a permutation of ``range(n_columns)``.

    Examples
    --------
    >>> column_orders(2, 3, seed=0, epoch=1).shape
    (2, 3)
    >>> bool((column_orders(9, 4, seed=0, epoch=1) == column_orders(9, 4, seed=0, epoch=1)).all())
    True
    """
    generator = np.random.default_rng([seed, epoch])
    orders = np.broadcast_to(np.arange(n_columns), (n_rows, n_columns))
    return generator.permuted(orders, axis=1)

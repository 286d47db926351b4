"""RowBatches: which rows are learned together, each in which column order, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Floats, Ints
from tabwidget.backends.text.rows import RowIds
from tabwidget.table.column_orders import column_orders

__all__ = ["RowBatches", "collated", "distinct_orders"]


POOL = 32  # batches whose rows are sorted by length; more of them, and chance has less to say


class RowBatches:
    """Batches of rows of about the same length, so that few tokens are padding.

    What an epoch holds depends on the seed and its number alone.

    Parameters
    ----------
    present : ndarray of bool of shape (n_rows, n_columns)
        Which cells are there.
    lengths : ndarray of int of shape (n_rows,)
        Tokens of each row, in any column order.
    size : int
        Rows a batch; the last one of an epoch may have fewer.
    seed : int
        Everything random depends on it.
    copies : int, default 1
        Column orders drawn for each row in an epoch; distinct ones as far as there are so many.
    last : collection of int, default ()
        Columns that stand after all others.

    Examples
    --------
    >>> batches = RowBatches(np.ones((5, 3), dtype=bool), np.array([4, 9, 4, 9, 4]), 2, seed=0)
    >>> sorted(len(batch) for batch in batches.epoch(0)), len(batches)
    ([1, 2, 2], 3)
    """

    def __init__(
        self,
        present: NDArray[np.bool_],
        lengths: Ints,
        size: int,
        *,
        seed: int,
        copies: int = 1,
        last: Collection[int] = (),
    ) -> None:
        self._present, self._lengths, self.size = present, lengths, size
        self._seed, self._copies, self._last = seed, copies, sorted(last)

    def __len__(self) -> int:
        """Batches an epoch."""
        return math.ceil(len(self._present) * self._copies / self.size)

    def epoch(self, number: int) -> Iterator[list[tuple[int, Ints]]]:
        """Yield the batches of an epoch: rows, each with its column order."""
        orders = distinct_orders(self._present, self._copies, seed=self._seed, epoch=number)
        if self._last:
            late = np.isin(orders, self._last).argsort(axis=2, kind="stable")
            orders = np.take_along_axis(orders, late, axis=2)
        rng = np.random.default_rng([self._seed, number, 1])
        drawn = rng.permutation(orders.shape[0] * orders.shape[1])
        rows, copies = np.divmod(drawn, self._copies)
        batches: list[Ints] = []
        for start in range(0, len(drawn), POOL * self.size):
            pool = np.arange(start, min(start + POOL * self.size, len(drawn)))
            pool = pool[self._lengths[rows[pool]].argsort(kind="stable")]
            batches += [pool[i : i + self.size] for i in range(0, len(pool), self.size)]
        # One that is not full stands last, as those expect who deal batches out to processes.
        full = [batch for batch in batches if len(batch) == self.size]
        rest = [batch for batch in batches if len(batch) < self.size]
        for batch in [*(full[i] for i in rng.permutation(len(full))), *rest]:
            yield [(int(rows[i]), orders[rows[i], copies[i]]) for i in batch]


def distinct_orders(
    present: NDArray[np.bool_], copies: int, *, seed: int, epoch: int
) -> NDArray[np.int64]:
    """Draw several column orders for each row, in which its present cells stand differently.

    Returns
    -------
    ndarray of shape (n_rows, copies, n_columns)
        A row of few cells has not so many orders: then all it has, over and over.

    Examples
    --------
    >>> orders = distinct_orders(np.ones((4, 3), dtype=bool), 6, seed=0, epoch=0)
    >>> [len({tuple(order) for order in row.tolist()}) for row in orders]
    [6, 6, 6, 6]
    """
    n_rows, n_columns = present.shape
    orders = column_orders(n_rows * copies, n_columns, seed=seed, epoch=epoch)
    orders = orders.reshape(n_rows, copies, n_columns)
    for row in range(n_rows) if copies > 1 else ():
        there = present[row]
        possible = math.factorial(min(int(there.sum()), 12))
        rng = np.random.default_rng([seed, epoch, row, 2])
        seen = set[tuple[int, ...]]()
        for copy in range(copies):
            if len(seen) == possible:
                seen.clear()
            while (read := tuple(o for o in orders[row, copy].tolist() if there[o])) in seen:
                orders[row, copy] = rng.permutation(orders[row, copy])
            seen.add(read)
    return orders


def collated(rows: Sequence[RowIds], weights: Floats) -> dict[str, NDArray[np.generic]]:
    """Return rows as one batch, in which padding has no part in the loss.

    Parameters
    ----------
    rows : sequence of RowIds
        The rows.
    weights : ndarray of shape (n_columns,)
        How much a cell of each column counts.

    Returns
    -------
    dict
        ``ids`` of shape (n_rows, longest): the tokens, zeros after the end. Of each token that
        tells of a cell: ``at``, the place in the flattened `ids` that it is predicted from, its
        ``labels`` (the token) and ``weights``, ``owner``, its column, and ``row``. ``cells`` is the
        sum of the weights of the cells, by which a loss becomes one a cell.
    """
    ids = np.zeros((len(rows), max(len(row.ids) for row in rows)), dtype=np.int64)
    at, labels, owners, numbers = [], [], [], []
    cells = 0.0
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = row.ids
        # The first token has nothing that it could be predicted from.
        told = np.flatnonzero(row.owner[1:] >= 0) + 1
        at.append(number * ids.shape[1] + told - 1)
        labels.append(row.ids[told])
        owners.append(row.owner[told])
        numbers.append(np.full(len(told), number))
        cells += weights[np.unique(row.owner[told])].sum()
    owner = np.concatenate(owners)
    counted = weights[owner] > 0
    return {
        "ids": ids,
        "at": np.concatenate(at)[counted],
        "labels": np.concatenate(labels)[counted],
        "weights": weights[owner][counted].astype(np.float32),
        "owner": owner[counted],
        "row": np.concatenate(numbers)[counted],
        "cells": np.array(cells, dtype=np.float32),
    }

"""RowBatches: rows and column orders batched by length, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Bools, Floats, Ints
from tabwidget.backends.text.rows import RowIds
from tabwidget.table.column_orders import column_orders

__all__ = ["RowBatches", "collate", "distinct_orders"]


POOL = 32  # batches whose rows are sorted by length together; more make batches less random


class RowBatches:
    """Batches of rows of similar length, to need little padding.

    An epoch depends only on the seed and its number.

    Parameters
    ----------
    present : ndarray of bool of shape (n_rows, n_columns)
        Which cells are present.
    lengths : ndarray of int of shape (n_rows,)
        Number of tokens of each row, which is about the same in every column order.
    size : int
        Rows per batch; the last batch of an epoch may be smaller.
    seed : int
        Seed of everything random.
    copies : int, default 1
        Column orders per row and epoch, distinct as far as possible.
    last : collection of int, default ()
        Columns placed after all others.

    Examples
    --------
    >>> batches = RowBatches(np.ones((5, 3), dtype=bool), np.array([4, 9, 4, 9, 4]), 2, seed=0)
    >>> sorted(len(batch) for batch in batches.epoch(0)), len(batches)
    ([1, 2, 2], 3)
    """

    def __init__(
        self,
        present: Bools,
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
        """Return the number of batches per epoch."""
        return math.ceil(len(self._present) * self._copies / self.size)

    def epoch(self, number: int) -> Iterator[list[tuple[int, Ints]]]:
        """Yield the batches of an epoch, as pairs of row and column order."""
        orders = distinct_orders(self._present, self._copies, seed=self._seed, epoch=number)
        if self._last:
            is_last = np.isin(orders, self._last).argsort(axis=2, kind="stable")
            orders = np.take_along_axis(orders, is_last, axis=2)
        rng = np.random.default_rng([self._seed, number, 1])
        drawn = rng.permutation(orders.shape[0] * orders.shape[1])
        rows, copies = np.divmod(drawn, self._copies)
        batches: list[Ints] = []
        for start in range(0, len(drawn), POOL * self.size):
            pool = np.arange(start, min(start + POOL * self.size, len(drawn)))
            pool = pool[self._lengths[rows[pool]].argsort(kind="stable")]
            batches += [pool[i : i + self.size] for i in range(0, len(pool), self.size)]
        # A smaller batch comes last, as accelerate expects it.
        full = [batch for batch in batches if len(batch) == self.size]
        rest = [batch for batch in batches if len(batch) < self.size]
        for batch in [*(full[i] for i in rng.permutation(len(full))), *rest]:
            yield [(int(rows[i]), orders[rows[i], copies[i]]) for i in batch]


def distinct_orders(present: Bools, copies: int, *, seed: int, epoch: int) -> Ints:
    """Draw column orders for each row that differ in the order of its present cells.

    Returns
    -------
    ndarray of shape (n_rows, copies, n_columns)
        If a row has fewer distinct orders than `copies`, all of them, repeatedly.

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
        has = present[row]
        possible = math.factorial(min(int(has.sum()), 12))
        rng = np.random.default_rng([seed, epoch, row, 2])
        seen = set[tuple[int, ...]]()
        for copy in range(copies):
            if len(seen) == possible:
                seen.clear()
            while (order := tuple(o for o in orders[row, copy].tolist() if has[o])) in seen:
                orders[row, copy] = rng.permutation(orders[row, copy])
            seen.add(order)
    return orders


def collate(rows: Sequence[RowIds], weights: Floats) -> dict[str, NDArray[np.generic]]:
    """Return rows as one batch, padded on the right; padding does not enter the loss.

    Parameters
    ----------
    rows : sequence of RowIds
        The rows.
    weights : ndarray of shape (n_columns,)
        The weight of a cell of each column in the loss.

    Returns
    -------
    dict
        ``ids`` of shape (n_rows, longest): the tokens, zeros after the end. Then arrays over the
        tokens that belong to cells of positive weight: ``at``, the index in the flattened `ids` of
        the token before it, which predicts it; ``labels``, the token; ``weights``; ``owner``, its
        column; ``row``. ``cells`` is the sum of the weights of the cells, which normalizes the
        loss.
    """
    ids = np.zeros((len(rows), max(len(row.ids) for row in rows)), dtype=np.int64)
    at, labels, owners, numbers = [], [], [], []
    cells = 0.0
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = row.ids
        # The first token has no token before it.
        owned = np.flatnonzero(row.owner[1:] >= 0) + 1
        at.append(number * ids.shape[1] + owned - 1)
        labels.append(row.ids[owned])
        owners.append(row.owner[owned])
        numbers.append(np.full(len(owned), number))
        cells += weights[np.unique(row.owner[owned])].sum()
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

"""FitData: the rows of a fit, split and encoded as token ids.

Shapes: N rows of the table, C columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Floats, Ints
from tabwidget.backends.base import FitRequest
from tabwidget.backends.fit_log import TARGET_SHARE, train_validation_split
from tabwidget.backends.text.batches import RowBatches, collate, distinct_orders
from tabwidget.backends.text.rows import RowTokens

__all__ = ["Batch", "FitData"]

Batch = Mapping[str, NDArray[Any]]

MAX_VALIDATION_ROWS = 128  # on which the validation loss is computed
VALIDATION_BATCH_SIZE = 8
VALIDATION_EPOCH = 10**9  # seeds the column orders of the validation rows


class FitData:
    """The rows to train on and to evaluate on.

    Parameters
    ----------
    request : FitRequest
        The table, the targets and the training settings.
    tokens : RowTokens
        Encodes the rows.

    Attributes
    ----------
    rows : ndarray of shape (N, C)
        The table as numbers; NaN where absent.
    train_rows, validation_rows : ndarray of int
        Row indices of the split.
    weights : ndarray of shape (C,)
        The weight of a cell of each column in the loss.
    lengths : ndarray of shape (n_train,)
        Number of tokens of each training row.
    """

    def __init__(self, request: FitRequest, tokens: RowTokens) -> None:
        self.tokens, self._seed = tokens, request.seed
        table, training = request.table, request.training
        self.rows = table.schema.rows(table.frame)[:, : len(tokens.columns)]
        self._present = np.isfinite(self.rows)
        shuffled, n_validation = train_validation_split(
            self._present, training.validation_fraction, request.seed
        )
        self.validation_rows, self.train_rows = shuffled[:n_validation], shuffled[n_validation:]
        names = [column.name for column in tokens.columns]
        targets = [index for index, name in enumerate(names) if name in request.targets]
        # If only targets count in the loss, they come last, given all other columns.
        self._last = targets if training.loss_on_target_only else []
        self._copies = training.augmentation_factor
        self.weights = _column_weights(len(names), targets, only=bool(self._last))
        natural = np.arange(len(names))
        self.lengths = np.array(
            [len(tokens.row(self.rows[row], natural).ids) for row in self.train_rows]
        )

    def batches(self, size: int) -> RowBatches:
        """Return the batches of the training rows."""
        return RowBatches(
            self._present[self.train_rows],
            self.lengths,
            size,
            seed=self._seed,
            copies=self._copies,
            last=self._last,
        )

    def batch(self, items: Sequence[tuple[int, Ints]]) -> Batch:
        """Return training rows, each with its column order, as a batch (see `collate`)."""
        rows = [self.tokens.row(self.rows[self.train_rows[row]], order) for row, order in items]
        return collate(rows, self.weights)

    def validation_batches(self) -> list[Batch]:
        """Return batches of the validation rows, each row in one fixed column order."""
        numbers = self.validation_rows[:MAX_VALIDATION_ROWS]
        orders = distinct_orders(
            self._present[numbers], 1, seed=self._seed, epoch=VALIDATION_EPOCH
        )[:, 0]
        is_last = np.isin(orders, self._last).argsort(1, kind="stable")
        orders = np.take_along_axis(orders, is_last, 1)
        rows = [self.tokens.row(self.rows[n], o) for n, o in zip(numbers, orders, strict=True)]
        rows.sort(key=lambda row: len(row.ids))
        return [
            collate(rows[start : start + VALIDATION_BATCH_SIZE], self.weights)
            for start in range(0, len(rows), VALIDATION_BATCH_SIZE)
        ]


def _column_weights(n_columns: int, targets: list[int], *, only: bool) -> Floats:
    """Return the loss weights: 1, and for targets enough that they have `TARGET_SHARE` together."""
    weights = np.ones(n_columns)
    is_target = np.isin(np.arange(n_columns), targets)
    if only:
        return is_target.astype(np.float64)
    n_others = n_columns - len(targets)
    if targets and n_others:
        share = TARGET_SHARE / (1 - TARGET_SHARE)
        weights[is_target] = max(1.0, share * n_others / len(targets))
    return weights

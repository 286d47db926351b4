"""Forests: a random forest for each target of a table of thousands of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Bools, Floats, Ints
from tabwidget.backends.base import Prediction, arrays_below
from tabwidget.backends.pool.forest import Forest
from tabwidget.backends.pretrained.table_context import TableContext

__all__ = ["Forests"]

MIN_ROWS = 1_000  # in smaller tables the other members are better


class Forests:
    """The forests of a table's targets, grown one at a time.

    Parameters
    ----------
    context : TableContext
        Has the table's rows.
    """

    def __init__(self, context: TableContext) -> None:
        self.context = context
        self._grown: dict[int, tuple[Forest, Bools]] = {}

    @property
    def worthwhile(self) -> bool:
        """Whether the table has enough rows for forests."""
        return len(self.context.rows) >= MIN_ROWS

    def __contains__(self, target: object) -> bool:
        return target in self._grown

    def __len__(self) -> int:
        return len(self._grown)

    def grow(self, target: int, *, max_trees: int, seconds: float) -> None:
        """Grow the forest of one target, within a number of trees and a time."""
        rows = self.context.rows
        there = np.flatnonzero(np.isfinite(rows[:, target]))
        column = self.context.columns[target]
        numbers = rows[there, target]
        codes = np.maximum(column.codes(numbers), 0)
        # By ranks, so that a long tail does not decide the splits.
        order = codes.astype(np.float64) if column.is_number else None
        forest, out_of_bag = Forest.grow(
            self._evidence(rows[there], target),
            codes,
            order,
            len(column.support),
            self.context.seed,
            max_trees=max_trees,
            seconds=seconds,
        )
        unseen = np.ones((len(rows), len(forest.roots)), dtype=bool)
        unseen[there] = out_of_bag
        self._grown[target] = forest, unseen

    def predict(self, rows: Floats, targets: Ints, *, out_of_sample: bool = False) -> Prediction:
        """Return predictions, with `out_of_sample` by the trees not grown on a row of the table."""
        sizes = [len(self.context.columns[target].support) for target in np.unique(targets)]
        found = np.zeros((len(rows), max(sizes, default=0)))
        places = self.context.places_of(rows) if out_of_sample else None
        for target in np.unique(targets):
            at = np.flatnonzero(targets == target)
            p = self.at_places(rows[at], int(target), None if places is None else places[at])
            found[at, : p.shape[1]] = p
        return Prediction(found, np.zeros(len(rows)))

    def at_places(self, rows: Floats, target: int, places: Ints | None) -> Floats:
        """Return the probabilities of one target, by the trees not grown on the rows at `places`.

        Parameters
        ----------
        rows : ndarray of shape (n, F)
            Evidence; cells may be hidden.
        target : int
            The target.
        places : ndarray of int of shape (n,) or None
            Position among the context's rows, -1 for none; None for all trees.
        """
        forest, unseen = self._grown[target]
        among = None
        if places is not None:
            among = np.where((places >= 0)[:, None], unseen[places], True)
        return forest.predict(self._evidence(rows, target), among)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of all forests by name."""
        found = {}
        for target, (forest, unseen) in self._grown.items():
            for name, array in forest.arrays().items():
                found[f"{target}.{name}"] = array
            found[f"{target}.unseen"] = np.packbits(unseen, axis=1)
        return found

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Restore what `state` returned."""
        for target in sorted({int(name.split(".")[0]) for name in arrays}):
            own = arrays_below(f"{target}.", arrays)
            packed = own.pop("unseen")
            forest = Forest.of_arrays(own)
            unseen = np.unpackbits(packed, axis=1, count=len(forest.roots)).astype(bool)
            self._grown[target] = forest, unseen

    def _evidence(self, rows: Floats, target: int) -> Floats:
        return np.delete(rows, target, axis=1)

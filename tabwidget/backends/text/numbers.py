"""Numbers of binned columns: which numbers a cell of each bin may hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabwidget._typing import Floats, Ints
from tabwidget.table.column import Column

__all__ = ["Numbers", "numbers_of"]


MAX_PER_BIN = 100  # numbers that represent a bin
UNITS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)  # resolutions of dates and times, in seconds


@dataclass(frozen=True)
class Numbers:
    """Numbers that the cells of a binned column may hold.

    Attributes
    ----------
    numbers : ndarray of float
        All numbers of each bin, or 100 evenly spaced ones if there are more.
    bins : ndarray of int
        The bin of each.
    counts : ndarray of float
        How many numbers each represents.
    complete : bool
        Whether these are all possible numbers.
    """

    numbers: Floats
    bins: Ints
    counts: Floats
    complete: bool


def numbers_of(column: Column) -> Numbers:
    """Return the numbers of a binned column, at the resolution of its cells.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table.infer import infer_column
    >>> column = infer_column(pd.Series(range(90)), "n", keep=True)
    >>> found = numbers_of(column)
    >>> len(found.numbers), found.complete
    (90, True)
    """
    assert column.edges is not None
    step = _step(column)
    numbers, bins, counts, complete = [], [], [], bool(step)
    for index, grid in enumerate(column.grid):
        low, high = column.edges[index : index + 2].clip(column.low, column.high)
        found = np.array([grid])
        if not column.atoms[index] and high > low:
            each = step or (high - low) / MAX_PER_BIN
            # With a tolerance: 0.3 / 0.1 is 2.9999999999999996.
            first, last = np.ceil(low / each - 1e-6), np.floor(high / each + 1e-6)
            complete = complete and bool(last - first < MAX_PER_BIN)
            n = min(last - first + 1, MAX_PER_BIN)
            if n > 0:
                multiples = np.unique(np.round(np.linspace(first, last, int(n))))
                found = multiples.astype(np.float64) * each
                if column.decimals is not None:
                    found = np.round(found, column.decimals)
                # An edge belongs to the bin above it.
                found = found[column.codes(found) == index]
        if not len(found):
            found = np.array([grid])
        count = max(1.0, (high - low) / step) / len(found) if step else 1.0
        numbers.append(found)
        bins.append(np.full(len(found), index))
        counts.append(np.full(len(found), count))
    return Numbers(np.concatenate(numbers), np.concatenate(bins), np.concatenate(counts), complete)


def _step(column: Column) -> float:
    """Return the resolution of a column: the least difference of two numbers; 0 if unknown."""
    if column.kind == "datetime":
        assert column.edges is not None
        # Edges are values of the column, except next to an atom.
        atoms = np.pad(column.atoms, 1)
        values = column.edges[~(atoms[1:] | atoms[:-1])]
        return next((unit for unit in UNITS if not np.any(values % unit)), 0.0)
    return column.step

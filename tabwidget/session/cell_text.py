"""CellText: the cells of one column as the text that a grid shows and a search reads."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabwidget._formatting import cut_text
from tabwidget._typing import Bools, Floats, Ints
from tabwidget.table import Column
from tabwidget.table.values import is_missing, plain

__all__ = ["CellText"]

MAX_LETTERS = 200  # of a cell
SAMPLE = 2_000  # dates that decide how all are written
DIGITS = 6  # of a number with many decimals


class CellText:
    """The cells of one column as text, and which of them contain another text.

    Each distinct value is written once, however many rows have it.

    Parameters
    ----------
    column : Column
        Says how values are written: numbers with the column's decimals, dates without a time
        where all of them are at midnight.
    cells : Series
        The column's cells.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table import Table
    >>> table = Table(pd.DataFrame({"x": [1.5, 20.25, None], "g": ["Dream", "Biscoe", "Dream"]}))
    >>> CellText(table.schema["x"], table.frame["x"]).at([0, 1, 2])
    ['1.50', '20.25', None]
    >>> CellText(table.schema["g"], table.frame["g"]).containing("REAM").tolist()
    [True, False, True]
    """

    def __init__(self, column: Column, cells: pd.Series) -> None:
        self.column = column
        self._cells = cells

    def at(self, positions: npt.ArrayLike) -> list[str | None]:
        """Return the text of the cells at these positions; None if missing."""
        return self._written(self._cells.take(np.asarray(positions, dtype=np.int64)))

    def containing(self, text: str) -> Bools:
        """Return which cells contain `text`, in upper or lower case."""
        wanted = text.casefold()
        found = np.array([wanted in one for one in self._folded], dtype=bool)
        return self.among(found)

    def among(self, values: Bools) -> Bools:
        """Return which cells have one of the distinct values marked in `values`."""
        # The code of a missing cell, -1, selects the last place.
        return np.append(values, False)[self.codes]

    @property
    def codes(self) -> Ints:
        """Index of each cell among the distinct values; -1 if missing."""
        return self._factors[0]

    @property
    def distinct(self) -> pd.Series:
        """The distinct values."""
        return self._factors[1]

    @functools.cached_property
    def ranks(self) -> Floats:
        """Place of each cell when sorted: numbers and dates by size, levels by order or text.

        NaN for missing cells.
        """
        if self.column.is_number:
            return self.column.numbers(self._cells)
        if isinstance(self._cells.dtype, pd.CategoricalDtype):
            codes = self._cells.cat.codes.to_numpy().astype(np.float64)
            return np.where(codes < 0, np.nan, codes)
        order = np.argsort(np.array(self._folded, dtype=object), kind="stable")
        places = np.empty(len(order) + 1)
        places[order], places[-1] = np.arange(len(order)), np.nan
        return places[self.codes]

    @functools.cached_property
    def _factors(self) -> tuple[Ints, pd.Series]:
        try:
            codes, values = pd.factorize(self._cells)
        except TypeError:  # values that are not hashable are all distinct
            codes = np.where(self._cells.isna(), -1, np.arange(len(self._cells)))
            return codes, self._cells
        # Kept for every column that was searched: the smallest type that fits.
        small = np.min_scalar_type(-max(1, len(values)))
        return codes.astype(small), pd.Series(values)

    @functools.cached_property
    def _folded(self) -> list[str]:
        return [(text or "").casefold() for text in self._written(self.distinct)]

    def _written(self, cells: pd.Series) -> list[str | None]:
        column = self.column
        if column.kind == "datetime":
            numbers = column.numbers(cells)
            present = np.isfinite(numbers)
            found: list[str | None] = [None] * len(numbers)
            stamps = pd.DatetimeIndex(column.restore(numbers[present]))
            for i, text in zip(
                np.flatnonzero(present), stamps.strftime(self._date_format), strict=True
            ):
                found[i] = text
            return found
        if isinstance(cells.dtype, np.dtype) and cells.dtype.kind in "iu":
            # As they are: floats would round identifiers of 17 digits.
            return [str(number) for number in cells.tolist()]
        if column.kind == "numeric" and not pd.api.types.is_integer_dtype(cells.dtype):
            decimals = column.decimals
            how = f".{DIGITS}g" if decimals is None else f".{decimals}f"
            numbers = column.numbers(cells)
            return [format(number, how) if number == number else None for number in numbers]
        return [None if is_missing(cell) else _line(cell) for cell in cells]

    @functools.cached_property
    def _date_format(self) -> str:
        # The support of a column with many dates lies between them.
        sample = self._cells.dropna().iloc[:: 1 + len(self._cells) // SAMPLE]
        stamps = pd.DatetimeIndex(self.column.restore(self.column.numbers(sample)))
        if (stamps == stamps.normalize()).all():
            return "%Y-%m-%d"
        return "%Y-%m-%d %H:%M" + ("" if (stamps.second == 0).all() else ":%S")


def _line(cell: object) -> str:
    text = str(plain(cell))
    return cut_text(text if text.isprintable() else " ".join(text.split()), MAX_LETTERS)

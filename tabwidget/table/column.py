"""Column: kind, role and support of one column, and its values as floats."""

from __future__ import annotations

import functools
import math
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from tabwidget._typing import Bools, Floats, Ints, Objects
from tabwidget.errors import EvidenceError, nearest
from tabwidget.table.text_embedding import TextEmbedding
from tabwidget.table.values import (
    Values,
    as_floats,
    as_seconds,
    as_stamps,
    is_missing,
    is_number_like,
    levels_of,
    listed,
    plain,
)

__all__ = ["MAX_NUMBER", "Column", "Kind", "Role", "level_fields"]

Kind = Literal["numeric", "categorical", "boolean", "datetime", "text"]
Role = Literal["feature", "evidence", "ignored"]

# Sums and squares of larger numbers overflow.
MAX_NUMBER = 1e150


@dataclass(frozen=True, eq=False, kw_only=True)
class Column:
    """Kind, role and support of one column.

    Attributes
    ----------
    name : str
        Name in the frame.
    kind : {"numeric", "categorical", "boolean", "datetime", "text"}
        How values are interpreted. Dates and times are seconds since 1970 internally. Free text
        has no levels, only an embedding.
    role : {"feature", "evidence", "ignored"}
        "evidence" columns cannot be targets; "ignored" columns are not used. `note` gives the
        reason.
    dtype : str
        The pandas dtype.
    missing : float
        Share of missing cells, 0 to 1; infinite numbers count as missing.
    n_unique : int
        Number of distinct values, missing ones not counted.
    support : ndarray
        The values that a distribution over the column has: its levels, its distinct numbers, or
        one representative number per bin.
    grid : ndarray of float, increasing
        The support as floats; the level's index for categories.
    edges : ndarray of float or None, increasing
        Bin edges, one more than the support, if a number has too many distinct values to list.
        Edges between integers are half-integers, so that each integer is inside one bin.
    atoms : ndarray of bool
        Bins that hold a single value, frequent enough for a bin of its own.
    integer : bool
        Whether every value is an integer.
    decimals : int or None
        Decimal places of the numbers; None if there are more than six.
    step : float
        Greatest common divisor of the numbers, such as 25 or 0.1; 0 without `decimals`.
    object_type : str
        "date", "decimal" or "integer" for a column of Python objects of that type, empty for any
        other.
    note : str
        Why the column is ignored, or an oddity of its values.
    low, high : float
        Range of a number; NaN for categories.
    embedding : TextEmbedding or None
        Embedding of a text column.
    """

    name: str
    kind: Kind
    role: Role
    dtype: str
    missing: float
    n_unique: int
    support: Objects
    grid: Floats
    edges: Floats | None = None
    atoms: Bools
    integer: bool = False
    decimals: int | None = None
    step: float = 0.0
    object_type: str = ""
    note: str = ""
    low: float = math.nan
    high: float = math.nan
    embedding: TextEmbedding | None = None

    @property
    def is_number(self) -> bool:
        """Whether values are numbers or dates rather than levels."""
        return self.kind in ("numeric", "datetime")

    def numbers(self, values: Values) -> Floats:
        """Return values as floats: the number itself, or the level's index; NaN if missing.

        Raises
        ------
        EvidenceError
            For a value that is not a number, or not a level of the column. Names the nearest level.
        """
        if self.kind == "datetime":
            return as_seconds(values, self.name)
        if self.kind == "numeric":
            try:
                return as_floats(values)
            except (TypeError, ValueError, OverflowError):
                bad = next((v for v in values if not is_number_like(v)), values)
                raise EvidenceError(
                    f"column {self.name!r} is numeric, but {reprlib.repr(bad)} is not a number: "
                    f"give one between {self.low:g} and {self.high:g}"
                ) from None
        return self._level_codes(values)

    @property
    def width(self) -> int:
        """Number of floats that a backend reads per cell: 1, or the embedding's dimension."""
        return 1 if self.embedding is None else self.embedding.n_dimensions

    def inputs(self, values: Values) -> Floats:
        """Return values as a backend reads them, shape ``(n_values, width)``; NaN if missing."""
        if self.embedding is None:
            return self.numbers(values)[:, None]
        present = np.array([not is_missing(value) for value in values], dtype=bool)
        texts = [str(value) for value in np.asarray(values, dtype=object)[present]]
        found = np.full((len(present), self.width), np.nan)
        if texts:
            found[present] = self.embedding.embed(texts)
        return found

    def number(self, value: object) -> float:
        """Return one value as `numbers` does; a missing value is an error.

        Raises
        ------
        EvidenceError
            As in `numbers`, and for a missing value.
        """
        # Single values skip pandas, which is slow for one value at a time.
        plain_number = isinstance(value, (int, float, np.integer))
        if self.kind == "numeric" and plain_number and -MAX_NUMBER <= value <= MAX_NUMBER:  # type: ignore[operator]
            return float(value)  # type: ignore[arg-type]
        if isinstance(value, str) and value in self._code_of_text:
            return self._code_of_text[value]
        number = float(self.numbers([value])[0])
        if math.isnan(number):
            raise EvidenceError(
                f"column {self.name!r}: {value!r} is a missing value, not evidence: leave it out"
            )
        return number

    @functools.cached_property
    def _code_of_text(self) -> dict[str, float]:
        """Index of each level that is text."""
        return {v: float(i) for i, v in enumerate(self.support) if type(v) is str}

    def restore(self, numbers: Floats) -> Objects:
        """Return floats, none of them NaN, as values of the column: the inverse of `numbers`."""
        numbers = np.asarray(numbers, dtype=np.float64)
        if self.kind == "datetime":
            return as_stamps(numbers, self.support[0].tz)
        if self.kind == "numeric":
            return np.round(numbers).astype(np.int64) if self.integer else numbers
        return self.support[numbers.astype(np.int64)]

    def value(self, number: float) -> Any:
        """Return one float as a value of the column: a Python number, text or Timestamp."""
        value = self.restore(np.array([number]))[0]
        return value.item() if isinstance(value, np.generic) else value

    def codes(self, numbers: Floats) -> Ints:
        """Return the support index of each number; -1 if missing or not in the support.

        Numbers beyond the bins are in the outermost bin.
        """
        present = np.isfinite(numbers)
        if self.edges is not None:
            index = np.searchsorted(self.edges[1:-1], numbers, side="right")
            return np.where(present, index, -1)
        if not self.is_number:
            return np.where(present, np.nan_to_num(numbers), -1).astype(np.int64)
        index = np.clip(np.searchsorted(self.grid, numbers), 0, len(self.grid) - 1)
        return np.where(present & (self.grid[index] == numbers), index, -1)

    def grown(self, cells: pd.Series) -> Column:
        """Return the column extended by the values of more cells; new levels come last.

        Raises
        ------
        EvidenceError
            For cells of another kind, such as text in a column of numbers.
        """
        if self.role != "feature":
            return self
        if not self.is_number:
            known = set(self.support.tolist())
            new = [level for level in levels_of(cells.dropna()) if level not in known]
            levels = [*self.support, *new]
            return replace(self, **level_fields(levels), n_unique=len(levels))
        numbers = self.numbers(cells)
        numbers = numbers[np.isfinite(numbers)]
        if not len(numbers):
            return self
        low, high = min(self.low, numbers.min()), max(self.high, numbers.max())
        integer = self.integer and not np.any(numbers % 1)
        grid, support, edges, atoms = self.grid, self.support, self.edges, self.atoms
        if edges is None:
            grid = np.unique(np.concatenate([grid, numbers]))
            atoms = np.zeros(len(grid), dtype=bool)
            new_values = as_stamps(grid, support[0].tz) if self.kind == "datetime" else grid
            support = grid.astype(np.int64) if integer else new_values
        else:
            margin = 0.5 if self.integer else 0.0
            edges = edges.copy()
            edges[0] = min(edges[0], low - margin)
            edges[-1] = max(edges[-1], high + margin)
        return replace(
            self,
            support=support,
            grid=grid,
            edges=edges,
            atoms=atoms,
            integer=integer,
            n_unique=max(self.n_unique, len(np.unique(numbers))),
            low=float(low),
            high=float(high),
        )

    @property
    def widths(self) -> Floats:
        """Width of each bin: 1 for listed values, the median width for a bin of one value."""
        if self.edges is None:
            return np.ones(len(self.grid))
        widths = np.diff(self.edges)
        if self.integer or not self.atoms.any():
            return widths
        median = float(np.median(widths[~self.atoms])) if not self.atoms.all() else 1.0
        return np.where(self.atoms, median, widths)

    def within(self, codes: Ints, fractions: Floats) -> Floats:
        """Return the number at a fraction, 0 to 1, of each bin; listed values as they are."""
        if self.edges is None:
            return self.grid[codes]
        numbers = self.edges[codes] + fractions * np.diff(self.edges)[codes]
        return np.where(self.atoms[codes], self.grid[codes], numbers)

    def round_to_resolution(self, numbers: Floats, is_valid: Callable[[Floats], Bools]) -> Floats:
        """Round to the column's decimals and step, where the rounded value is still valid.

        Parameters
        ----------
        numbers : ndarray
            Numbers of any precision.
        is_valid : callable
            Takes one candidate per number and returns whether it may replace the number.
        """
        if self.decimals is None:
            return numbers
        multiples, found = np.round(numbers / self.step), np.array(numbers, dtype=np.float64)
        todo = np.ones(len(found), dtype=bool)
        for shift in (0, -1, 1):
            candidate = np.round((multiples + shift) * self.step, self.decimals)
            valid = todo & is_valid(candidate)
            found[valid], todo = candidate[valid], todo & ~valid
        return found

    def nearest_codes(self, numbers: Floats) -> Ints:
        """Return the index of the support value nearest to each number, none of them NaN."""
        if self.edges is not None or not self.is_number:
            return self.codes(numbers)
        halfway = (self.grid[1:] + self.grid[:-1]) / 2
        return np.searchsorted(halfway, numbers, side="left").astype(np.int64)

    def _level_codes(self, values: Values) -> Floats:
        series = pd.Series(values, dtype="object")
        missing = np.array(series.isna())
        try:
            codes = pd.Index(self.support, dtype="object").get_indexer(pd.Index(series))
        except TypeError:  # values that are not hashable are never levels
            codes = np.full(len(series), -1)
        unknown = np.flatnonzero((codes < 0) & ~missing)
        if len(unknown):
            # A number and its text (1 and "1") are one level: users type either.
            by_text = {str(level): i for i, level in reversed(list(enumerate(self.support)))}
            codes[unknown] = [by_text.get(str(series.iloc[i]), -1) for i in unknown]
            for i in unknown[codes[unknown] < 0]:
                value = series.iloc[i]
                hint = nearest(value, self.support) or f" It has {listed(self.support)}."
                raise EvidenceError(
                    f"column {self.name!r} has no level {reprlib.repr(plain(value))}.{hint}"
                )
        return np.where(missing, np.nan, codes.astype("float64"))


def level_fields(levels: Sequence[object]) -> dict[str, Any]:
    """Return the fields of a `Column` whose support is levels."""
    support = np.empty(len(levels), dtype=object)
    support[:] = levels
    return {
        "support": support,
        "grid": np.arange(len(levels), dtype=np.float64),
        "atoms": np.zeros(len(levels), dtype=bool),
    }

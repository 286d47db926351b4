"""Column: what one column of a table is, which values it can take, and its number line."""

from __future__ import annotations

import functools
import math
import re
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget._typing import Floats, Objects
from tabwidget.errors import EvidenceError, TableError, nearest
from tabwidget.table.binning import bins_of
from tabwidget.table.text_embedding import TextSpace
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
    zone_of,
)

__all__ = ["Column", "column_of"]

Kind = Literal["numeric", "categorical", "boolean", "datetime", "text"]
Role = Literal["feature", "evidence", "ignored"]

# Texts of which more than this share of the cells differ are identifiers or prose.
MAX_DISTINCT = 0.9
MAX_LEVELS = 5_000
FEW_LEVELS = 20  # with no more, texts are levels, whatever they look like
# Names of columns that number the rows, if the numbers say so too.
ROW_NUMBER = re.compile(
    r"(^|[\W_])(id|idx|index|key|no|nr|row|rownames?|unnamed: 0)$", re.IGNORECASE
)
PROSE_WORDS = 4  # a text, in the mean, from which on it is prose
# A number with at most this many values is answered on them; one with more, on bins.
MAX_LISTED = 24
# Sums and squares of numbers beyond this overflow.
LARGEST = 1e150
# Up to here floats tell whole numbers and their halves apart.
LARGEST_INTEGER = 2.0**51


@dataclass(frozen=True, eq=False, kw_only=True)
class Column:
    """One column: its kind, its role and the values it is answered on.

    Attributes
    ----------
    name : str
        Name in the frame.
    kind : {"numeric", "categorical", "boolean", "datetime", "text"}
        How the values are read. Dates and times are numbers on the inside (seconds since 1970).
        Text has no levels, its words tell of the other columns.
    role : {"feature", "evidence", "ignored"}
        Evidence can be given, but not asked for. An ignored column takes no part. `note` says why.
    dtype : str
        The pandas dtype.
    missing : float
        Share of missing cells, 0 to 1; infinite numbers count as missing.
    n_unique : int
        Distinct values that are not missing.
    support : ndarray
        The levels, or the grid values that a number is answered on, as the user writes them.
    grid : ndarray of float, increasing
        The support on the number line; the level's index for categories.
    edges : ndarray of float or None, increasing
        Bin edges, one more than the support, when a number has too many values to list. Those of
        whole numbers lie halfway between two, so that each number is inside one bin.
    atoms : ndarray of bool
        Which bins stand for one value, so frequent that it is a bin by itself.
    integer : bool
        True when every value is a whole number.
    decimals : int or None
        Digits after the point that the numbers have; None if more than can be told.
    step : float
        What they are all whole multiples of, such as 25 or 0.1; 0 without `decimals`.
    held : str
        "date", "decimal" or "integer" for a column of objects of that type, empty for any other.
    note : str
        Why the column is ignored, or what is odd about it.
    low, high : float
        Range of a number; NaN for categories.
    space : TextSpace or None
        Where a text lies by its words.
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
    atoms: NDArray[np.bool_]
    integer: bool = False
    decimals: int | None = None
    step: float = 0.0
    held: str = ""
    note: str = ""
    low: float = math.nan
    high: float = math.nan
    space: TextSpace | None = None

    @property
    def is_number(self) -> bool:
        """Whether the values lie on a line (numbers, dates) rather than being levels."""
        return self.kind in ("numeric", "datetime")

    def numbers(self, values: Values) -> Floats:
        """Return `values` as floats: the number itself, or the level's index; NaN if missing.

        Raises
        ------
        EvidenceError
            For a value that is no number, or no level of the column. Names the nearest level.
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
        """How many numbers a backend reads of a cell: one, or the place of a text on each axis."""
        return 1 if self.space is None else len(self.space.axes)

    def inputs(self, values: Values) -> Floats:
        """Return what a backend reads of values, shape ``(n_values, width)``."""
        if self.space is None:
            return self.numbers(values)[:, None]
        there = np.array([not is_missing(value) for value in values], dtype=bool)
        texts = [str(value) for value in np.asarray(values, dtype=object)[there]]
        found = np.full((len(there), self.width), np.nan)
        if texts:
            found[there] = self.space.places(texts)
        return found

    def number(self, value: object) -> float:
        """Return one value as `numbers` does; missing is an error here."""
        # What is asked a value at a time need not pass through pandas.
        plain_number = isinstance(value, (int, float, np.integer))
        if self.kind == "numeric" and plain_number and -LARGEST <= value <= LARGEST:  # type: ignore[operator]
            return float(value)  # type: ignore[arg-type]
        if isinstance(value, str) and value in self._places:
            return self._places[value]
        number = float(self.numbers([value])[0])
        if math.isnan(number):
            raise EvidenceError(
                f"column {self.name!r}: {value!r} is a missing value, not evidence: leave it out"
            )
        return number

    @functools.cached_property
    def _places(self) -> dict[str, float]:
        """Texts among the levels, and their places."""
        return {v: float(i) for i, v in enumerate(self.support) if type(v) is str}

    def restore(self, numbers: Floats) -> Objects:
        """Return `numbers`, none of them missing, as values: the inverse of `numbers`."""
        numbers = np.asarray(numbers, dtype=np.float64)
        if self.kind == "datetime":
            return as_stamps(numbers, self.support[0].tz)
        if self.kind == "numeric":
            return np.round(numbers).astype(np.int64) if self.integer else numbers
        return self.support[numbers.astype(np.int64)]

    def value(self, number: float) -> Any:
        """Return one number as a value of the column: a Python number, text or Timestamp."""
        value = self.restore(np.array([number]))[0]
        return value.item() if isinstance(value, np.generic) else value

    def codes(self, numbers: Floats) -> NDArray[np.int64]:
        """Return the index in the support that each number falls on; -1 if missing or off it.

        Numbers beyond the bins fall on the outermost.
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
        """Return the column with the values of more cells taken in: new levels stand last.

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
            return replace(self, **_answered_on(levels), n_unique=len(levels))
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
        """How wide each bin is; one for listed values; as a usual bin for a value alone."""
        if self.edges is None:
            return np.ones(len(self.grid))
        widths = np.diff(self.edges)
        if self.integer or not self.atoms.any():
            return widths
        usual = float(np.median(widths[~self.atoms])) if not self.atoms.all() else 1.0
        return np.where(self.atoms, usual, widths)

    def within(self, cells: NDArray[np.int64], shares: Floats) -> Floats:
        """Return the number at a share, 0 to 1, of each cell of the support."""
        if self.edges is None:
            return self.grid[cells]
        numbers = self.edges[cells] + shares * np.diff(self.edges)[cells]
        return np.where(self.atoms[cells], self.grid[cells], numbers)

    def round_to_resolution(
        self, numbers: Floats, fits: Callable[[Floats], NDArray[np.bool_]]
    ) -> Floats:
        """Return numbers as the data have them, to their digits and steps, where they fit there.

        Parameters
        ----------
        numbers : ndarray
            Of any digits.
        fits : callable
            Whether each of some numbers near them may stand in its place.
        """
        if self.decimals is None:
            return numbers
        near, found = np.round(numbers / self.step), np.array(numbers, dtype=np.float64)
        free = np.ones(len(found), dtype=bool)
        for shift in (0, -1, 1):
            candidate = np.round((near + shift) * self.step, self.decimals)
            good = free & fits(candidate)
            found[good], free = candidate[good], free & ~good
        return found

    def nearest_codes(self, numbers: Floats) -> NDArray[np.int64]:
        """Return the index in the support that each number, none of them missing, is nearest to."""
        if self.edges is not None or not self.is_number:
            return self.codes(numbers)
        halfway = (self.grid[1:] + self.grid[:-1]) / 2
        return np.searchsorted(halfway, numbers, side="left").astype(np.int64)

    def _level_codes(self, values: Values) -> Floats:
        series = pd.Series(values, dtype="object")
        missing = np.array(series.isna())
        try:
            codes = pd.Index(self.support, dtype="object").get_indexer(pd.Index(series))
        except TypeError:  # a value that cannot be hashed is no level
            codes = np.full(len(series), -1)
        unknown = np.flatnonzero((codes < 0) & ~missing)
        if len(unknown):
            # Numbers and texts that print alike (1 and "1") are one level to whoever types them.
            by_text = {str(level): i for i, level in reversed(list(enumerate(self.support)))}
            codes[unknown] = [by_text.get(str(series.iloc[i]), -1) for i in unknown]
            for i in unknown[codes[unknown] < 0]:
                value = series.iloc[i]
                hint = nearest(value, self.support) or f" It has {listed(self.support)}."
                raise EvidenceError(
                    f"column {self.name!r} has no level {reprlib.repr(plain(value))}.{hint}"
                )
        return np.where(missing, np.nan, codes.astype("float64"))


def column_of(series: pd.Series, name: str, *, keep: bool = False) -> Column:
    """Return what a column with at least one value is.

    Parameters
    ----------
    series : Series
        Its cells.
    name : str
        What to call it.
    keep : bool, default False
        Learn it although it looks like an identifier.

    Raises
    ------
    TableError
        For numbers of which none is finite.

    Examples
    --------
    >>> column = column_of(pd.Series(["b", "a", None]), "letter")
    >>> column.kind, column.support.tolist(), round(column.missing, 2)
    ('categorical', ['a', 'b'], 0.33)
    """
    kind = _kind(series)
    if kind == "numeric":
        try:
            numbers = as_floats(series)
        except OverflowError:
            raise TableError(
                f"column {name!r} holds a whole number too large for a float: make it None, or "
                f"take logarithms"
            ) from None
        return _number_column(series, name, kind, numbers, keep)
    if kind == "datetime":
        return _number_column(series, name, kind, as_seconds(series, name), keep)
    return _level_column(series, name, kind, keep)


def _kind(series: pd.Series) -> Kind:
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "categorical"
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    if pd.api.types.is_numeric_dtype(dtype):
        return "categorical" if pd.api.types.is_complex_dtype(dtype) else "numeric"
    if pd.api.types.is_object_dtype(dtype):
        # pandas' own word for what the objects are, found without a loop in Python.
        held = pd.api.types.infer_dtype(series, skipna=True)
        if held == "boolean":
            return "boolean"
        if held in ("integer", "floating", "mixed-integer-float", "decimal"):
            return "numeric"
        if held in ("datetime", "datetime64", "date"):
            return "datetime"
    return "categorical"


def _held(series: pd.Series) -> str:
    """Return which of the types that are read as numbers a column of objects holds."""
    if not pd.api.types.is_object_dtype(series.dtype):
        return ""
    held = str(pd.api.types.infer_dtype(series, skipna=True))
    return held if held in ("date", "decimal", "integer") else ""


def _decimals(numbers: Floats) -> int | None:
    """Return the digits after the point that all numbers do with, up to six."""
    with np.errstate(over="ignore", invalid="ignore"):  # beyond 1e300
        for digits in range(7):
            if np.array_equal(np.round(numbers, digits), numbers):
                return digits
    return None


def _step(numbers: Floats, decimals: int | None) -> float:
    """Return the largest number that all are whole multiples of, at these digits."""
    if decimals is None:
        return 0.0
    units = np.round(numbers * 10.0**decimals)
    exact = np.abs(units).max() <= LARGEST_INTEGER
    common = int(np.gcd.reduce(units.astype(np.int64))) if exact else 1
    return (common or 1) / 10.0**decimals


def _number_column(series: pd.Series, name: str, kind: Kind, numbers: Floats, keep: bool) -> Column:
    infinite = int(np.isnan(numbers).sum()) - int(series.isna().sum())
    missing = float(np.isnan(numbers).mean())
    numbers = numbers[~np.isnan(numbers)]
    if not len(numbers):
        raise TableError(f"column {name!r} holds no finite number: drop it or fill it")
    role: Role = "feature"
    note = f"{infinite} infinite cells count as missing" if infinite else ""
    largest = float(np.abs(numbers).max())
    integer = kind == "numeric" and largest < LARGEST_INTEGER and not np.any(numbers % 1)
    if largest > LARGEST:
        role, note = "ignored", f"it holds numbers beyond {LARGEST:g}: divide them by a constant"
    distinct = np.unique(numbers)
    if len(distinct) == 1:
        note = note or "constant"
    counted = integer and len(distinct) == len(series) == np.ptp(distinct) + 1 > MAX_LISTED
    if counted and not keep and ROW_NUMBER.search(name):
        role = "ignored"
        note = f"it numbers the rows. Table(frame, keep=[{name!r}]) learns it all the same"
    grid, edges, atoms = distinct, None, np.zeros(len(distinct), dtype=bool)
    if len(distinct) > MAX_LISTED and role == "feature":
        bins = bins_of(numbers, integer=integer)
        grid, edges, atoms = bins.means, bins.edges, bins.atoms
    decimals = _decimals(distinct) if kind == "numeric" else None
    support: Objects = grid
    if kind == "datetime":
        support = as_stamps(grid, zone_of(series))
    elif integer and edges is None:
        support = grid.astype(np.int64)
    return Column(
        name=name,
        kind=kind,
        role=role,
        dtype=str(series.dtype),
        missing=missing,
        n_unique=len(distinct),
        support=support,
        grid=grid,
        edges=edges,
        atoms=atoms,
        integer=bool(integer),
        decimals=decimals,
        step=_step(distinct, decimals),
        held=_held(series),
        note=note,
        low=float(distinct[0]),
        high=float(distinct[-1]),
    )


def _level_column(series: pd.Series, name: str, kind: Kind, keep: bool) -> Column:
    present = series.dropna()
    role: Role = "feature"
    note = ""
    try:
        levels = levels_of(present)
    except (TypeError, NotImplementedError):  # lists and dicts cannot be compared
        levels, role = [], "ignored"
        note = f"its cells are of type {type(present.iloc[0]).__name__}, not single values"
    many = not keep and len(levels) > FEW_LEVELS
    mostly_distinct = len(levels) > MAX_DISTINCT * len(present)
    if isinstance(present.iloc[0], timedelta):
        role = "ignored"
        note = f"durations: make them numbers first (frame[{name!r}].dt.total_seconds())"
    elif many and all(is_number_like(level) for level in levels):
        role = "ignored"
        note = f"numbers written as text: pd.to_numeric(frame[{name!r}]) makes them numbers"
    elif many and mostly_distinct and _is_prose(levels):
        return _text_column(series, name, [str(value) for value in present])
    elif many and len(levels) > MAX_LEVELS:
        role = "ignored"
        note = f"{len(levels)} distinct values, more than {MAX_LEVELS}: group them first"
    elif many and mostly_distinct:
        role = "ignored"
        note = (
            f"{len(levels)} distinct values in {len(present)} cells: an identifier. "
            f"Table(frame, keep=[{name!r}]) learns it all the same"
        )
    elif len(levels) == 1:
        note = "constant"
    return Column(
        name=name,
        kind=kind,
        role=role,
        dtype=str(series.dtype),
        missing=float(1 - len(present) / len(series)),
        n_unique=len(levels),
        note=note,
        **_answered_on(levels),
    )


def _text_column(series: pd.Series, name: str, texts: list[str]) -> Column:
    role: Role = "evidence"
    note = "free text: it tells of the other columns, and is not asked for itself"
    space = TextSpace.of(texts)
    if space is None:
        role, note = "ignored", "free text, without words that tell one from another"
    return Column(
        name=name,
        kind="text",
        role=role,
        dtype=str(series.dtype),
        missing=float(1 - len(texts) / len(series)),
        n_unique=len(set(texts)),
        note=note,
        space=space,
        **_answered_on([]),
    )


def _answered_on(levels: Sequence[object]) -> dict[str, Any]:
    """Return the fields of a column that is answered on levels."""
    support = np.empty(len(levels), dtype=object)
    support[:] = levels
    return {
        "support": support,
        "grid": np.arange(len(levels), dtype=np.float64),
        "atoms": np.zeros(len(levels), dtype=bool),
    }


def _is_prose(levels: Sequence[object]) -> bool:
    words = [len(str(level).split()) for level in levels[:100]]
    return bool(np.mean(words) >= PROSE_WORDS)

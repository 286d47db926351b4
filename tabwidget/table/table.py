"""Table and TableSchema: a DataFrame, and what each of its columns is."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget import datasets
from tabwidget.errors import ColumnError, DataFileError, TableError, nearest
from tabwidget.table.column import Column, column_of
from tabwidget.table.readers import read_frame
from tabwidget.table.text_embedding import TextSpace
from tabwidget.table.values import is_missing, listed, plain

__all__ = ["Column", "Table", "TableSchema", "as_table"]

MAX_BARS = 20


class TableSchema(Mapping[str, Column]):
    """The columns of a table by name, in their order."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = {column.name: column for column in columns}

    def __getitem__(self, name: str) -> Column:
        try:
            return self._columns[name]
        except KeyError:
            hint = nearest(name, self._columns) or f" The table has {listed(list(self))}."
            raise ColumnError(f"there is no column {name!r}.{hint}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @functools.cached_property
    def targets(self) -> tuple[str, ...]:
        """Names of the columns that can be asked for."""
        return tuple(name for name, column in self._columns.items() if column.role == "feature")

    @functools.cached_property
    def inputs(self) -> tuple[Column, ...]:
        """The columns that a backend reads: the active ones, then those of text."""
        texts = [column for column in self._columns.values() if column.role == "evidence"]
        return (*(self[name] for name in self.targets), *texts)

    def positions(self, name: str) -> slice:
        """Return which numbers of a row, as `rows` writes it, are those of a column it reads."""
        return self._places[self.input_column(name).name]

    @functools.cached_property
    def _places(self) -> dict[str, slice]:
        ends = accumulate(column.width for column in self.inputs)
        return {
            column.name: slice(end - column.width, end)
            for column, end in zip(self.inputs, ends, strict=True)
        }

    @functools.cached_property
    def width(self) -> int:
        """How many numbers a row is: one an active column, and those of texts."""
        return sum(column.width for column in self.inputs)

    def rows(self, frame: pd.DataFrame, *, without: Sequence[str] = ()) -> NDArray[np.float64]:
        """Return a frame's rows as a backend reads them, shape ``(n_rows, width)``.

        NaN stands where a cell is absent, or not to be read. Columns of
        the frame that take no part are passed over; unknown ones are an error.
        """
        frame = frame.rename(columns=str)
        if frame.columns.has_duplicates:
            twice = frame.columns[frame.columns.duplicated()][0]
            raise TableError(f"the column name {twice!r} stands more than once: rename one of them")
        rows = np.full((len(frame), self.width), np.nan)
        for name in frame.columns:
            column = self[name]
            if column.role != "ignored" and name not in without:
                rows[:, self.positions(name)] = column.inputs(frame[name])
        return rows

    def input_column(self, name: str) -> Column:
        """Return a column that can be given; `ColumnError` if it is unknown or ignored."""
        column = self[name]
        if column.role == "ignored":
            raise ColumnError(f"column {name!r} takes no part in the model: {column.note}")
        return column

    def target_column(self, name: str) -> Column:
        """Return a column that can be asked for; `ColumnError` if it cannot be."""
        column = self.input_column(name)
        if column.role == "evidence":
            raise ColumnError(f"column {name!r} can be given, but not asked for: it is free text")
        return column


class Table:
    """A DataFrame with its schema.

    Parameters
    ----------
    frame : DataFrame
        At least two rows and one column, column names unique.
    name : str, default "table"
        What to call it.
    keep : sequence of str, optional
        Columns to learn although they look like identifiers.
    schema : TableSchema, optional
        What the columns are, if it is known already.

    Raises
    ------
    TableError
        With the column's name and the mend.

    Examples
    --------
    >>> import pandas as pd
    >>> table = Table(pd.DataFrame({"a": [1.0, 2.5, None], "b": ["x", "y", "x"]}))
    >>> table.schema["b"].support.tolist()
    ['x', 'y']
    >>> table.row(2)
    {'b': 'x'}
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        name: str = "table",
        *,
        keep: Sequence[str] = (),
        schema: TableSchema | None = None,
    ) -> None:
        _check(frame, may_be_empty=schema is not None)
        self.frame = frame.rename(columns=str)
        self.name = name
        for column in keep:
            if column not in self.frame:
                hint = nearest(column, self.frame)
                raise ColumnError(f"there is no column {column!r} to keep.{hint}")
        self.schema = schema or TableSchema(
            [column_of(self.frame[c], c, keep=c in keep) for c in self.frame.columns]
        )
        if not self.schema.targets:
            notes = "; ".join(f"{c.name!r}: {c.note}" for c in self.schema.values())
            raise TableError(f"no column can be learned ({notes})")

    @classmethod
    def read(cls, path: str | Path) -> Table:
        """Read a CSV, TSV or Parquet file; `DataFileError` if it is missing or no table."""
        return cls(read_frame(path), name=Path(path).stem)

    def __len__(self) -> int:
        return len(self.frame)

    def row(self, index: int) -> dict[str, Any]:
        """Return the present cells of one row, without ignored columns.

        Whole numbers are integers, whatever the dtype: a column with missing cells is float.
        """
        # A row taken whole would turn integers into floats wherever a float stands beside them.
        used = [column.name for column in self.schema.values() if column.role != "ignored"]
        cells = {name: self.frame[name].iat[index] for name in used}
        return {
            name: self._cell(self.schema[name], cell)
            for name, cell in cells.items()
            if not is_missing(cell)
        }

    def histogram(self, name: str) -> list[dict[str, Any]]:
        """Return at most 20 bars ``{"label", "low", "high", "count"}`` of one column.

        Those of text are its most frequent words.
        """
        column = self.schema[name]
        if column.is_number:
            return _number_bars(column, self.frame[name])
        if column.space is not None:
            return _word_bars(column.space, self.frame[name].dropna())
        if not len(column.support):
            return []
        counts = self.frame[name].value_counts()
        return [
            {"label": str(level), "low": None, "high": None, "count": int(count)}
            for level, count in counts[counts > 0].head(MAX_BARS).items()
        ]

    def summary(self) -> list[dict[str, Any]]:
        """Return one JSON-safe dict a column: what a panel shows of it."""
        return [
            {
                "name": column.name,
                "kind": column.kind,
                "role": column.role,
                "dtype": column.dtype,
                "missing": column.missing,
                "n_unique": column.n_unique,
                "note": column.note,
                "integer": column.integer,
                "low": plain(column.low),
                "high": plain(column.high),
                "levels": [] if column.is_number else [plain(v) for v in column.support[:200]],
                "histogram": self.histogram(column.name),
            }
            for column in self.schema.values()
        ]

    @staticmethod
    def _cell(column: Column, cell: object) -> Any:
        return column.value(column.number(cell)) if column.kind == "numeric" else plain(cell)


def as_table(source: object) -> Table:
    """Return a Table of whatever holds one.

    Parameters
    ----------
    source : Table, DataFrame, str or Path
        A str is the name of a sample, or else a path to a CSV, TSV or Parquet file.

    Raises
    ------
    TableError
        If it is something else, or a table that cannot be used.
    DataFileError
        If there is neither a sample nor a file of that name, or the file is no table.

    Examples
    --------
    >>> len(as_table("penguins"))
    344
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, Path):
        return Table.read(source)
    if not isinstance(source, str):
        return Table(source)  # type: ignore[arg-type]  # which says what it is, if no frame
    if source in datasets.names():
        return Table(datasets.load(source), source)
    if not os.path.exists(os.path.expanduser(source)):
        known = ", ".join(datasets.names())
        raise DataFileError(
            f"there is neither a sample nor a file {source!r}."
            f"{nearest(source, datasets.names())} The samples are {known}; a file is a path to a "
            "CSV, TSV or Parquet file"
        )
    return Table.read(source)


def _check(frame: pd.DataFrame, *, may_be_empty: bool) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise TableError(f"a table is a pandas DataFrame, not {type(frame).__name__}")
    if isinstance(frame.columns, pd.MultiIndex):
        raise TableError("the columns have several levels: flatten them to plain names first")
    if frame.shape[1] == 0 or frame.shape[0] == 0:
        raise TableError(
            f"the table is empty ({frame.shape[0]} rows, {frame.shape[1]} columns): "
            "give at least two rows and one column"
        )
    names = pd.Index([str(name) for name in frame.columns])
    twice = names[names.duplicated()]
    if len(twice):
        raise TableError(
            f"the column name {twice[0]!r} stands more than once: rename one of them "
            "(frame.columns = [...])"
        )
    if len(frame) < 2:
        raise TableError("the table has one row: give at least two to learn from")
    for place, name in enumerate(frame.columns):
        # By place: as names, 1 and True are the same.
        cells = frame.iloc[:, place]
        try:
            empty = cells.isna().all()
        except ArithmeticError as error:  # Decimal("sNaN"), which allows no comparison
            raise TableError(
                f"column {str(name)!r} holds a number that cannot be compared ({error}): "
                "make it None"
            ) from None
        if empty and not may_be_empty:
            raise TableError(
                f"column {str(name)!r} has no value in any row: drop it "
                f"(frame.drop(columns=[{name!r}])) or fill it"
            )


def _number_bars(column: Column, cells: pd.Series) -> list[dict[str, Any]]:
    numbers = column.numbers(cells)
    numbers = numbers[np.isfinite(numbers)]
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.linspace(column.low, column.high, min(MAX_BARS, column.n_unique) + 1)
    if not np.all(edges[1:] > edges[:-1]):  # one value, or several too close to be told apart
        edges, counts = np.array([column.low, column.high]), np.array([len(numbers)])
    else:
        counts, _ = np.histogram(numbers, edges)
    return [
        {
            "label": _bar_label(column, float(low), float(high), last=high == edges[-1]),
            "low": float(low),
            "high": float(high),
            "count": int(count),
        }
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def _word_bars(space: TextSpace, texts: pd.Series) -> list[dict[str, Any]]:
    counts = space.counts([str(text) for text in texts])
    most = np.argsort(-counts, kind="stable")[:MAX_BARS]
    return [
        {"label": space.words[i], "low": None, "high": None, "count": int(counts[i])} for i in most
    ]


def _bar_label(column: Column, low: float, high: float, last: bool) -> str:
    """Return the value that a bar stands for if it is one, or else its ends."""
    if column.edges is None:
        inside = column.grid[(column.grid >= low) & (column.grid < high)]
        inside = np.append(inside, column.high) if last else inside
        if len(inside) == 1:
            return _end_label(column, float(inside[0]))
    return f"{_end_label(column, low)} to {_end_label(column, high)}"


def _end_label(column: Column, number: float) -> str:
    if column.kind == "numeric":
        return f"{number:g}"
    day_per_bar = column.high - column.low >= MAX_BARS * 86_400
    return str(column.value(number))[
        : len("2020-12-31") if day_per_bar else len("2020-12-31 23:59")
    ]

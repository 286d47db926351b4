"""Table and TableSchema: a DataFrame with the kind, role and support of its columns."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget import datasets
from tabwidget._formatting import format_date
from tabwidget.errors import ColumnError, DataFileError, TableError, nearest
from tabwidget.table.column import Column
from tabwidget.table.declared import as_kind
from tabwidget.table.infer import infer_column, infer_text
from tabwidget.table.readers import read_frame
from tabwidget.table.text_embedding import TextEmbedding
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
        """Names of the columns that can be targets."""
        return tuple(name for name, column in self._columns.items() if column.role == "feature")

    @functools.cached_property
    def inputs(self) -> tuple[Column, ...]:
        """The columns that a backend reads: targets, then text."""
        texts = [column for column in self._columns.values() if column.role == "evidence"]
        return (*(self[name] for name in self.targets), *texts)

    def positions(self, name: str) -> slice:
        """Return the positions of an input column in a row of `rows`."""
        return self._positions[self.input_column(name).name]

    @functools.cached_property
    def _positions(self) -> dict[str, slice]:
        ends = accumulate(column.width for column in self.inputs)
        return {
            column.name: slice(end - column.width, end)
            for column, end in zip(self.inputs, ends, strict=True)
        }

    @functools.cached_property
    def width(self) -> int:
        """Number of floats per row: one per target, and the embeddings of text."""
        return sum(column.width for column in self.inputs)

    def rows(self, frame: pd.DataFrame, *, without: Sequence[str] = ()) -> NDArray[np.float64]:
        """Return a frame's rows as a backend reads them, shape ``(n_rows, width)``.

        Missing cells and the columns in `without` are NaN. Ignored columns are skipped.

        Raises
        ------
        TableError, ColumnError
            If a column name is duplicated or unknown.
        """
        frame = frame.rename(columns=str)
        if frame.columns.has_duplicates:
            twice = frame.columns[frame.columns.duplicated()][0]
            raise TableError(f"the column name {twice!r} appears more than once: rename one")
        rows = np.full((len(frame), self.width), np.nan)
        for name in frame.columns:
            column = self[name]
            if column.role != "ignored" and name not in without:
                rows[:, self.positions(name)] = column.inputs(frame[name])
        return rows

    def input_column(self, name: str) -> Column:
        """Return a column usable as evidence; `ColumnError` if it is unknown or ignored."""
        column = self[name]
        if column.role == "ignored":
            raise ColumnError(f"column {name!r} is not used by the model: {column.note}")
        return column

    def target_column(self, name: str) -> Column:
        """Return a column usable as a target; `ColumnError` if it is not."""
        column = self.input_column(name)
        if column.role == "evidence":
            raise ColumnError(f"column {name!r} is free text: usable as evidence, not as a target")
        return column


class Table:
    """A DataFrame with its schema.

    Parameters
    ----------
    frame : DataFrame
        At least two rows and one column, column names unique.
    name : str, default "table"
        Name of the table.
    keep : sequence of str, optional
        Columns to use even if they look like identifiers.
    kinds : mapping of str to str, optional
        The kind of columns that is not to be inferred: "numeric", "categorical", "boolean",
        "datetime" or "text". Their cells are converted.
    ignore : sequence of str, optional
        Columns to leave out.
    schema : TableSchema, optional
        Inferred from the frame by default.

    Raises
    ------
    TableError, ColumnError
        Names the column and the fix.

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
        kinds: Mapping[str, str] | None = None,
        ignore: Sequence[str] = (),
        schema: TableSchema | None = None,
    ) -> None:
        _check(frame)
        self.frame = frame.rename(columns=str)
        self.name = name
        self.keep, self.kinds, self.ignore = tuple(keep), dict(kinds or {}), tuple(ignore)
        for column, use in [
            *((name, "keep") for name in keep),
            *((name, "ignore") for name in self.ignore),
            *((name, "give a kind") for name in self.kinds),
        ]:
            if column not in self.frame:
                hint = nearest(column, self.frame)
                raise ColumnError(f"there is no column {column!r} to {use}.{hint}")
        converted = {
            column: as_kind(self.frame[column], column, kind) for column, kind in self.kinds.items()
        }
        if converted:
            self.frame = self.frame.assign(**converted)
        self.schema = schema or TableSchema([self._inferred(c, keep) for c in self.frame.columns])
        if not self.schema.targets:
            notes = "; ".join(f"{c.name!r}: {c.note}" for c in self.schema.values())
            raise TableError(f"no column is usable ({notes})")

    def _inferred(self, name: str, keep: Sequence[str]) -> Column:
        cells, kind = self.frame[name], self.kinds.get(name)
        column = (
            infer_text(cells, name)
            if kind == "text"
            else infer_column(cells, name, keep=name in keep or kind is not None)
        )
        if name in self.ignore:
            return replace(column, role="ignored", note="left out")
        return column

    def declare(self, name: str, *, kind: str | None = None, used: bool | None = None) -> Table:
        """Return the table with another kind of one column, or with the column in or out of use.

        Parameters
        ----------
        name : str
            The column.
        kind : str, optional
            Its kind, as in `kinds`.
        used : bool, optional
            False leaves the column out, True uses it.

        Raises
        ------
        ColumnError
            If there is no such column or kind, or a cell cannot be converted.

        Examples
        --------
        >>> import pandas as pd
        >>> table = Table(pd.DataFrame({"zone": [1, 2, 1, 3], "y": [0.5, 1.5, 2.5, 3.5]}))
        >>> table.declare("zone", kind="categorical").schema["zone"].kind
        'categorical'
        >>> table.declare("zone", used=False).schema["zone"].role
        'ignored'
        """
        self.schema[name]  # an error names the nearest column
        kinds = self.kinds if kind is None else {**self.kinds, name: kind}
        ignore, keep = set(self.ignore), set(self.keep)
        if used is not None:
            (ignore.discard if used else ignore.add)(name)
            (keep.add if used else keep.discard)(name)
        order = list(self.frame.columns)
        return Table(
            self.frame,
            self.name,
            keep=[column for column in order if column in keep],
            kinds=kinds,
            ignore=[column for column in order if column in ignore],
        )

    @classmethod
    def read(cls, path: str | Path) -> Table:
        """Read a CSV, TSV or Parquet file; `DataFileError` if it is missing or not a table."""
        return cls(read_frame(path), name=Path(path).stem)

    def __len__(self) -> int:
        return len(self.frame)

    def row(self, index: int) -> dict[str, Any]:
        """Return the cells of one row, without missing cells and ignored columns.

        Whole numbers are int, even in a float column with missing cells.
        """
        # frame.iloc[index] would convert integers to floats in a row with floats.
        used = [column.name for column in self.schema.values() if column.role != "ignored"]
        cells = {name: self.frame[name].iat[index] for name in used}
        return {
            name: self._cell(self.schema[name], cell)
            for name, cell in cells.items()
            if not is_missing(cell)
        }

    def histogram(self, name: str) -> list[dict[str, Any]]:
        """Return at most 20 bars ``{"label", "low", "high", "count"}`` of one column.

        The bars of a text column are its most frequent words.
        """
        column = self.schema[name]
        if column.is_number:
            return _number_bars(column, self.frame[name])
        if column.embedding is not None:
            return _word_bars(column.embedding, self.frame[name].dropna())
        if not len(column.support):
            return []
        counts = self.frame[name].value_counts()
        return [
            {"label": str(level), "low": None, "high": None, "count": int(count)}
            for level, count in counts[counts > 0].head(MAX_BARS).items()
        ]

    def summary(self) -> list[dict[str, Any]]:
        """Return one JSON-safe dict per column, as the data panel shows it."""
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
    """Return a Table from a DataFrame, a sample's name or a file.

    Parameters
    ----------
    source : Table, DataFrame, str or Path
        A str is the name of a sample, or a path to a CSV, TSV or Parquet file.

    Raises
    ------
    TableError
        If it is something else, or an unusable table.
    DataFileError
        If there is neither a sample nor a file of that name, or the file is not a table.

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
        return Table(source)  # type: ignore[arg-type]  # raises for other types
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


def _check(frame: pd.DataFrame) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise TableError(f"a table is a pandas DataFrame, not {type(frame).__name__}")
    if isinstance(frame.columns, pd.MultiIndex):
        raise TableError("the column names have several levels: flatten them to plain names")
    if frame.shape[1] == 0 or frame.shape[0] == 0:
        raise TableError(
            f"the table is empty ({frame.shape[0]} rows, {frame.shape[1]} columns): "
            "give at least two rows and one column"
        )
    names = pd.Index([str(name) for name in frame.columns])
    twice = names[names.duplicated()]
    if len(twice):
        raise TableError(
            f"the column name {twice[0]!r} appears more than once: rename one "
            "(frame.columns = [...])"
        )
    if len(frame) < 2:
        raise TableError("the table has one row: give at least two to learn from")
    for position, name in enumerate(frame.columns):
        # By position: the names 1 and True are equal.
        cells = frame.iloc[:, position]
        try:
            cells.isna()
        except ArithmeticError as error:  # Decimal("sNaN") cannot be compared
            raise TableError(
                f"column {str(name)!r} contains a number that cannot be compared ({error}): "
                "replace it by None"
            ) from None


def _number_bars(column: Column, cells: pd.Series) -> list[dict[str, Any]]:
    numbers = column.numbers(cells)
    numbers = numbers[np.isfinite(numbers)]
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.linspace(column.low, column.high, min(MAX_BARS, column.n_unique) + 1)
    if not np.all(edges[1:] > edges[:-1]):  # one value, or values too close for floats in between
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


def _word_bars(embedding: TextEmbedding, texts: pd.Series) -> list[dict[str, Any]]:
    counts = embedding.document_counts([str(text) for text in texts])
    most = np.argsort(-counts, kind="stable")[:MAX_BARS]
    return [
        {"label": embedding.words[i], "low": None, "high": None, "count": int(counts[i])}
        for i in most
    ]


def _bar_label(column: Column, low: float, high: float, last: bool) -> str:
    """Return the value in a bar if it is a single one, or else the ends of the bar."""
    if column.edges is None:
        inside = column.grid[(column.grid >= low) & (column.grid < high)]
        inside = np.append(inside, column.high) if last else inside
        if len(inside) == 1:
            return _end_label(column, float(inside[0]))
    return f"{_end_label(column, low)} to {_end_label(column, high)}"


def _end_label(column: Column, number: float) -> str:
    if column.kind == "numeric":
        return f"{number:g}"
    return format_date(column.value(number), (column.high - column.low) / MAX_BARS)

"""Table and TableSchema: what each column is, which values it can take, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget.errors import ColumnError, DataFileError, EvidenceError, TableError, nearest

__all__ = ["Column", "Table", "TableSchema", "plain", "read_frame"]

Kind = Literal["numeric", "categorical", "boolean", "datetime"]
Role = Literal["feature", "ignored"]
Floats: TypeAlias = NDArray[np.float64]
Objects: TypeAlias = NDArray[Any]

# A column of texts with more levels than this, most of them seen once, is an identifier or prose.
MAX_LEVELS = 200
# A number is answered on at most this many grid values; 128 drown the other columns' loss.
MAX_GRID = 24


@dataclass(frozen=True, eq=False)
class Column:
    """One column: its kind, its role and the values it is answered on.

    Attributes
    ----------
    name : str
        Name in the frame.
    kind : {"numeric", "categorical", "boolean", "datetime"}
        How the values are read. Dates and times are numbers on the inside (seconds).
    role : {"feature", "ignored"}
        An ignored column takes no part; `note` says why.
    dtype : str
        The pandas dtype.
    missing : float
        Share of missing cells, 0 to 1.
    n_unique : int
        Distinct values that are not missing.
    support : ndarray
        The levels, or the grid values that a number is answered on, as the user writes them.
    grid : ndarray of float
        The support on the number line; the level's index for categories.
    edges : ndarray of float or None
        Bin edges, one more than the support, when a number has too many values to list.
    integer : bool
        True when every value is a whole number.
    note : str
        Why the column is ignored, or what is odd about it.
    low, high : float
        Range of a number; NaN for categories.
    """

    name: str
    kind: Kind
    role: Role
    dtype: str
    missing: float
    n_unique: int
    support: Objects
    grid: Floats
    edges: Floats | None
    integer: bool
    note: str
    low: float
    high: float

    @property
    def is_number(self) -> bool:
        """Whether the values lie on a line (numbers, dates) rather than being levels."""
        return self.kind in ("numeric", "datetime")

    def numbers(self, values: Sequence[object] | Objects | pd.Series) -> Floats:
        """Return `values` as floats: the number itself, or the level's index; NaN if missing.

        Raises
        ------
        EvidenceError
            For a value that is no number, or no level of the column. Names the nearest level.
        """
        if self.kind == "datetime":
            return self._seconds(values)
        if self.kind == "numeric":
            return self._floats(values)
        return self._codes(values)

    def number(self, value: object) -> float:
        """Return one value as `numbers` does; missing is an error here."""
        number = float(self.numbers([value])[0])
        if math.isnan(number):
            raise EvidenceError(f"column {self.name!r}: {value!r} is a missing value, not evidence")
        return number

    def restore(self, numbers: Floats) -> Objects:
        """Return `numbers` as values of the column, the inverse of `numbers`."""
        if self.kind == "datetime":
            stamps = pd.to_datetime(np.round(np.asarray(numbers) * 1e3), unit="ms", utc=True)
            zone = getattr(pd.Series(self.support).dtype, "tz", None)
            return np.asarray(
                [s.tz_convert(zone) if zone else s.tz_localize(None) for s in stamps], dtype=object
            )
        if self.kind == "numeric":
            rounded = np.round(numbers) if self.integer else np.asarray(numbers)
            return rounded.astype(np.int64) if self.integer else rounded
        return self.support[np.asarray(numbers).astype(np.int64)]

    def cells(self, numbers: Floats) -> NDArray[np.int64]:
        """Return the index in the support that each number falls on; -1 if missing or off it."""
        present = np.isfinite(numbers)
        if self.edges is not None:
            index = np.searchsorted(self.edges[1:-1], numbers, side="right")
            return np.where(present, index, -1)
        if not self.is_number:
            return np.where(present, np.nan_to_num(numbers), -1).astype(np.int64)
        index = np.clip(np.searchsorted(self.grid, numbers), 0, len(self.grid) - 1)
        return np.where(present & (self.grid[index] == numbers), index, -1)

    def _floats(self, values: Sequence[object] | Objects | pd.Series) -> Floats:
        try:
            numbers = np.array(pd.to_numeric(pd.Series(values)).astype("float64"))
        except (TypeError, ValueError):
            bad = next(v for v in values if not _is_number(v))
            raise EvidenceError(
                f"column {self.name!r} is numeric, but {bad!r} is not a number: "
                f"give one between {self.low:g} and {self.high:g}"
            ) from None
        numbers[~np.isfinite(numbers)] = np.nan
        return numbers

    def _seconds(self, values: Sequence[object] | Objects | pd.Series) -> Floats:
        try:
            stamps = pd.to_datetime(pd.Series(values), utc=True)
        except (TypeError, ValueError) as error:
            raise EvidenceError(
                f"column {self.name!r} holds dates, but {list(values)[:1]!r} cannot be read as one"
            ) from error
        seconds = np.array(stamps.astype("datetime64[ms, UTC]").astype("int64")) / 1e3
        return np.where(np.array(stamps.isna()), np.nan, seconds)

    def _codes(self, values: Sequence[object] | Objects | pd.Series) -> Floats:
        series = pd.Series(values, dtype="object")
        missing = np.array(series.isna())
        codes = pd.Index(self.support, dtype="object").get_indexer(pd.Index(series))
        unknown = np.flatnonzero((codes < 0) & ~missing)
        if len(unknown):
            # Numbers and texts that print alike (1 and "1") are one level to whoever types them.
            texts = pd.Index([str(level) for level in self.support])
            codes[unknown] = texts.get_indexer([str(series.iloc[i]) for i in unknown])
            for i in unknown[codes[unknown] < 0]:
                value = series.iloc[i]
                hint = nearest(value, self.support) or f" It has {_listed(self.support)}."
                raise EvidenceError(f"column {self.name!r} has no level {value!r}.{hint}")
        return np.where(missing, np.nan, codes.astype("float64"))


class TableSchema(Mapping[str, Column]):
    """The columns of a table by name, in their order."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = {column.name: column for column in columns}

    def __getitem__(self, name: str) -> Column:
        try:
            return self._columns[name]
        except KeyError:
            hint = nearest(name, self._columns) or f" The table has {_listed(list(self))}."
            raise ColumnError(f"there is no column {name!r}.{hint}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def active(self) -> tuple[str, ...]:
        """Names of the columns that take part."""
        return tuple(name for name, column in self._columns.items() if column.role == "feature")

    def known(self, name: str) -> Column:
        """Return a column that takes part; `ColumnError` if it is unknown or ignored."""
        column = self[name]
        if column.role == "ignored":
            raise ColumnError(f"column {name!r} takes no part in the model: {column.note}")
        return column


class Table:
    """A DataFrame with its schema.

    Parameters
    ----------
    frame : DataFrame
        At least two rows and one column, column names unique.
    name : str, default "table"
        What to call it.

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

    def __init__(self, frame: pd.DataFrame, name: str = "table") -> None:
        _check(frame)
        self.frame = frame.rename(columns=str)
        self.name = name
        self.schema = TableSchema([_column(self.frame[c], c) for c in self.frame.columns])
        if not self.schema.active:
            notes = "; ".join(f"{c.name!r}: {c.note}" for c in self.schema.values())
            raise TableError(f"no column can be learned ({notes})")

    @classmethod
    def read(cls, path: str | Path) -> Table:
        """Read a CSV, TSV or Parquet file."""
        return cls(read_frame(path), name=Path(path).stem)

    def __len__(self) -> int:
        return len(self.frame)

    def row(self, index: int) -> dict[str, Any]:
        """Return the present cells of one row, active columns only."""
        row = self.frame.iloc[index]
        return {name: plain(row[name]) for name in self.schema.active if not _missing(row[name])}

    def histogram(self, name: str) -> list[dict[str, Any]]:
        """Return at most 20 bars ``{"label", "low", "high", "count"}`` of one column."""
        column = self.schema[name]
        if column.is_number:
            numbers = column.numbers(self.frame[name])
            numbers = numbers[np.isfinite(numbers)]
            edges = np.histogram_bin_edges(numbers, bins=min(20, max(1, column.n_unique)))
            counts = np.histogram(numbers, edges)[0]
            ends = column.restore(edges) if column.kind == "datetime" else edges
            return [
                {
                    "label": f"{plain(ends[i])} to {plain(ends[i + 1])}",
                    "low": float(edges[i]),
                    "high": float(edges[i + 1]),
                    "count": int(count),
                }
                for i, count in enumerate(counts)
            ]
        counted = self.frame[name].value_counts().head(20)
        return [
            {"label": str(level), "low": None, "high": None, "count": int(count)}
            for level, count in counted.items()
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


def read_frame(path: str | Path) -> pd.DataFrame:
    """Read a CSV, TSV or Parquet file as a DataFrame.

    Raises
    ------
    DataFileError
        If the file is missing, empty, or not a table; says which.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        beside = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        raise DataFileError(f"there is no file {str(path)!r}.{nearest(path.name, beside)}")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pd.read_parquet(path)
        if path.suffix.lower() in (".tsv", ".tab"):
            return pd.read_csv(path, sep="\t")
        frame = pd.read_csv(path)
        if frame.shape[1] == 1 and ";" in str(frame.columns[0]):
            frame = pd.read_csv(path, sep=";")
    except Exception as error:  # each reader raises its own kinds, most of them not documented
        raise DataFileError(
            f"{str(path)!r} is not a table ({_first_line(error)}): "
            "give a CSV with a header line, a TSV or a Parquet file"
        ) from error
    return frame


def plain(value: object) -> Any:
    """Return a value as JSON holds it: numpy scalars as Python's, dates as text, missing as None.

    Examples
    --------
    >>> import numpy as np
    >>> plain(np.int64(3)), plain(float("nan")), plain("a")
    (3, None, 'a')
    """
    if isinstance(value, (str, bool)) or value is None:
        return value
    if _missing(value):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, pd.Timestamp):
        return value.isoformat(sep=" ")
    return str(value)


def _check(frame: pd.DataFrame) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise TableError(f"a table is a pandas DataFrame, not {type(frame).__name__}")
    if isinstance(frame.columns, pd.MultiIndex):
        raise TableError("the columns have several levels: flatten them to plain names first")
    if frame.shape[1] == 0 or frame.shape[0] == 0:
        raise TableError(
            f"the table is empty ({frame.shape[0]} rows, {frame.shape[1]} columns): "
            "give at least two rows and one column"
        )
    names = frame.columns.astype(str)
    twice = names[names.duplicated()]
    if len(twice):
        raise TableError(
            f"the column name {twice[0]!r} stands more than once: rename one of them "
            "(frame.columns = [...])"
        )
    if len(frame) < 2:
        raise TableError("the table has one row: give at least two to learn from")
    for name in frame.columns:
        if frame[name].isna().all():
            raise TableError(
                f"column {str(name)!r} has no value in any row: drop it "
                f"(frame.drop(columns=[{name!r}])) or fill it"
            )


def _column(series: pd.Series, name: str) -> Column:
    kind = _kind(series)
    present = series.dropna()
    base: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "dtype": str(series.dtype),
        "missing": float(1 - len(present) / len(series)),
    }
    if kind in ("numeric", "datetime"):
        return _number_column(base, present)
    return _level_column(base, present)


def _number_column(base: dict[str, Any], present: pd.Series) -> Column:
    name, kind = base["name"], base["kind"]
    if kind == "datetime":
        bare = Column(
            **base, role="feature", n_unique=0, support=np.array(present[:1]), grid=np.empty(0),
            edges=None, integer=False, note="", low=math.nan, high=math.nan,
        )  # fmt: skip
        numbers = bare.numbers(present)
    else:
        numbers = np.array(pd.to_numeric(present).astype("float64"))
        numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        raise TableError(f"column {name!r} holds no finite number: drop it or fill it")
    values, edges = _grid(numbers)
    integer = kind == "numeric" and bool(np.all(numbers == np.round(numbers)))
    column = Column(
        **base,
        role="feature",
        n_unique=len(np.unique(numbers)),
        support=values,
        grid=values,
        edges=edges,
        integer=integer and bool(np.abs(numbers).max() < 2**53),
        note="constant" if len(values) == 1 else "",
        low=float(numbers.min()),
        high=float(numbers.max()),
    )
    if kind == "datetime":
        zone = getattr(present.dtype, "tz", None)
        stamps = pd.to_datetime(np.round(values * 1e3), unit="ms", utc=True).tz_convert(zone)
        object.__setattr__(column, "support", np.array(list(stamps), dtype=object))
    elif column.integer and edges is None:
        object.__setattr__(column, "support", values.astype(np.int64))
    return column


def _level_column(base: dict[str, Any], present: pd.Series) -> Column:
    counts = present.astype("object").value_counts(sort=False)
    levels: list[object] = list(counts.index)
    if isinstance(present.dtype, pd.CategoricalDtype):
        levels = [level for level in present.dtype.categories if level in set(levels)]
    else:
        try:
            levels.sort()  # type: ignore[call-overload]
        except TypeError:
            levels.sort(key=str)
    support = np.empty(len(levels), dtype=object)
    support[:] = levels
    note, role = "", "feature"
    if len(levels) > MAX_LEVELS or (len(levels) > 20 and len(levels) > 0.9 * len(present)):
        role = "ignored"
        note = f"{len(levels)} distinct texts in {len(present)} cells: an identifier or free text"
    elif len(levels) == 1:
        note = "constant"
    return Column(
        **base,
        role=role,
        n_unique=len(levels),
        support=support,
        grid=np.arange(len(levels), dtype=np.float64),
        edges=None,
        integer=False,
        note=note,
        low=math.nan,
        high=math.nan,
    )


def _grid(numbers: Floats) -> tuple[Floats, Floats | None]:
    """Return the values a number is answered on and, if they are bins, the bins' edges."""
    distinct = np.unique(numbers)
    if len(distinct) <= MAX_GRID:
        return distinct, None
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, MAX_GRID + 1)))
    index = np.searchsorted(edges[1:-1], numbers, side="right")
    sums = np.bincount(index, weights=numbers, minlength=len(edges) - 1)
    counts = np.bincount(index, minlength=len(edges) - 1)
    middles = (edges[1:] + edges[:-1]) / 2
    return np.where(counts > 0, sums / np.maximum(counts, 1), middles), edges


def _kind(series: pd.Series) -> Kind:
    if pd.api.types.is_bool_dtype(series.dtype):
        return "boolean"
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "categorical"
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return "datetime"
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_complex_dtype(
        series.dtype
    ):
        return "numeric"
    if series.dtype == object:
        kinds = {type(value) for value in series.dropna()}
        if kinds and kinds <= {bool, np.bool_}:
            return "boolean"
        if kinds and all(issubclass(k, (int, float, np.number)) for k in kinds):
            return "numeric"
    return "categorical"


def _missing(value: object) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, (float, np.floating)) and not math.isfinite(value)


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return _missing(value)
    return True


def _listed(values: Sequence[object] | Objects, most: int = 8) -> str:
    shown = ", ".join(repr(plain(value)) for value in values[:most])
    return shown + (f" and {len(values) - most} more" if len(values) > most else "")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]

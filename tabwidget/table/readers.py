"""CSV, TSV and Parquet files as DataFrames."""

from __future__ import annotations

import codecs
import contextlib
import os
from pathlib import Path
from typing import Any

import pandas as pd

from tabwidget.errors import DataFileError, MissingExtraError, TableError, nearest

__all__ = ["read_frame"]

_ADVICE = "give a CSV with a header line, a TSV or a Parquet file"
_COMPRESSED = (".gz", ".bz2", ".zip", ".xz", ".zst")
_SEPARATORS = (",", ";", "\t", "|")  # the first of those equally frequent wins
_DATE = r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
# Control characters that never occur in text.
_BINARY = set(range(32)) - {9, 10, 12, 13}


def read_frame(path: str | Path) -> pd.DataFrame:
    """Read a CSV, TSV or Parquet file as a DataFrame.

    The separator of a CSV (``,`` ``;`` tab or ``|``) is detected, and text columns of ISO dates
    become dates.

    Parameters
    ----------
    path : str or Path
        ``~`` is the home folder; a CSV or TSV may be compressed (.gz, .bz2, .zip, .xz, .zst).

    Raises
    ------
    DataFileError
        If the file is missing, empty, or not a table.
    TableError
        If two columns have the same name.
    MissingExtraError
        If the file needs a package that is not installed, such as pyarrow.

    Examples
    --------
    >>> read_frame("no/such.csv")
    Traceback (most recent call last):
    tabwidget.errors.DataFileError: there is no file 'no/such.csv'.
    """
    path = Path(os.path.expanduser(path))
    if os.path.isdir(path):  # unlike Path.is_dir, accepts any text
        raise DataFileError(f"{str(path)!r} is a folder: give a file in it")
    if not os.path.isfile(path):
        beside = os.listdir(path.parent) if os.path.isdir(path.parent) else []
        raise DataFileError(f"there is no file {str(path)!r}.{nearest(path.name, beside)}")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            parquet: pd.DataFrame = pd.read_parquet(path)
            return parquet
        return _read_text(path)
    except (TableError, DataFileError):
        raise
    except PermissionError as error:
        raise DataFileError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    except ImportError as error:
        raise MissingExtraError(
            f"{str(path)!r} needs a package that is not installed ({_first_line(error)}): "
            "for Parquet, pip install pyarrow"
        ) from error
    except Exception as error:  # readers raise many types, most of them undocumented
        raise _not_a_table(path, _first_line(error)) from error


def _read_text(path: Path) -> pd.DataFrame:
    compressed = path.suffix.lower() in _COMPRESSED
    encoding = "utf-8" if compressed else _encoding(path)
    try:
        return _read_csv(path, encoding)
    except UnicodeDecodeError:
        return _read_csv(path, "cp1252")  # the legacy encoding of Western spreadsheets


def _read_csv(path: Path, encoding: str) -> pd.DataFrame:
    options: dict[str, Any] = {"encoding": encoding, "low_memory": False}
    tabs = {".tsv", ".tab"} & {suffix.lower() for suffix in path.suffixes}
    options["sep"] = "\t" if tabs else _separator(path, options)
    _check_header(path, options)
    frame: pd.DataFrame = pd.read_csv(path, **options)
    if not frame.index.equals(pd.RangeIndex(len(frame))):
        # pandas reads extra cells at the start of a row as an index.
        raise _not_a_table(path, "its rows have more cells than its header line")
    if options["sep"] == ";":
        # Files separated by semicolons often have decimal commas.
        with_commas = pd.read_csv(path, **options, decimal=",")
        if _n_numbers(with_commas) > _n_numbers(frame):
            frame = with_commas
    return frame.assign(**{str(name): _dates(frame[name]) for name in frame.columns})


def _encoding(path: Path) -> str:
    """Return the likely encoding; `DataFileError` if the file is not text."""
    with path.open("rb") as file:
        head = file.read(65_536)
    if not head.strip():
        raise _not_a_table(path, "it is empty")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith(b"PK\x03\x04"):
        raise DataFileError(
            f"{str(path)!r} is a workbook or an archive, not a table: save it as CSV, or read it "
            "with pandas.read_excel and give the DataFrame"
        )
    if _BINARY.intersection(head):
        raise _not_a_table(path, "it is binary")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<svg")):
        raise _not_a_table(path, "it is a web page or XML")
    if start.startswith((b'{"', b"{\n", b"[{", b"[\n")):
        raise DataFileError(
            f"{str(path)!r} is JSON, not a table: read it with pandas.read_json and give the "
            "DataFrame"
        )
    return "utf-8-sig"


def _separator(path: Path, options: dict[str, Any]) -> str:
    """Return the most frequent separator in the header line."""
    # A separator that never occurs: the whole line, decompressed and decoded.
    header = pd.read_csv(path, **options, sep="\x01", header=None, nrows=1, dtype=str)
    line = str(header.iloc[0, 0])
    return max(_SEPARATORS, key=line.count)


def _check_header(path: Path, options: dict[str, Any]) -> None:
    header = pd.read_csv(path, **options, header=None, nrows=1, dtype=str).iloc[0].dropna()
    twice = header[header.duplicated()]
    if len(twice):
        raise TableError(
            f"{str(path)!r} has two columns named {twice.iloc[0]!r}: rename one in the first line"
        )


def _dates(column: pd.Series) -> pd.Series:
    """Return a column of ISO dates as dates, any other as it is."""
    if pd.api.types.infer_dtype(column, skipna=True) != "string":
        return column
    if not column.dropna().head(100).str.fullmatch(_DATE).all():
        return column
    for utc in (False, True):
        # Offsets differ between summer and winter; only UTC represents both.
        with contextlib.suppress(TypeError, ValueError):
            return pd.to_datetime(column, format="ISO8601", utc=utc)
    return column


def _n_numbers(frame: pd.DataFrame) -> int:
    return sum(map(pd.api.types.is_numeric_dtype, frame.dtypes))


def _not_a_table(path: Path, why: str) -> DataFileError:
    return DataFileError(f"{str(path)!r} is not a table ({why}): {_ADVICE}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]

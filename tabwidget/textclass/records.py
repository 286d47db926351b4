"""Records of a CSV file with their line numbers; errors name the malformed line."""

from __future__ import annotations

import codecs
import csv
import os
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tabwidget.errors import ConfigError, DataFileError, nearest

__all__ = ["Record", "Records"]

MAX_CELL = 2**26  # characters; an unclosed quote would otherwise fill the memory
_SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Record:
    """One record of a CSV file.

    Parameters
    ----------
    line : int
        Number of its first line, from 1.
    cells : dict of str to str
        Cells of the requested columns.
    raw : str
        The unchanged text, with its line end.
    """

    line: int
    cells: dict[str, str]
    raw: str

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


class Records:
    r"""Iterable over the records of a CSV file with a header.

    The separator is the first of comma, semicolon, tab and ``|`` that splits the header into the
    requested columns. Empty lines are skipped.

    Parameters
    ----------
    path : str or Path
        ``~`` is expanded.
    columns : mapping of str to str
        The columns to read, each with the config key that names it, for errors.
    encoding : str, default "utf-8"
        With "utf-8", a byte order mark is skipped.

    Attributes
    ----------
    header : str
        The unchanged first line.

    Raises
    ------
    DataFileError
        If the file is missing, empty, in another encoding, or not a CSV.
    ConfigError
        If a column is missing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.csv")
    ...     _ = path.write_text('id,text\n1,"two\nlines"\n2,one\n')
    ...     [(record.line, record["text"]) for record in Records(path, {"text": "the text"})]
    [(2, 'two\nlines'), (4, 'one')]
    """

    def __init__(
        self, path: str | Path, columns: Mapping[str, str], encoding: str = "utf-8"
    ) -> None:
        self.path = Path(os.path.expanduser(path))
        self.columns = columns
        self.encoding = encoding
        if os.path.isdir(self.path):  # unlike Path.is_dir, it accepts any text
            raise DataFileError(f"{str(self.path)!r} is a folder: name a CSV file in it")
        if not os.path.isfile(self.path):
            parent = self.path.parent
            beside = os.listdir(parent) if os.path.isdir(parent) else []
            raise DataFileError(
                f"there is no file {str(self.path)!r}.{nearest(self.path.name, beside)}"
            )
        self._separator, names, self.header = self._read_header()
        self._width = len(names)
        self._places = {name: names.index(name) for name in columns}

    def __iter__(self) -> Iterator[Record]:
        records = self._split(self._separator)
        next(records)
        for line, cells, raw in records:
            if len(cells) != self._width:
                raise self.error(
                    line,
                    f"has {_count(len(cells), 'cell')}, but the header has {self._width}: put a "
                    "text that holds the separator or a line break between double quotes",
                )
            yield Record(line, {name: cells[place] for name, place in self._places.items()}, raw)

    def error(self, line: int, problem: str) -> DataFileError:
        """Return an error that names a line."""
        return DataFileError(f"{str(self.path)!r}, line {line} {problem}")

    def _read_header(self) -> tuple[str, list[str], str]:
        """Return the separator, the columns and the line of the header."""
        headers: list[list[str]] = []
        errors: list[DataFileError] = []
        for separator in _SEPARATORS:
            try:
                _, cells, raw = next(self._split(separator))
            except StopIteration:
                raise DataFileError(
                    f"{str(self.path)!r} is empty: give a CSV with a header line"
                ) from None
            except DataFileError as error:  # another separator may work
                errors.append(error)
                continue
            names = [name.strip() for name in cells]
            if set(self.columns) <= set(names):
                self._check_unique(names)
                return separator, names, raw
            headers.append(names)
        raise self._missing(max(headers, key=len)) if headers else errors[0]

    def _missing(self, names: list[str]) -> ConfigError:
        missing = next(name for name in self.columns if name not in names)
        shown = ", ".join(map(reprlib.repr, names[:20])) + (", …" if len(names) > 20 else "")
        hint = nearest(missing, names)
        if not hint and not set(self.columns) & set(names):
            hint = " If that is not a header, add one above it."
        return ConfigError(
            f"{self.columns[missing]} {missing!r} is not a column of {str(self.path)!r}, whose "
            f"header is {shown}.{hint}"
        )

    def _check_unique(self, names: list[str]) -> None:
        for name in self.columns:
            if names.count(name) > 1:
                raise DataFileError(
                    f"{str(self.path)!r} has {names.count(name)} columns named {name!r}: rename "
                    "all but one in its first line"
                )

    def _split(self, separator: str) -> Iterator[tuple[int, list[str], str]]:
        """Yield the first line number, the cells and the raw text of each record."""
        # The limit is global to the process, so it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
        # Otherwise a byte order mark would become part of the first column name.
        encoding = "utf-8-sig" if self._is_utf8() else self.encoding
        lines: list[str] = []
        start = 1
        try:
            with self.path.open(encoding=encoding, newline="") as file:

                def recorded() -> Iterator[str]:
                    for line in file:
                        lines.append(line)
                        yield line

                reader = csv.reader(recorded(), delimiter=separator, strict=True)
                for cells in reader:
                    if cells:
                        yield start, cells, "".join(lines)
                    start += len(lines)
                    lines.clear()
        except UnicodeError:
            raise self._undecodable() from None
        except csv.Error as error:
            raise self._malformed(start, start + len(lines) - 1, str(error)) from None
        except OSError as error:
            raise DataFileError(
                f"{str(self.path)!r} cannot be read: {error.strerror or error}"
            ) from error

    def _malformed(self, start: int, end: int, why: str) -> DataFileError:
        if "end of data" in why:
            return self.error(
                start, "has a double quote that is never closed: close it, or remove it"
            )
        if "limit" in why:
            return self.error(
                start,
                f"starts a cell of more than {MAX_CELL:,} characters: close its double quote, or "
                "shorten it",
            )
        where = f"belongs to a record that starts on line {start} and " if start < end else ""
        return self.error(
            end,
            f"{where}has text after a closing double quote: write a quote inside a quoted text "
            'twice, as ""',
        )

    def _undecodable(self) -> DataFileError:
        with self.path.open("rb") as file:
            head = file.read(65_536)
        where, likely = self._undecodable_line(), "cp1252" if self._is_utf8() else "utf-8"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            where, likely = "", "utf-16"
        elif b"\0" in head:
            return DataFileError(
                f"{str(self.path)!r} is not text in the encoding {self.encoding!r}: it is "
                "binary, or has two bytes per character; save it as CSV in UTF-8"
            )
        return DataFileError(
            f"{str(self.path)!r}{where} is not in the encoding {self.encoding!r}: save it as "
            f"UTF-8, or set its encoding, such as data.encoding: {likely}"
        )

    def _is_utf8(self) -> bool:
        return codecs.lookup(self.encoding).name == "utf-8"

    def _undecodable_line(self) -> str:
        if "\n".encode(self.encoding) != b"\n":
            return ""
        with self.path.open("rb") as file:
            for line, text in enumerate(file, 1):
                try:
                    text.decode(self.encoding)
                except UnicodeDecodeError:
                    return f", line {line}"
        return ""


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"

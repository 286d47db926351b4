"""Texts and labels from CSV files, read row by row; errors name the file and the line."""

from __future__ import annotations

import reprlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from tabwidget.errors import ConfigError, DataFileError, nearest
from tabwidget.textclass.config import DataSection
from tabwidget.textclass.records import Record, Records

__all__ = ["Labels", "Texts", "iter_rows", "labeled_records", "read_targets", "read_texts"]

_TRUTH = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


@dataclass(frozen=True)
class Labels:
    """The set of labels.

    Parameters
    ----------
    names : tuple of str
        In the order of the model's outputs.
    multi : bool
        Whether a row may have several labels or none; otherwise each row has exactly one.

    Examples
    --------
    >>> labels = Labels(("ham", "spam"), multi=False)
    >>> labels.problem_type
    'single_label_classification'
    >>> Labels.from_json(labels.to_json()) == labels
    True
    """

    names: tuple[str, ...]
    multi: bool

    @classmethod
    def of(
        cls,
        path: str | Path,
        data: DataSection,
        problem_type: Literal[
            "auto", "single_label_classification", "multi_label_classification"
        ] = "auto",
    ) -> Self:
        """Read the set of labels from the training CSV.

        Several label columns are the labels themselves, in their order; the labels in a single
        column are sorted.

        Parameters
        ----------
        path : str or Path
            The CSV.
        data : DataSection
            The columns to read.
        problem_type : str, default "auto"
            "auto" means multi-label if some row has several labels or none.

        Raises
        ------
        DataFileError
            If the file is malformed, or has fewer than two different labels.
        ConfigError
            If a column is missing.
        """
        records = labeled_records(path, data)
        columns = data.label_columns or ()
        found: set[str] = set(columns) if len(columns) > 1 else set()
        multi = problem_type == "multi_label_classification"
        for record in records:
            labels = _labels_of(record, records, data)
            found.update(labels)
            if len(labels) != 1:
                if problem_type == "single_label_classification":
                    raise records.error(record.line, _not_one(labels))
                multi = True
        if len(found) < (1 if multi else 2):
            only = f"only the label {next(iter(found))!r}" if found else "no label"
            raise DataFileError(
                f"{str(records.path)!r} has {only}: give rows with at least two labels"
            )
        return cls(columns if len(columns) > 1 else tuple(sorted(found)), multi)

    @property
    def problem_type(self) -> str:
        """The problem type as named by transformers."""
        return "multi_label_classification" if self.multi else "single_label_classification"

    def to_json(self) -> dict[str, Any]:
        """Return the labels as JSON content."""
        return {"names": list(self.names), "multi": self.multi}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the labels from the content of `to_json`."""
        return cls(tuple(values["names"]), bool(values["multi"]))


@dataclass(frozen=True)
class Texts:
    """Texts with their ids and, for training, their targets.

    Parameters
    ----------
    ids : list of str
        Unique name of each row.
    texts : list of str
        The texts; an empty string is allowed.
    targets : ndarray of bool, (n, k), or None
        Which of the k labels each row has; None if unknown.
    """

    ids: list[str]
    texts: list[str]
    targets: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.integer[Any]]) -> Texts:
        """Return these rows, in this order."""
        return Texts(
            [self.ids[row] for row in rows],
            [self.texts[row] for row in rows],
            None if self.targets is None else self.targets[rows],
        )


def iter_rows(path: str | Path, data: DataSection) -> Iterator[tuple[str, str]]:
    r"""Yield the id and the text of each row; only the ids stay in memory.

    Without an id column, rows are numbered from 0 and nothing stays in memory. A file without
    rows below its header yields nothing.

    Raises
    ------
    DataFileError
        If the file does not exist; or, during iteration, if it is malformed or an id is repeated.
    ConfigError
        If a column is missing.

    Examples
    --------
    >>> import tempfile
    >>> data = DataSection(dataset_name="mail", id_column="uid", train_csv="train.csv")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "new.csv")
    ...     _ = path.write_text("uid,text\na7,win a prize\n")
    ...     list(iter_rows(path, data))
    [('a7', 'win a prize')]
    """
    records = Records(path, _text_columns(data), data.encoding)
    return ((name, text) for _, name, text in _named(records, data))


def read_texts(path: str | Path, data: DataSection, labels: Labels | None = None) -> Texts:
    """Read the rows of a CSV.

    Empty texts are kept, since texts to classify may be empty, too.

    Parameters
    ----------
    path : str or Path
        The CSV.
    data : DataSection
        The columns to read.
    labels : Labels or None, default None
        The known labels, usually ``Labels.of(data.train_csv, data)``; None reads no targets.

    Warns
    -----
    UserWarning
        If texts are empty; gives their number and the first line.

    Raises
    ------
    DataFileError
        If the file is malformed or has no rows, an id is repeated, or a label is not among
        `labels`.
    ConfigError
        If a column is missing.
    """
    if labels is None:
        records, target_of = Records(path, _text_columns(data), data.encoding), None
    else:
        records = labeled_records(path, data)
        target_of = _Targets(records, data, labels)
    ids, texts, empty = [], [], []
    targets: list[NDArray[np.bool_]] = []
    for record, name, text in _named(records, data):
        ids.append(name)
        texts.append(text)
        if not text.strip():
            empty.append(record.line)
        if target_of is not None:
            targets.append(target_of(record))
    if not ids:
        raise _no_rows(records)
    if empty:
        warnings.warn(
            f"{len(empty)} of {len(ids)} texts in {str(records.path)!r} are empty, the first on "
            f"line {empty[0]}",
            UserWarning,
            stacklevel=2,
        )
    return Texts(ids, texts, np.array(targets) if targets else None)


def labeled_records(path: str | Path, data: DataSection) -> Records:
    """Return the records of a CSV with the columns of ids, texts and labels.

    Raises
    ------
    DataFileError
        If the file is malformed.
    ConfigError
        If a column is missing, or no label column is configured.
    """
    if data.label_columns is None:
        raise ConfigError(
            "data.label_columns is empty: name several columns of 0 and 1, or the column that "
            "holds the label"
        )
    labels = dict.fromkeys(data.label_columns, "data.label_columns")
    return Records(path, _text_columns(data) | labels, data.encoding)


def read_targets(path: str | Path, data: DataSection, labels: Labels) -> NDArray[np.bool_]:
    """Read only the targets of a CSV, of shape (n, k); raises the errors of `read_texts`."""
    records = labeled_records(path, data)
    target_of = _Targets(records, data, labels)
    targets = [target_of(record) for record in records]
    if not targets:
        raise _no_rows(records)
    return np.array(targets)


def _text_columns(data: DataSection) -> dict[str, str]:
    """Return the columns of the id and the text, each with its config key."""
    key = "data.target_text_column" if data.text_fields is None else "data.text_fields"
    columns = dict.fromkeys(data.text_columns, key)
    return columns if data.id_column is None else {data.id_column: "data.id_column"} | columns


def _named(records: Records, data: DataSection) -> Iterator[tuple[Record, str, str]]:
    """Yield each record with its id and text; a repeated id is an error."""
    lines: dict[str, int] = {}
    for number, record in enumerate(records):
        name = str(number)
        if data.id_column is not None:
            name = record[data.id_column]
            before = lines.setdefault(name, record.line)
            if before != record.line:
                raise records.error(
                    record.line,
                    f"has the same {data.id_column} {reprlib.repr(name)} as line {before}: give "
                    "each row its own id, or set data.id_column: null to number the rows",
                )
        parts = [record[column] for column in data.text_columns]
        text = parts[0] if len(parts) == 1 else data.text_separator.join(filter(None, parts))
        yield record, name, text


class _Targets:
    """Maps a record to a boolean target vector over the known labels."""

    def __init__(self, records: Records, data: DataSection, labels: Labels) -> None:
        self.records = records
        self.data = data
        self.labels = labels
        self._index_of = {name: index for index, name in enumerate(labels.names)}

    def __call__(self, record: Record) -> NDArray[np.bool_]:
        found = _labels_of(record, self.records, self.data)
        if not self.labels.multi and len(found) != 1:
            raise self.records.error(record.line, _not_one(found))
        target = np.zeros(len(self._index_of), dtype=bool)
        for name in found:
            if name not in self._index_of:
                raise self.records.error(
                    record.line,
                    f"has the label {reprlib.repr(name)}, which no training row has."
                    f"{nearest(name, self._index_of)} Correct it, or add rows with it to "
                    "data.train_csv",
                )
            target[self._index_of[name]] = True
        return target


def _labels_of(record: Record, records: Records, data: DataSection) -> list[str]:
    """Return the labels of a record."""
    columns = data.label_columns or ()
    if len(columns) > 1:
        return [column for column in columns if _truth(record, column, records)]
    cell = record[columns[0]].strip()
    if data.label_delimiter is not None:
        return [name for part in cell.split(data.label_delimiter) if (name := part.strip())]
    if not cell:
        raise records.error(
            record.line, f"has no label in the column {columns[0]!r}: add one, or drop the row"
        )
    return [cell]


def _truth(record: Record, column: str, records: Records) -> bool:
    cell = record[column].strip()
    if cell.lower() not in _TRUTH:
        raise records.error(
            record.line,
            f"has {reprlib.repr(cell)} in the label column {column!r}: write 0 or 1, or give only "
            "one column in data.label_columns if it holds the label itself",
        )
    return _TRUTH[cell.lower()]


def _not_one(labels: list[str]) -> str:
    has = f"has the labels {', '.join(map(repr, labels))}" if labels else "has no label"
    return (
        f"{has}, but each row needs exactly one: give it one, or set "
        "model.problem_type: multi_label_classification"
    )


def _no_rows(records: Records) -> DataFileError:
    return DataFileError(f"{str(records.path)!r} has no rows below its header: add rows")

"""Labelled: which columns of a table are texts and which their labels, and what stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget.errors import ConfigError
from tabwidget.table.table import Table, as_table
from tabwidget.table.values import is_missing, listed, plain

__all__ = [
    "check_columns",
    "label_columns",
    "likely_columns",
    "likely_target",
    "read_rows",
    "text_columns",
    "texts_and_labels",
]

MAX_LABELS = 200  # values of a column of numbers that may be labels


def texts_and_labels(
    source: pd.DataFrame | Table | str,
    texts: Sequence[str],
    labels: Sequence[str],
    delimiter: str = "",
) -> tuple[list[str], list[Any] | pd.DataFrame]:
    r"""Return the texts of a table and their labels, as `TextClassifier.fit` takes them.

    Rows without a text are left out, and so are those without a label where each has exactly one.

    Parameters
    ----------
    source : DataFrame, Table, path or sample name
        The table.
    texts : sequence of str
        Columns that are read, joined by line ends in this order.
    labels : sequence of str
        One column that holds the label; or several of 0 and 1, one a label.
    delimiter : str, default ""
        What parts the labels in a cell of the one column, if a cell may hold several.

    Returns
    -------
    texts : list of str
        One a row.
    labels : list, or DataFrame of 0 and 1
        A label each, or a list of labels each; a frame for several columns.

    Raises
    ------
    ConfigError
        If the columns cannot be used so. Names the column and the value.

    Examples
    --------
    >>> frame = pd.DataFrame({"title": ["hi", "win"], "body": ["you", None], "tags": ["a;b", ""]})
    >>> texts_and_labels(frame, ["title", "body"], ["tags"], ";")
    (['hi\nyou', 'win'], [['a', 'b'], []])
    """
    table = as_table(source)
    check_columns(table, texts, labels, delimiter)
    return read_rows(table.frame, texts, labels, delimiter)


def read_rows(
    frame: pd.DataFrame, texts: Sequence[str], labels: Sequence[str], delimiter: str
) -> tuple[list[str], list[Any] | pd.DataFrame]:
    """Return what `texts_and_labels` returns, of rows whose columns are checked."""
    read = [_joined(cells) for cells in zip(*(frame[name] for name in texts), strict=True)]
    kept = np.array([bool(text.strip()) for text in read], dtype=bool)
    if len(labels) > 1:
        marks = frame[list(labels)].apply(_marks)
        kept &= ~marks.isna().any(axis=1).to_numpy()
        return _taken(read, kept), marks[kept].astype(int)
    column = frame[labels[0]]
    if delimiter:
        cells = [
            "" if missing else str(v) for v, missing in zip(column, column.isna(), strict=True)
        ]
        parted = [[one.strip() for one in cell.split(delimiter) if one.strip()] for cell in cells]
        return _taken(read, kept), _taken(parted, kept)
    kept &= ~column.isna().to_numpy()
    return _taken(read, kept), [_label(value) for value in column[kept]]


def likely_columns(table: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that look like texts, and the one that looks like their label."""
    schema, frame = table.schema, table.frame
    texts = [name for name, column in schema.items() if column.kind == "text"]
    words = [name for name, column in schema.items() if column.kind == "categorical"]
    if not texts and words:
        # The one with the most words in a cell, as of two words the one with more texts.
        def wordy(name: str) -> tuple[float, int]:
            cells = frame[name].dropna().astype(str)
            return float(np.mean([len(cell.split()) for cell in cells])), cells.nunique()

        texts = [max(words, key=wordy)]
    labels = [name for name in label_columns(table) if name not in texts]
    target = likely_target(table)
    likely = target if target in labels else next(iter(labels), None)
    return tuple(texts), () if likely is None else (likely,)


def likely_target(table: Table) -> str:
    """Return the first column with a few levels; the last column if there is none.

    Examples
    --------
    >>> import pandas as pd
    >>> likely_target(Table(pd.DataFrame({"x": [0.1, 0.2, 0.3], "y": ["a", "b", "a"]})))
    'y'
    """
    columns = [table.schema[name] for name in table.schema.targets]
    levels = [c.name for c in columns if not c.is_number and 2 <= len(c.support) <= 20]
    return levels[0] if levels else columns[-1].name


def text_columns(table: Table) -> list[str]:
    """Return the columns of a table whose cells are texts."""
    return [name for name, c in table.schema.items() if c.kind in ("text", "categorical")]


def label_columns(table: Table) -> list[str]:
    """Return the columns of a table that may hold labels."""
    return [
        name
        for name, column in table.schema.items()
        if column.kind in ("text", "categorical", "boolean")
        or (column.integer and column.n_unique <= min(MAX_LABELS, len(table) // 2))
    ]


def check_columns(
    table: Table, texts: Sequence[str], labels: Sequence[str], delimiter: str
) -> None:
    """Raise `ConfigError` if these columns cannot be texts and labels."""
    if not texts:
        can = text_columns(table)
        raise ConfigError(
            f"no column is read: choose one of {listed(can)}"
            if can
            else "no column of this table holds texts: load another table"
        )
    if not labels:
        raise ConfigError(f"no column holds the labels: choose one of {listed(list(table.schema))}")
    for name in (*texts, *labels):
        table.schema[name]
    if both := [name for name in texts if name in labels]:
        raise ConfigError(f"column {both[0]!r} cannot be the text and its label: choose another")
    for names in (texts, labels):
        if twice := [name for name in names if list(names).count(name) > 1]:
            raise ConfigError(f"column {twice[0]!r} is chosen twice")
    if len(labels) > 1:
        if delimiter:
            raise ConfigError("several label columns hold 0 and 1 each: leave the delimiter out")
        for name in labels:
            _marks(table.frame[name])
    elif not delimiter and labels[0] not in label_columns(table):
        column = table.schema[labels[0]]
        raise ConfigError(
            f"column {labels[0]!r} has {column.n_unique} different numbers, which are no labels: "
            "choose a column with names, or cut the numbers into ranges first"
        )


def _label(value: Any) -> object:
    """Return a label as a file can hold it: a name, a number or a truth value."""
    value = plain(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)  # a column of whole numbers with gaps
    return value if isinstance(value, (str, bool, int, float)) else str(value)


def _marks(column: pd.Series) -> pd.Series:
    """Return a column of 0 and 1 as numbers, NaN where it is empty."""
    marks = pd.to_numeric(column, errors="coerce")
    wrong = column[~(marks.isin([0, 1]) | column.isna())]
    if len(wrong):
        raise ConfigError(
            f"column {column.name!r} holds {wrong.iloc[0]!r}: several label columns hold 0 and 1 "
            "each; choose one column for labels that are named in it"
        )
    return marks.astype(float)


def _joined(cells: Sequence[object]) -> str:
    return "\n".join(str(cell) for cell in cells if not is_missing(cell) and str(cell).strip())


def _taken(values: Sequence[Any], kept: NDArray[np.bool_]) -> list[Any]:
    return [value for value, keep in zip(values, kept, strict=True) if keep]

"""Text columns and label columns of a table, and their contents."""

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

MAX_LABELS = 200  # distinct values of an integer column usable as labels


def texts_and_labels(
    source: pd.DataFrame | Table | str,
    texts: Sequence[str],
    labels: Sequence[str],
    delimiter: str = "",
) -> tuple[list[str], list[Any] | pd.DataFrame]:
    r"""Return the texts of a table and their labels, as `TextClassifier.fit` takes them.

    Rows without text are dropped; with one label per row, rows without a label are dropped too.

    Parameters
    ----------
    source : DataFrame, Table, path or sample name
        The table.
    texts : sequence of str
        Text columns, joined by newlines in this order.
    labels : sequence of str
        One label column, or several columns of 0 and 1, one per label.
    delimiter : str, default ""
        Separator of several labels in one cell of a single label column.

    Returns
    -------
    texts : list of str
        One per row.
    labels : list, or DataFrame of 0 and 1
        A label or a list of labels per row; a frame for several label columns.

    Raises
    ------
    ConfigError
        If a column cannot be used this way. Names the column and the value.

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
    """Return the result of `texts_and_labels` for columns that are already checked."""
    read = [_join(cells) for cells in zip(*(frame[name] for name in texts), strict=True)]
    kept = np.array([bool(text.strip()) for text in read], dtype=bool)
    if len(labels) > 1:
        indicators = frame[list(labels)].apply(_indicators)
        kept &= ~indicators.isna().any(axis=1).to_numpy()
        return _select(read, kept), indicators[kept].astype(int)
    column = frame[labels[0]]
    if delimiter:
        cells = [
            "" if missing else str(v) for v, missing in zip(column, column.isna(), strict=True)
        ]
        split = [[one.strip() for one in cell.split(delimiter) if one.strip()] for cell in cells]
        return _select(read, kept), _select(split, kept)
    kept &= ~column.isna().to_numpy()
    return _select(read, kept), [_label(value) for value in column[kept]]


def likely_columns(table: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the likely text columns and the likely label column."""
    schema, frame = table.schema, table.frame
    texts = [name for name, column in schema.items() if column.kind == "text"]
    words = [
        name for name, column in schema.items() if column.kind == "categorical" and column.n_unique
    ]
    if not texts and words:
        # The column with the most words per cell, then with the most distinct cells.
        def wordiness(name: str) -> tuple[float, int]:
            cells = frame[name].dropna().astype(str)
            return float(np.mean([len(cell.split()) for cell in cells])), cells.nunique()

        texts = [max(words, key=wordiness)]
    labels = [name for name in label_columns(table) if name not in texts]
    target = likely_target(table)
    likely = target if target in labels else next(iter(labels), None)
    return tuple(texts), () if likely is None else (likely,)


def likely_target(table: Table) -> str:
    """Return the first column with at most 20 levels; the last column if there is none.

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
    """Return the columns of text."""
    return [name for name, c in table.schema.items() if c.kind in ("text", "categorical")]


def label_columns(table: Table) -> list[str]:
    """Return the columns usable as labels."""
    return [
        name
        for name, column in table.schema.items()
        if column.kind in ("text", "categorical", "boolean")
        or (column.integer and column.n_unique <= min(MAX_LABELS, len(table) // 2))
    ]


def check_columns(
    table: Table, texts: Sequence[str], labels: Sequence[str], delimiter: str
) -> None:
    """Raise `ConfigError` if these columns are unusable as texts and labels."""
    if not texts:
        possible = text_columns(table)
        raise ConfigError(
            f"no text column is chosen: choose one of {listed(possible)}"
            if possible
            else "no column of this table holds text: load another table"
        )
    if not labels:
        raise ConfigError(f"no label column is chosen: choose one of {listed(list(table.schema))}")
    for name in (*texts, *labels):
        table.schema[name]
    if both := [name for name in texts if name in labels]:
        raise ConfigError(f"column {both[0]!r} cannot be both text and label: choose another")
    for names in (texts, labels):
        if twice := [name for name in names if list(names).count(name) > 1]:
            raise ConfigError(f"column {twice[0]!r} is chosen twice: remove one")
    if len(labels) > 1:
        if delimiter:
            raise ConfigError(f"delimiter={delimiter!r} needs a single label column: leave it out")
        for name in labels:
            _indicators(table.frame[name])
    elif not delimiter and labels[0] not in label_columns(table):
        column = table.schema[labels[0]]
        raise ConfigError(
            f"column {labels[0]!r} has {column.n_unique} distinct numbers, which are not labels: "
            "choose a column of names, or bin the numbers first (pandas.cut)"
        )


def _label(value: Any) -> object:
    """Return a label that JSON can hold: text, a number or a boolean."""
    value = plain(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)  # an integer column with missing cells
    return value if isinstance(value, (str, bool, int, float)) else str(value)


def _indicators(column: pd.Series) -> pd.Series:
    """Return a column of 0 and 1 as numbers, NaN where it is missing."""
    indicators = pd.to_numeric(column, errors="coerce")
    wrong = column[~(indicators.isin([0, 1]) | column.isna())]
    if len(wrong):
        raise ConfigError(
            f"column {column.name!r} holds {wrong.iloc[0]!r}: several label columns must hold 0 "
            "and 1; choose a single column for labels given by name"
        )
    return indicators.astype(float)


def _join(cells: Sequence[object]) -> str:
    return "\n".join(str(cell) for cell in cells if not is_missing(cell) and str(cell).strip())


def _select(values: Sequence[Any], kept: NDArray[np.bool_]) -> list[Any]:
    return [value for value, keep in zip(values, kept, strict=True) if keep]

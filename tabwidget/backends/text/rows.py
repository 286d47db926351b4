"""RowTokens: rows of a table as token ids, joined from fragments that are tokenized once each."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tabwidget._typing import Ints
from tabwidget.errors import ConfigError
from tabwidget.serializers.base import Serializer, pieces_of
from tabwidget.table.column import Column

__all__ = ["Ids", "RowIds", "RowTokens"]

Ids = tuple[int, ...]

CACHE_SIZE = 200_000  # fragments


@dataclass(frozen=True)
class RowIds:
    """A row as token ids.

    Attributes
    ----------
    ids : ndarray of int of shape (n_tokens,)
        The tokens.
    owner : ndarray of int of shape (n_tokens,)
        The column whose value, or delimiter after it, a token belongs to; else -1.
    """

    ids: Ints
    owner: Ints


class RowTokens:
    """Encodes rows, given as `TableSchema.rows` returns them, as token ids.

    A row is ``start + open + name + value + between + name + … + close + end``. Each fragment is
    tokenized by itself, so that a cell has the same ids in every row, in training and in queries.
    A space before a name or value is part of its fragment, as language models tokenize words.

    Parameters
    ----------
    columns : sequence of Column
        In the order of a row's numbers.
    serializer : Serializer
        Formats the cells; `check_serializer` must accept it.
    encode : callable
        Returns the token ids of a text, without special tokens.
    start, end : sequence of int
        Ids of the special tokens around a text; may be empty.

    Raises
    ------
    ConfigError
        If nothing delimits cells or the end of a row.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.serializers import JSONSerializer
    >>> from tabwidget.table import Table
    >>> table = Table(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    >>> tokens = RowTokens(table.schema.inputs, JSONSerializer(), lambda text: text.encode())
    >>> row = tokens.row([2, 0], order=[1, 0])
    >>> bytes(row.ids.tolist()).decode()
    '{"b": "x", "a": 2}'
    >>> "".join("-ab"[i + 1] for i in row.owner)
    '-----bbbbb-----aaa'
    """

    def __init__(
        self,
        columns: Sequence[Column],
        serializer: Serializer,
        encode: Callable[[str], Sequence[int]],
        *,
        start: Sequence[int] = (),
        end: Sequence[int] = (),
    ) -> None:
        self.columns = tuple(columns)
        self._serializer = serializer
        self._start, self._end = tuple(start), tuple(end)
        pieces = pieces_of(serializer)
        self._opening, self._first_space = _cut_space(pieces.open)
        self._between, self._space = _cut_space(pieces.between)
        self._closing = pieces.close
        cached = functools.lru_cache(CACHE_SIZE)
        self._ids: Callable[[str], Ids] = cached(lambda text: tuple(encode(text)))
        self._name, self._value = cached(self._name_text), cached(self._value_text)
        if not self._ids(self._between) or not (self._ids(self._closing) or self._end):
            raise ConfigError(
                f"nothing delimits the cells or the row of {serializer!r} with this tokenizer: "
                "give a serializer with a text between two cells and after the last one"
            )

    @property
    def ends(self) -> tuple[Ids, ...]:
        """The delimiters after a value, as ids: before another cell, and at the end of the row."""
        return tuple(
            dict.fromkeys([self._ids(self._between), self._ids(self._closing) + self._end])
        )

    def value(self, index: int, number: float) -> Ids:
        """Return a cell's value as ids, without a delimiter."""
        return self._ids(self._value(index, number))

    def fragments(self, numbers: ArrayLike, order: Sequence[int] | Ints) -> list[tuple[str, int]]:
        """Return the fragments of a row's present cells in a column order, with their owners.

        The owner of a value and of the delimiter after it is the column; of other fragments -1.
        """
        out = [(self._opening, -1)]
        cells = _present(numbers, order)
        for i, (index, number) in enumerate(cells):
            end = self._closing if i == len(cells) - 1 else self._between
            out += [
                (self._name(index, i == 0), -1),
                (self._value(index, number), index),
                (end, index),
            ]
        return out if cells else [*out, (self._closing, -1)]

    def row(self, numbers: ArrayLike, order: Sequence[int] | Ints) -> RowIds:
        """Return a row's present cells in a column order as ids."""
        ids, owner = list(self._start), [-1] * len(self._start)
        last = -1
        for text, last in self.fragments(numbers, order):
            fragment = self._ids(text)
            ids += fragment
            owner += [last] * len(fragment)
        ids += self._end
        owner += [last] * len(self._end)
        return RowIds(np.array(ids, dtype=np.int64), np.array(owner, dtype=np.int64))

    def prompt(self, numbers: ArrayLike, order: Sequence[int] | Ints, target: int) -> Ids:
        """Return a row's present cells in a column order, then the target's name, as ids."""
        cells = [cell for cell in _present(numbers, order) if cell[0] != target]
        texts = [self._opening]
        for i, (index, number) in enumerate(cells):
            texts += [self._name(index, i == 0), self._value(index, number), self._between]
        texts.append(self._name(target, not cells))
        return (*self._start, *itertools.chain.from_iterable(map(self._ids, texts)))

    def _name_text(self, index: int, first: bool) -> str:
        before, _ = self._texts(index, float(self.columns[index].grid[0]))
        return (self._first_space if first else self._space) + before

    def _value_text(self, index: int, number: float) -> str:
        return self._texts(index, number)[1]

    def _texts(self, index: int, number: float) -> tuple[str, str]:
        """Return a cell's name fragment, without a space before it, and its value fragment."""
        column = self.columns[index]
        serialized = self._serializer.serialize({column.name: column.value(number)})
        (span,) = serialized.spans
        before, space = _cut_space(serialized.text[span.name[0] : span.value[0]])
        return before, space + serialized.text[slice(*span.value)]


def _cut_space(text: str) -> tuple[str, str]:
    """Split off trailing space; a text of spaces alone stays whole."""
    kept = text.rstrip() or text
    return kept, text[len(kept) :]


def _present(numbers: ArrayLike, order: Sequence[int] | Ints) -> list[tuple[int, float]]:
    """Return the present cells in a column order, as pairs of column and number."""
    cells = np.asarray(numbers, dtype=np.float64)[np.asarray(order)]
    return [(int(i), float(n)) for i, n in zip(order, cells, strict=True) if np.isfinite(n)]

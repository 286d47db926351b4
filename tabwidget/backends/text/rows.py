"""RowTokens: rows of a table as token ids, joined from fragments that are tokenized once."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tabwidget.errors import ConfigError
from tabwidget.serializers.base import Serializer, pieces_of
from tabwidget.table.column import Column

__all__ = ["Ids", "RowIds", "RowTokens"]

Ids = tuple[int, ...]

MAX_KEPT = 200_000  # fragments


@dataclass(frozen=True)
class RowIds:
    """A row as token ids.

    Attributes
    ----------
    ids : ndarray of int
        The tokens.
    owner : ndarray of int
        The column whose value a token tells, or ends; -1 for names and what stands around them.
    """

    ids: NDArray[np.int64]
    owner: NDArray[np.int64]


class RowTokens:
    """Writes rows, given as `TableSchema.rows` has them, as token ids.

    A row is ``start + open + name + value + between + name + … + close + end``, each fragment
    tokenized by itself. So the same cell has the same ids whatever stands beside it, in training
    and in every question. A space before a name or a value belongs to it, not to what stands before
    it: that is how the tokenizers of language models cut texts.

    Parameters
    ----------
    columns : sequence of Column
        The active columns, in the order of a row's numbers.
    serializer : Serializer
        Writes the cells; one that `check_serializer` passes.
    encode : callable
        Returns the token ids of a text, none added at its ends.
    start, end : sequence of int
        Ids that begin and end a text; may be empty.

    Raises
    ------
    ConfigError
        If nothing would end a row.

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
        # What was asked once is asked again: the values of a support, the names of all columns.
        kept = functools.lru_cache(MAX_KEPT)
        self._ids: Callable[[str], Ids] = kept(lambda text: tuple(encode(text)))
        self._name, self._value = kept(self._name_text), kept(self._value_text)
        if not self._ids(self._between) or not (self._ids(self._closing) or self._end):
            raise ConfigError(
                f"nothing ends a cell or a row of {serializer!r} with this tokenizer: "
                "give a serializer that writes something between two cells and after the last"
            )

    @property
    def ends(self) -> tuple[Ids, ...]:
        """What may follow a value, each as ids: another cell, or the end of the row."""
        return tuple(
            dict.fromkeys([self._ids(self._between), self._ids(self._closing) + self._end])
        )

    def value(self, index: int, number: float) -> Ids:
        """Return a cell's value as ids, without what ends it."""
        return self._ids(self._value(index, number))

    def fragments(
        self, numbers: ArrayLike, order: Sequence[int] | NDArray[np.int64]
    ) -> list[tuple[str, int]]:
        """Return a row's present cells, in an order of the columns, as texts with their owners.

        Each is tokenized by itself. The owner is a column for its value and what ends it; else -1.
        """
        out = [(self._opening, -1)]
        cells = _present(numbers, order)
        for place, (index, number) in enumerate(cells):
            end = self._closing if place == len(cells) - 1 else self._between
            out += [
                (self._name(index, place == 0), -1),
                (self._value(index, number), index),
                (end, index),
            ]
        return out if cells else [*out, (self._closing, -1)]

    def row(self, numbers: ArrayLike, order: Sequence[int] | NDArray[np.int64]) -> RowIds:
        """Return a row's present cells in an order of the columns."""
        ids, owner = list(self._start), [-1] * len(self._start)
        last = -1
        for text, last in self.fragments(numbers, order):
            part = self._ids(text)
            ids += part
            owner += [last] * len(part)
        ids += self._end
        owner += [last] * len(self._end)
        return RowIds(np.array(ids, dtype=np.int64), np.array(owner, dtype=np.int64))

    def prompt(
        self, numbers: ArrayLike, order: Sequence[int] | NDArray[np.int64], target: int
    ) -> Ids:
        """Return a row's present cells, in an order, and the name of the column asked for."""
        cells = [cell for cell in _present(numbers, order) if cell[0] != target]
        texts = [self._opening]
        for place, (index, number) in enumerate(cells):
            texts += [self._name(index, place == 0), self._value(index, number), self._between]
        texts.append(self._name(target, not cells))
        return (*self._start, *itertools.chain.from_iterable(map(self._ids, texts)))

    def _name_text(self, index: int, first: bool) -> str:
        before, _ = self._texts(index, float(self.columns[index].grid[0]))
        return (self._first_space if first else self._space) + before

    def _value_text(self, index: int, number: float) -> str:
        return self._texts(index, number)[1]

    def _texts(self, index: int, number: float) -> tuple[str, str]:
        """Return what stands before a cell's value, and the value."""
        column = self.columns[index]
        written = self._serializer.serialize({column.name: column.value(number)})
        (span,) = written.spans
        before, space = _cut_space(written.text[span.name[0] : span.value[0]])
        return before, space + written.text[slice(*span.value)]


def _cut_space(text: str) -> tuple[str, str]:
    """Cut off the space at the end; a text of nothing else stays whole."""
    cut = text.rstrip() or text
    return cut, text[len(cut) :]


def _present(
    numbers: ArrayLike, order: Sequence[int] | NDArray[np.int64]
) -> list[tuple[int, float]]:
    cells = np.asarray(numbers, dtype=np.float64)[np.asarray(order)]
    return [(int(i), float(n)) for i, n in zip(order, cells, strict=True) if np.isfinite(n)]

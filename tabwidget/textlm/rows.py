"""RowTokens: rows of a table as token ids, joined from fragments that are tokenised once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tabwidget.column import Column
from tabwidget.errors import ConfigError
from tabwidget.serialize import Serializer, pieces_of

__all__ = ["Ids", "RowIds", "RowTokens"]

Ids = tuple[int, ...]

MOST_KEPT = 200_000  # fragments


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
    tokenised by itself. So the same cell has the same ids whatever stands beside it, in training
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
    >>> from tabwidget.serialize import JSONSerializer
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
        self._serializer, self._encode = serializer, encode
        pieces = pieces_of(serializer)
        opening, self._first_space = _cut_space(pieces.open)
        between, self._space = _cut_space(pieces.between)
        self._opening: Ids = (*start, *encode(opening))
        self._between: Ids = tuple(encode(between))
        self._closing: Ids = (*encode(pieces.close), *end)
        if not self._between or not self._closing:
            raise ConfigError(
                f"nothing ends a cell or a row of {serializer!r} with this tokenizer: "
                "give a serializer that writes something between two cells and after the last"
            )
        # What was asked once is asked again: the values of a support, the names of all columns.
        self.name = functools.lru_cache(MOST_KEPT)(self._name)
        self.value = functools.lru_cache(MOST_KEPT)(self._value)

    @property
    def ends(self) -> tuple[Ids, ...]:
        """What may follow a value, each as ids: another cell, or the end of the row."""
        return tuple(dict.fromkeys([self._between, self._closing]))

    def row(self, numbers: ArrayLike, order: Sequence[int] | NDArray[np.int64]) -> RowIds:
        """Return a row's present cells in an order of the columns."""
        ids, owner = list(self._opening), [-1] * len(self._opening)
        cells = _present(numbers, order)
        for place, (index, number) in enumerate(cells):
            name = self.name(index, place == 0)
            last = place == len(cells) - 1
            value = self.value(index, number) + (self._closing if last else self._between)
            ids += [*name, *value]
            owner += [-1] * len(name) + [index] * len(value)
        if not cells:
            ids += self._closing
            owner += [-1] * len(self._closing)
        return RowIds(np.array(ids, dtype=np.int64), np.array(owner, dtype=np.int64))

    def prompt(
        self, numbers: ArrayLike, order: Sequence[int] | NDArray[np.int64], target: int
    ) -> Ids:
        """Return a row's present cells, in an order, and the name of the column asked for."""
        ids = list(self._opening)
        cells = [cell for cell in _present(numbers, order) if cell[0] != target]
        for place, (index, number) in enumerate(cells):
            ids += self.name(index, place == 0)
            ids += self.value(index, number)
            ids += self._between
        return (*ids, *self.name(target, not cells))

    def _name(self, index: int, first: bool) -> Ids:
        before, _ = self._texts(index, float(self.columns[index].grid[0]))
        return tuple(self._encode((self._first_space if first else self._space) + before))

    def _value(self, index: int, number: float) -> Ids:
        return tuple(self._encode(self._texts(index, number)[1]))

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

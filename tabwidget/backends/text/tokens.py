"""Tokens: what cuts texts into them, and a row's as they are shown to people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tabwidget.backends.text.rows import RowTokens
from tabwidget.serializers.base import Serializer
from tabwidget.table.column import Column

__all__ = ["TextTokenizer", "Token", "row_tokens", "shown"]


class TextTokenizer(Protocol):
    """What cuts texts into tokens.

    Attributes
    ----------
    start, end : list of int
        Ids that begin and end a text; may be empty.
    """

    start: list[int]
    end: list[int]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, none added at its ends; names of special tokens are text."""
        ...

    def pieces(self, text: str) -> list[str]:
        """Return the text of each of these tokens: joined they are `text`.

        Of a character that takes several tokens the first has it, and the others nothing.
        """
        ...


@dataclass(frozen=True)
class Token:
    """A token of a row.

    Attributes
    ----------
    text : str
        Its part of the row.
    column : str or None
        Whose value it tells or ends; None for names and what stands around them.
    learned : bool
        Whether it has a part in the loss.
    """

    text: str
    column: str | None
    learned: bool


def row_tokens(
    columns: Sequence[Column], serializer: Serializer, tokenizer: TextTokenizer
) -> RowTokens:
    """Return what writes rows of some columns as the ids that a tokenizer has.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.serializers import BracketSerializer
    >>> from tabwidget.table import Table
    >>> class Letters:
    ...     start, end = [1], [2]
    ...     def encode(self, text): return list(text.encode())
    ...     def pieces(self, text): return list(text)
    >>> table = Table(pd.DataFrame({"a": [1, 2]}))
    >>> row_tokens(table.schema.inputs, BracketSerializer(), Letters()).row([1], [0]).ids.tolist()
    [1, 97, 91, 49, 93, 2]
    """
    start, end = tokenizer.start, tokenizer.end
    return RowTokens(columns, serializer, tokenizer.encode, start=start, end=end)


def shown(
    tokens: RowTokens,
    tokenizer: TextTokenizer,
    numbers: ArrayLike,
    order: Sequence[int] | NDArray[np.int64],
    learned: Collection[str],
) -> tuple[Token, ...]:
    """Return the tokens of a row, without those that begin and end a text.

    Parameters
    ----------
    tokens : RowTokens
        Writes the row.
    tokenizer : TextTokenizer
        Cuts it.
    numbers : array-like of shape (n_columns,)
        The row; NaN where absent.
    order : sequence of int
        Of the columns.
    learned : collection of str
        Columns that have a part in the loss.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.serializers import BracketSerializer
    >>> from tabwidget.table import Table
    >>> class Letters:
    ...     start, end = [], []
    ...     def encode(self, text): return list(text.encode())
    ...     def pieces(self, text): return list(text)
    >>> table = Table(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    >>> tokens = RowTokens(table.schema.inputs, BracketSerializer(), Letters().encode)
    >>> found = shown(tokens, Letters(), [1, 0], [1, 0], ["b"])
    >>> "".join(token.text for token in found)
    'b[x] a[1]'
    >>> [token.text for token in found if token.learned]
    ['x', ']']
    """
    out = []
    for text, owner in tokens.fragments(numbers, order):
        name = None if owner < 0 else tokens.columns[owner].name
        out += [Token(piece, name, name in learned) for piece in tokenizer.pieces(text)]
    return tuple(out)

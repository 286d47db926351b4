"""Tokenizers of text backends, and the tokens of a row as the user interface shows them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from numpy.typing import ArrayLike

from tabwidget._typing import Ints
from tabwidget.backends.text.rows import RowTokens
from tabwidget.serializers.base import Serializer
from tabwidget.table.column import Column

__all__ = ["TextTokenizer", "Token", "row_tokens", "tokens_of_row"]


class TextTokenizer(Protocol):
    """A tokenizer.

    Attributes
    ----------
    start, end : list of int
        Ids of the special tokens around a text; may be empty.
    """

    start: list[int]
    end: list[int]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without special tokens; their names are encoded as text."""
        ...

    def token_texts(self, text: str) -> list[str]:
        """Return the text of each token; joined, they are `text`.

        A character of several tokens belongs to the first; the others are empty.
        """
        ...


@dataclass(frozen=True)
class Token:
    """A token of a row.

    Attributes
    ----------
    text : str
        Its text.
    column : str or None
        The column whose value, or delimiter after it, the token belongs to.
    learned : bool
        Whether the token counts in the loss.
    """

    text: str
    column: str | None
    learned: bool


def row_tokens(
    columns: Sequence[Column], serializer: Serializer, tokenizer: TextTokenizer
) -> RowTokens:
    """Return a `RowTokens` of some columns, serializer and tokenizer.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.serializers import BracketSerializer
    >>> from tabwidget.table import Table
    >>> class Letters:
    ...     start, end = [1], [2]
    ...     def encode(self, text): return list(text.encode())
    ...     def token_texts(self, text): return list(text)
    >>> table = Table(pd.DataFrame({"a": [1, 2]}))
    >>> row_tokens(table.schema.inputs, BracketSerializer(), Letters()).row([1], [0]).ids.tolist()
    [1, 97, 91, 49, 93, 2]
    """
    start, end = tokenizer.start, tokenizer.end
    return RowTokens(columns, serializer, tokenizer.encode, start=start, end=end)


def tokens_of_row(
    tokens: RowTokens,
    tokenizer: TextTokenizer,
    numbers: ArrayLike,
    order: Sequence[int] | Ints,
    learned: Collection[str],
) -> tuple[Token, ...]:
    """Return the tokens of a row, without special tokens around it.

    Parameters
    ----------
    tokens : RowTokens
        Encodes the row.
    tokenizer : TextTokenizer
        The tokenizer of `tokens`.
    numbers : array-like of shape (n_columns,)
        The row; NaN where absent.
    order : sequence of int
        The column order.
    learned : collection of str
        Columns that count in the loss.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.serializers import BracketSerializer
    >>> from tabwidget.table import Table
    >>> class Letters:
    ...     start, end = [], []
    ...     def encode(self, text): return list(text.encode())
    ...     def token_texts(self, text): return list(text)
    >>> table = Table(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    >>> tokens = RowTokens(table.schema.inputs, BracketSerializer(), Letters().encode)
    >>> found = tokens_of_row(tokens, Letters(), [1, 0], [1, 0], ["b"])
    >>> "".join(token.text for token in found)
    'b[x] a[1]'
    >>> [token.text for token in found if token.learned]
    ['x', ']']
    """
    out = []
    for text, owner in tokens.fragments(numbers, order):
        name = None if owner < 0 else tokens.columns[owner].name
        out += [Token(part, name, name in learned) for part in tokenizer.token_texts(text)]
    return tuple(out)

"""TableTokens: tokens learned from a table, bytes and what many of its rows hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tabwidget._typing import Floats
from tabwidget.backends.text import RowTokens
from tabwidget.minilm.tokenizer import Tokenizer
from tabwidget.serializers.base import Serializer
from tabwidget.table.column import Column
from tabwidget.table.column_orders import column_orders

__all__ = ["MAX_TOKENS", "TableTokens", "longest_row"]


MAX_TOKENS = 1_024
FREQUENT = 0.25  # times a row, that two tokens stand together to become one
MAX_ROWS = 2_000  # that tokens are learned from


class TableTokens:
    """A tokenizer of bytes, as `tabwidget.backends.text` needs it.

    Parameters
    ----------
    tokenizer : Tokenizer
        Fitted.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.serializers import JSONSerializer
    >>> from tabwidget.table import Table
    >>> table = Table(pd.DataFrame({"color": ["red", "blue"] * 9, "n": range(18)}))
    >>> rows = table.schema.rows(table.frame)
    >>> tokens = TableTokens.learned(table.schema.inputs, rows, JSONSerializer())
    >>> tokens.pieces(' "color":'), tokens.pieces(" 17")
    ([' "color":'], [' 1', '7'])
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.start, self.end = [tokenizer.bos_id], [tokenizer.eos_id]

    @classmethod
    def learned(
        cls, columns: Sequence[Column], rows: Floats, serializer: Serializer
    ) -> TableTokens:
        """Return a tokenizer that knows every text, and what is frequent in rows as one token.

        So are names and common levels, but hardly a number: then what was learned of 5.1 would say
        nothing of 5.2. It learns from the fragments that `RowTokens` cuts rows into, for a token
        across two of them would never be used.

        Parameters
        ----------
        columns : sequence of Column
            Features.
        rows : ndarray of shape (n_rows, n_columns)
            As `TableSchema.rows` has them.
        serializer : Serializer
            Writes them.
        """
        written = RowTokens(columns, serializer, str.encode, end=[0])
        # By no seed of a fit: a preview shows the tokens that the fit will have.
        some = np.random.default_rng(0).permutation(len(rows))[:MAX_ROWS]
        orders = column_orders(len(some), len(columns), seed=0, epoch=0)
        drawn = [written.fragments(rows[row], o) for row, o in zip(some, orders, strict=True)]
        tokenizer = Tokenizer(MAX_TOKENS, level="byte")
        tokenizer.fit(
            [text for fragments in drawn for text, _ in fragments if text.strip()],
            min_frequency=max(2, round(FREQUENT * len(some))),
        )
        return cls(tokenizer)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, none added at its ends; names of special tokens are text."""
        return self.tokenizer.encode(text, add_special_tokens=False) if text else []

    def pieces(self, text: str) -> list[str]:
        """Return the text of each of these tokens: joined they are `text`."""
        out, place = [], 0
        for token in self.tokenizer.tokenize(text) if text else ():
            # A character begins at each byte but those that go on with one.
            n = sum(ord(byte) & 0xC0 != 0x80 for byte in token)
            out.append(text[place : place + n])
            place += n
        return out


def longest_row(tokens: RowTokens, rows: Floats) -> int:
    """Return how many tokens a row has that holds the longest value of each column."""
    natural = np.arange(len(tokens.columns))
    longest = np.full(len(natural), np.nan)
    for index, cells in enumerate(rows.T):
        values = np.unique(cells[np.isfinite(cells)]).tolist()
        lengths = [len(tokens.value(index, value)) for value in values]
        if values:
            longest[index] = values[int(np.argmax(lengths))]
    return len(tokens.row(longest, natural).ids)

"""TableTokens: a tokenizer learned from a table: bytes, and texts that many rows share."""

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
FREQUENT = 0.25  # occurrences per row of a pair of tokens that is merged into one
MAX_ROWS = 2_000  # on which the tokens are learned


class TableTokens:
    """A byte-level tokenizer as a `TextTokenizer`.

    Parameters
    ----------
    tokenizer : Tokenizer
        A fitted tokenizer of the level "byte".

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.serializers import JSONSerializer
    >>> from tabwidget.table import Table
    >>> table = Table(pd.DataFrame({"color": ["red", "blue"] * 9, "n": range(18)}))
    >>> rows = table.schema.rows(table.frame)
    >>> tokens = TableTokens.learned(table.schema.inputs, rows, JSONSerializer())
    >>> tokens.token_texts(' "color":'), tokens.token_texts(" 17")
    ([' "color":'], [' 1', '7'])
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.start, self.end = [tokenizer.bos_id], [tokenizer.eos_id]

    @classmethod
    def learned(
        cls, columns: Sequence[Column], rows: Floats, serializer: Serializer
    ) -> TableTokens:
        """Learn a tokenizer that encodes every text, and frequent texts as one token.

        Those are names and common levels, but rarely numbers, so that 5.1 and 5.2 share tokens. It
        learns from the fragments of `RowTokens`, since no token spans two of them.

        Parameters
        ----------
        columns : sequence of Column
            Features.
        rows : ndarray of shape (n_rows, n_columns)
            Rows as `TableSchema.rows` returns them.
        serializer : Serializer
            Formats the rows.
        """
        tokens = RowTokens(columns, serializer, str.encode, end=[0])
        # A fixed seed, so that a preview shows the tokens that a fit will have.
        some = np.random.default_rng(0).permutation(len(rows))[:MAX_ROWS]
        orders = column_orders(len(some), len(columns), seed=0, epoch=0)
        drawn = [tokens.fragments(rows[row], o) for row, o in zip(some, orders, strict=True)]
        tokenizer = Tokenizer(MAX_TOKENS, level="byte")
        tokenizer.fit(
            [text for fragments in drawn for text, _ in fragments if text.strip()],
            min_frequency=max(2, round(FREQUENT * len(some))),
        )
        return cls(tokenizer)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without special tokens; their names are encoded as text."""
        return self.tokenizer.encode(text, add_special_tokens=False) if text else []

    def token_texts(self, text: str) -> list[str]:
        """Return the text of each token; joined, they are `text`."""
        out, start = [], 0
        for token in self.tokenizer.tokenize(text) if text else ():
            # Count the characters that begin in the token: UTF-8 continuation bytes are 10xxxxxx.
            n = sum(ord(byte) & 0xC0 != 0x80 for byte in token)
            out.append(text[start : start + n])
            start += n
        return out


def longest_row(tokens: RowTokens, rows: Floats) -> int:
    """Return the number of tokens of a row with the longest value of each column."""
    natural = np.arange(len(tokens.columns))
    longest = np.full(len(natural), np.nan)
    for index, cells in enumerate(rows.T):
        values = np.unique(cells[np.isfinite(cells)]).tolist()
        lengths = [len(tokens.value(index, value)) for value in values]
        if values:
            longest[index] = values[int(np.argmax(lengths))]
    return len(tokens.row(longest, natural).ids)

"""A text model whose next token depends on all that stands before it, and tables to ask it of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget.backends.text import RowTokens, Trie
from tabwidget.backends.text.rows import Ids
from tabwidget.serializers import JSONSerializer, Serializer
from tabwidget.table import Table

Floats = NDArray[np.float64]

VOCABULARY = 128


class FakeScorer:
    """Exact, and it counts: prompts run, and nodes run after them."""

    def __init__(self, most_tokens: int = 4_000) -> None:
        self.most_tokens = most_tokens
        self.prompts = self.nodes = self.batches = 0

    def next(self, ids: Sequence[int]) -> Floats:
        """Return the log-probabilities of what follows."""
        logits = np.random.default_rng([len(ids), *ids]).normal(size=VOCABULARY) * 2
        found: Floats = logits - np.log(np.exp(logits).sum())
        return found

    def prefill(self, prompts: Sequence[Ids]) -> list[Ids]:
        self.prompts += len(prompts)
        self.batches += 1
        return list(prompts)

    def tree(self, cache: list[Ids], trie: Trie) -> Floats:
        self.nodes += len(cache) * (len(trie.inner) - 1)
        out = np.zeros((len(cache), len(trie)))
        for row, prompt in enumerate(cache):
            paths: list[Ids] = [()]
            for node in range(1, len(trie)):
                before = paths[trie.parents[node]]
                out[row, node] = self.next(prompt + before)[trie.tokens[node]]
                paths.append((*before, int(trie.tokens[node])))
        return out


def encode(text: str) -> list[int]:
    """Return a token a character, but one for two that stand together often."""
    pairs = {'": ': 1, ' "': 2, "12": 3}
    ids, i = [], 0
    while i < len(text):
        pair = next((p for p in pairs if text.startswith(p, i)), None)
        ids.append(pairs[pair] if pair else ord(text[i]))
        i += len(pair or "x")
    return ids


def mixed(n_rows: int = 120) -> Table:
    """Return a table of levels, listed and binned numbers, with missing cells."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "kind": rng.choice(["a", "ab", "b"], n_rows),
            "count": rng.choice([1, 12, 123], n_rows),
            "size": rng.normal(30, 9, n_rows).round(1),
        }
    )
    frame.loc[::7, "count"] = np.nan
    return Table(frame)


def tokens_of(table: Table, serializer: Serializer | None = None) -> RowTokens:
    """Return how rows of a table are written."""
    columns = table.schema.inputs
    return RowTokens(columns, serializer or JSONSerializer(), encode, start=[0], end=[4])

"""Scoring: the log-probability of token sequences after prompts, each prompt run once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from tabwidget._typing import Floats
from tabwidget.backends.text.rows import Ids
from tabwidget.backends.text.trie import Trie, parts

__all__ = ["TokenScorer", "log_probabilities"]


MAX_NODES = 512  # of a trie run at once; more of them, and their attention costs more than they do


class TokenScorer(Protocol):
    """A causal language model that scores.

    Attributes
    ----------
    most_tokens : int
        Tokens, of prompts and tries together, that a batch may hold.
    """

    most_tokens: int

    def prefill(self, prompts: Sequence[Ids]) -> Any:
        """Run the prompts; return what `tree` goes on from."""
        ...

    def tree(self, cache: Any, trie: Trie) -> Floats:
        """Return the log-probability of each node's token after its prompt and path.

        Parameters
        ----------
        cache
            What `prefill` returned; it must serve again afterwards.
        trie : Trie
            The same for all prompts.

        Returns
        -------
        ndarray of shape (n_prompts, n_nodes)
            In nats; 0 at the root.
        """
        ...


def log_probabilities(
    scorer: TokenScorer,
    prompts: Sequence[Ids],
    sequences: Sequence[Ids],
    most_nodes: int = MAX_NODES,
) -> Floats:
    """Return the log-probability of each sequence after each prompt, summed over its tokens.

    Parameters
    ----------
    scorer : Model
        The model.
    prompts : sequence of tuple of int
        Not empty themselves. Equal ones are run once.
    sequences : sequence of tuple of int
        What may follow; the same for all prompts.
    most_nodes : int, default 512
        Nodes of a trie run at once.

    Returns
    -------
    ndarray of shape (n_prompts, n_sequences)
        In nats. Of sequences of which none begins another, the probabilities sum to at most 1.
    """
    distinct = sorted(set(prompts), key=len)
    tries = [(part, Trie.of([sequences[i] for i in part])) for part in parts(sequences, most_nodes)]
    most = max((len(trie.inner) for _, trie in tries), default=0)
    found = np.empty((len(distinct), len(sequences)))
    start = 0
    while start < len(distinct):
        # Prompts of about the same length, as many as fit with their trie; the last is the longest.
        stop = start + 1
        while (
            stop < len(distinct)
            and (stop + 1 - start) * (len(distinct[stop]) + most) <= scorer.most_tokens
        ):
            stop += 1
        cache = scorer.prefill(distinct[start:stop])
        for part, trie in tries:
            found[start:stop, part] = trie.summed(scorer.tree(cache, trie))
        start = stop
    place = {prompt: i for i, prompt in enumerate(distinct)}
    return found[[place[prompt] for prompt in prompts]]

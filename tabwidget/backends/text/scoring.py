"""Score token sequences after prompts, running each prompt once.

log p(sequence | prompt) is the sum of log p(token | prompt, tokens before it) over its tokens.

Shapes: P prompts, S sequences, N nodes of a trie.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tabwidget._typing import Floats
from tabwidget.backends.text.rows import Ids
from tabwidget.backends.text.scoring_model import ScoringModel
from tabwidget.backends.text.trie import Trie, split_sequences

__all__ = ["log_probabilities"]


MAX_NODES = 512  # of a trie in one pass; attention between more costs more than another pass


def log_probabilities(
    scorer: ScoringModel,
    prompts: Sequence[Ids],
    sequences: Sequence[Ids],
    max_nodes: int = MAX_NODES,
) -> Floats:
    """Return the log-probability of each sequence after each prompt.

    Parameters
    ----------
    scorer : ScoringModel
        The model.
    prompts : sequence of tuple of int
        None of them empty. Equal ones run once.
    sequences : sequence of tuple of int
        The possible continuations, the same for all prompts.
    max_nodes : int, default 512
        Maximum number of trie nodes per pass.

    Returns
    -------
    ndarray of shape (P, S)
        In nats. If no sequence is a prefix of another, the probabilities sum to at most 1.
    """
    distinct = sorted(set(prompts), key=len)
    tries = [
        (part, Trie.of([sequences[i] for i in part]))
        for part in split_sequences(sequences, max_nodes)
    ]
    n_inner = max((len(trie.inner) for _, trie in tries), default=0)
    found = np.empty((len(distinct), len(sequences)))
    start = 0
    while start < len(distinct):
        # Batch prompts of similar lengths, as many as fit together with their tries.
        stop = start + 1
        while (
            stop < len(distinct)
            and (stop + 1 - start) * (len(distinct[stop]) + n_inner) <= scorer.max_batch_tokens
        ):
            stop += 1
        cache = scorer.prefill(distinct[start:stop])
        for part, trie in tries:
            found[start:stop, part] = trie.path_sums(scorer.score_trie(cache, trie))
        start = stop
    index = {prompt: i for i, prompt in enumerate(distinct)}
    return found[[index[prompt] for prompt in prompts]]

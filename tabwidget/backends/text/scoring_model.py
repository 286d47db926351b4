"""ScoringModel: a causal language model that scores tries of tokens after cached prompts.

Shapes: P prompts, L tokens of the longest prompt, N nodes of a trie, I of them inner (with
children) apart from the root, W width, V vocabulary.
"""

from __future__ import annotations

import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Bools, Floats, Ints
from tabwidget.backends.text.rows import Ids
from tabwidget.backends.text.tokens import TextTokenizer
from tabwidget.backends.text.trie import Trie
from tabwidget.errors import ConfigError

__all__ = ["MAX_BATCH_TOKENS", "PromptCache", "ScoringModel", "check_weights", "padded"]

logger = logging.getLogger(__name__)


MAX_BATCH_TOKENS = 4_096  # on a CPU, where larger batches are no faster
MAX_LOGITS = 2**24  # held in memory at once


@dataclass
class PromptCache:
    """Prompts, and after the first trie also what the model cached of them.

    Attributes
    ----------
    prompts : sequence of tuple of int
        Token ids.
    lengths : ndarray of shape (P,)
        Their lengths.
    past : object
        The model's key-value cache of the prompts.
    last : array of shape (P, 1, W)
        Hidden state of each prompt's last token.
    """

    prompts: Sequence[Ids]
    lengths: Ints
    past: Any = None
    last: Any = None


class ScoringModel(ABC):
    """A causal language model with its tokenizer, as text backends use it.

    A prompt runs once, then all nodes of a trie in one pass: by tree attention, each node attends
    to its prompt and to the nodes on its path, at the position given by its depth. Where a model
    does not support this (`check_tree_attention` compares both ways), each sequence runs by itself.

    Subclasses set the attributes, implement the abstract methods, and call `check_tree_attention`
    once.

    Attributes
    ----------
    vocab_size : int
        Token ids are below it.
    tokenizer : TextTokenizer
        The model's tokenizer.
    max_length : int or None
        Maximum length of an input in tokens; None for no limit.
    n_parameters : int
        Number of weights, including those that are not trained.
    max_batch_tokens : int
        Maximum number of tokens in a batch, of prompts and tries together.
    tree_attention : bool
        Whether tries run in one pass.
    """

    vocab_size: int
    tokenizer: TextTokenizer
    max_length: int | None = None
    n_parameters: int
    max_batch_tokens: int = MAX_BATCH_TOKENS
    tree_attention: bool = False

    @abstractmethod
    def token_log_probabilities(self, ids: Ints, at: Ints, tokens: Ints) -> Floats:
        """Return the log-probability of each token after a position in plain texts.

        Parameters
        ----------
        ids : ndarray of shape (n_rows, longest)
            Texts, padded with zeros on the right.
        at : ndarray of shape (n,)
            Indices into the flattened `ids`: the last token that is conditioned on.
        tokens : ndarray of shape (n,)
            The next tokens to score.
        """

    @abstractmethod
    def trained_weights(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of the weights that are trained."""

    @abstractmethod
    def load_weights(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Load weights that `trained_weights` returned.

        Raises
        ------
        ConfigError
            If they do not fit the model.
        """

    @abstractmethod
    def _hidden_states(
        self, ids: Ints, positions: Ints, mask: Bools, past: Any, read: Ints
    ) -> tuple[Any, Any]:
        """Run tokens after what is cached.

        Parameters
        ----------
        ids, positions : ndarray of shape (P, length)
            Tokens, and the position of each.
        mask : ndarray of bool of shape (P, length, cached + length)
            The tokens that each token attends to.
        past
            The cache that an earlier call returned, or None.
        read : ndarray of shape (P, n)
            Indices of tokens in `ids`.

        Returns
        -------
        array of shape (P, n, W)
            The hidden states of the tokens at `read`.
        object
            The cache, now with `ids`.
        """

    @abstractmethod
    def _drop_last(self, past: Any, n: int) -> Any:
        """Return a cache without its last `n` tokens."""

    @abstractmethod
    def _log_probabilities(self, states: Any, at: Ints, tokens: Ints) -> Floats:
        """Return the log-probability of ``tokens[i]`` after the hidden state ``states[:, at[i]]``.

        Returns
        -------
        ndarray of shape (P, n_tokens)
        """

    def prefill(self, prompts: Sequence[Ids]) -> PromptCache:
        """Prepare prompts; they run together with the first trie, which saves a pass."""
        return PromptCache(prompts, np.array([len(prompt) for prompt in prompts]))

    def score_trie(self, cache: PromptCache, trie: Trie) -> Floats:
        """Return log p(token of a node | prompt, tokens on its path).

        Parameters
        ----------
        cache : PromptCache
            What `prefill` returned; it can be used again.
        trie : Trie
            The same for all prompts.

        Returns
        -------
        ndarray of shape (P, N)
            In nats; 0 at the root.
        """
        if not self.tree_attention:
            return self._score_sequences(cache.prompts, trie)
        inner = trie.inner[1:]
        n, n_inner, width = len(cache.prompts), len(inner), int(cache.lengths.max())
        nodes: Any = None
        if cache.past is None or n_inner:
            ids = np.broadcast_to(trie.tokens[inner], (n, n_inner))
            positions = cache.lengths[:, None] + trie.depths[inner] - 1
            index = np.arange(width)
            # A node attends to its prompt, without the padding on the right, and to its path.
            prompt = (index < cache.lengths[:, None])[:, None]
            prompt = np.broadcast_to(prompt, (n, n_inner, width))
            mask = np.concatenate(
                (prompt, np.broadcast_to(trie.path_mask, (n, n_inner, n_inner))), axis=2
            )
            read = np.broadcast_to(np.arange(n_inner), (n, n_inner))
            if cache.past is None:
                ids = np.concatenate((padded(cache.prompts), ids), axis=1)
                positions = np.concatenate((np.broadcast_to(index, (n, width)), positions), axis=1)
                causal = np.tri(width, width + n_inner, dtype=bool)
                causal = np.broadcast_to(causal, (n, *causal.shape))
                mask = np.concatenate((causal, mask), axis=1)
                read = np.concatenate((cache.lengths[:, None] - 1, read + width), axis=1)
            nodes, past = self._hidden_states(ids, positions, mask, cache.past, read)
            cache.past = self._drop_last(past, n_inner) if n_inner else past
            if cache.last is None:
                cache.last, nodes = nodes[:, :1], nodes[:, 1:]
        out = np.zeros((n, len(trie)))
        parent = np.searchsorted(trie.inner, trie.parents[1:])
        step = max(1, MAX_LOGITS // (self.vocab_size * n))
        # The children of the root are scored at the prompt's last state, others at their parent's.
        for states, first, stop in ((cache.last, 0, 1), (nodes, 1, 1 + n_inner)):
            for start in range(first, stop, step):
                end = min(start + step, stop)
                children = np.flatnonzero((parent >= start) & (parent < end))
                out[:, children + 1] = self._log_probabilities(
                    states[:, start - first : end - first],
                    parent[children] - start,
                    trie.tokens[children + 1],
                )
        return out

    def check_tree_attention(self, tolerance: float = 1e-3) -> None:
        """Set `tree_attention`: score a small trie after two prompts in both ways, and compare.

        Parameters
        ----------
        tolerance : float, default 1e-3
            Largest difference of log-probabilities, in nats.
        """
        ids = (np.arange(1, 13) * 7919 % self.vocab_size).tolist()
        prompts = [tuple(ids[:5]), tuple(ids[4:7])]
        trie = Trie.of([ids[7:10], [*ids[7:9], ids[11]], ids[10:12]])
        self.tree_attention = False
        expected = self._score_sequences(prompts, trie)
        self.tree_attention = True
        try:
            cache = self.prefill(prompts)
            found = np.array([self.score_trie(cache, trie), self.score_trie(cache, trie)])
            self.tree_attention = bool(np.abs(found - expected).max() < tolerance)
        except Exception as error:  # models raise anything at arguments they do not support
            logger.info("the model does not support tree attention", exc_info=error)
            self.tree_attention = False
        if not self.tree_attention:
            warnings.warn(
                "the model does not support tree attention: each value is scored in a run of its "
                "own, which is slower",
                UserWarning,
                stacklevel=2,
            )

    def _score_sequences(self, prompts: Sequence[Ids], trie: Trie) -> Floats:
        """Return what `score_trie` does, from one plain text per prompt and leaf."""
        out = np.zeros((len(prompts), len(trie)))
        paths: list[list[int]] = [[]]
        for node in range(1, len(trie)):
            paths.append([*paths[trie.parents[node]], node])
        leaves = np.setdiff1d(np.arange(1, len(trie)), trie.inner).tolist()
        work = [(row, paths[leaf]) for row in range(len(prompts)) for leaf in leaves]
        longest = max(map(len, prompts)) + max(map(len, paths))
        size = max(1, min(self.max_batch_tokens, MAX_LOGITS // self.vocab_size) // longest)
        for start in range(0, len(work), size):
            batch = work[start : start + size]
            ids = padded([(*prompts[row], *trie.tokens[path].tolist()) for row, path in batch])
            at = [
                number * ids.shape[1] + len(prompts[row]) - 1 + np.arange(len(path))
                for number, (row, path) in enumerate(batch)
            ]
            tokens = trie.tokens[np.concatenate([path for _, path in batch])]
            found = self.token_log_probabilities(ids, np.concatenate(at), tokens)
            ends = np.cumsum([len(path) for _, path in batch])[:-1]
            for (row, path), scores in zip(batch, np.split(found, ends), strict=True):
                out[row, path] = scores
        return out


def check_weights(
    expected: Mapping[str, tuple[int, ...]], weights: Mapping[str, NDArray[Any]]
) -> None:
    """Raise `ConfigError` if a saved weight is not one of the model's, by name and shape.

    Examples
    --------
    >>> check_weights({"bias": (3,)}, {"bias": np.zeros(4)})
    Traceback (most recent call last):
    tabwidget.errors.ConfigError: the saved weights do not fit the model: 'bias' has shape (4,), \
expected (3,); load them into the model that was trained
    """
    for name, array in weights.items():
        if expected.get(name) != array.shape:
            raise ConfigError(
                f"the saved weights do not fit the model: {name!r} has shape {array.shape}, "
                f"expected {expected.get(name)}; load them into the model that was trained"
            )


def padded(texts: Sequence[Sequence[int]]) -> Ints:
    """Return token sequences as one array, padded with zeros on the right.

    Examples
    --------
    >>> padded([(3, 4), (5,)]).tolist()
    [[3, 4], [5, 0]]
    """
    ids = np.zeros((len(texts), max(map(len, texts))), dtype=np.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
    return ids

"""ScoringModel: a causal language model that scores tries of tokens over cached prompts."""

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

__all__ = ["MAX_TOKENS", "ScoringModel", "check_weights", "padded"]

logger = logging.getLogger(__name__)


MAX_TOKENS = 4_096  # of a batch on a CPU, where more are no faster
LOGITS = 2**24  # held at once


@dataclass
class Cache:
    """Prompts, and once the first trie has been run with them what their tokens left."""

    prompts: Sequence[Ids]
    lengths: Ints
    past: Any = None
    last: Any = None  # states of each prompt's last token, shape (n_prompts, 1, width)


class ScoringModel(ABC):
    """A model, its tokenizer, and how tries are run by it.

    A prompt is run once, all nodes of a trie after it at once: each sees its prompt and the nodes
    on its path, at the position that its depth says. A model that this does not suit, as two
    prompts tried at the start tell, is run anew for each sequence.

    A subclass sets the attributes, implements the abstract methods, and calls `try_out` once.

    Attributes
    ----------
    vocabulary : int
        Token ids are below it.
    tokenizer : TextTokenizer
        Its own.
    most_length : int or None
        Tokens that the model can read; None if there is no limit.
    n_parameters : int
        Weights, those that are not trained included.
    most_tokens : int
        Tokens, of prompts and tries together, that a batch may hold.
    """

    vocabulary: int
    tokenizer: TextTokenizer
    most_length: int | None = None
    n_parameters: int
    most_tokens: int = MAX_TOKENS
    by_tree: bool = False

    @abstractmethod
    def told(self, ids: Ints, at: Ints, tokens: Ints) -> Floats:
        """Return the log-probability of some tokens, each after a place in plain texts.

        Parameters
        ----------
        ids : ndarray of shape (n_rows, longest)
            Texts, zeros after their end.
        at : ndarray of shape (n,)
            Places in the flattened `ids`.
        tokens : ndarray of shape (n,)
            What follows each, or might.
        """

    @abstractmethod
    def trained(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of the weights that are trained."""

    @abstractmethod
    def take(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Put weights, as `trained` returns them, into the model.

        Raises
        ------
        ConfigError
            If they do not fit it.
        """

    @abstractmethod
    def _states(
        self, ids: Ints, positions: Ints, seen: Bools, past: Any, read: Ints
    ) -> tuple[Any, Any]:
        """Run tokens after what is cached.

        Parameters
        ----------
        ids, positions : ndarray of shape (n_rows, length)
            Tokens, and the position of each.
        seen : ndarray of bool of shape (n_rows, length, cached + length)
            What each of them looks at.
        past
            What an earlier call left; None at first.
        read : ndarray of shape (n_rows, n)
            Places in `ids`.

        Returns
        -------
        array of shape (n_rows, n, width)
            The states at these places.
        object
            What is cached, `ids` included.
        """

    @abstractmethod
    def _cropped(self, past: Any, n: int) -> Any:
        """Return what is cached without its last `n` tokens."""

    @abstractmethod
    def _read(self, states: Any, places: Ints, tokens: Ints) -> Floats:
        """Return the log-probability of ``tokens[i]`` after ``states[:, places[i]]``.

        Returns
        -------
        ndarray of shape (n_rows, n_tokens)
        """

    def prefill(self, prompts: Sequence[Ids]) -> Cache:
        """Take prompts; they are run together with the first trie, which costs one pass less."""
        return Cache(prompts, np.array([len(prompt) for prompt in prompts]))

    def tree(self, cache: Cache, trie: Trie) -> Floats:
        """Return the log-probability of each node's token after its prompt and path."""
        if not self.by_tree:
            return self._sequences(cache.prompts, trie)
        inner = trie.inner[1:]
        n, n_nodes, width = len(cache.prompts), len(inner), int(cache.lengths.max())
        nodes: Any = None
        if cache.past is None or n_nodes:
            ids = np.broadcast_to(trie.tokens[inner], (n, n_nodes))
            positions = cache.lengths[:, None] + trie.depths[inner] - 1
            place = np.arange(width)
            # A node sees its prompt, without the padding at its right, and the nodes on its path.
            prompt = (place < cache.lengths[:, None])[:, None]
            prompt = np.broadcast_to(prompt, (n, n_nodes, width))
            seen = np.concatenate(
                (prompt, np.broadcast_to(trie.above, (n, n_nodes, n_nodes))), axis=2
            )
            read = np.broadcast_to(np.arange(n_nodes), (n, n_nodes))
            if cache.past is None:
                ids = np.concatenate((padded(cache.prompts), ids), axis=1)
                positions = np.concatenate((np.broadcast_to(place, (n, width)), positions), axis=1)
                causal = np.tri(width, width + n_nodes, dtype=bool)
                causal = np.broadcast_to(causal, (n, *causal.shape))
                seen = np.concatenate((causal, seen), axis=1)
                read = np.concatenate((cache.lengths[:, None] - 1, read + width), axis=1)
            nodes, past = self._states(ids, positions, seen, cache.past, read)
            cache.past = self._cropped(past, n_nodes) if n_nodes else past
            if cache.last is None:
                cache.last, nodes = nodes[:, :1], nodes[:, 1:]
        out = np.zeros((n, len(trie)))
        parent = np.searchsorted(trie.inner, trie.parents[1:])
        step = max(1, LOGITS // (self.vocabulary * n))
        for states, shift, stop in ((cache.last, 0, 1), (nodes, 1, 1 + n_nodes)):
            for start in range(shift, stop, step):
                end = min(start + step, stop)
                mine = np.flatnonzero((parent >= start) & (parent < end))
                out[:, mine + 1] = self._read(
                    states[:, start - shift : end - shift],
                    parent[mine] - start,
                    trie.tokens[mine + 1],
                )
        return out

    def try_out(self, tolerance: float = 1e-3) -> None:
        """See whether the model can read a trie at once: ask two prompts both ways.

        Parameters
        ----------
        tolerance : float, default 1e-3
            Of the log-probabilities, in nats.
        """
        some = (np.arange(1, 13) * 7919 % self.vocabulary).tolist()
        prompts = [tuple(some[:5]), tuple(some[4:7])]
        trie = Trie.of([some[7:10], [*some[7:9], some[11]], some[10:12]])
        self.by_tree = False
        expected = self._sequences(prompts, trie)
        self.by_tree = True
        try:
            cache = self.prefill(prompts)
            found = np.array([self.tree(cache, trie), self.tree(cache, trie)])
            self.by_tree = bool(np.abs(found - expected).max() < tolerance)
        except Exception as error:  # whatever a model raises that does not know these arguments
            logger.info("the trie cannot be read at once", exc_info=error)
            self.by_tree = False
        if not self.by_tree:
            warnings.warn(
                "the model cannot read a trie at once: each value is scored by a run of its own, "
                "which is slower",
                UserWarning,
                stacklevel=2,
            )

    def _sequences(self, prompts: Sequence[Ids], trie: Trie) -> Floats:
        """Return what `tree` does, by one plain text for each prompt and leaf."""
        out = np.zeros((len(prompts), len(trie)))
        paths: list[list[int]] = [[]]
        for node in range(1, len(trie)):
            paths.append([*paths[trie.parents[node]], node])
        leaves = np.setdiff1d(np.arange(1, len(trie)), trie.inner).tolist()
        work = [(row, paths[leaf]) for row in range(len(prompts)) for leaf in leaves]
        longest = max(map(len, prompts)) + max(map(len, paths))
        size = max(1, min(self.most_tokens, LOGITS // self.vocabulary) // longest)
        for start in range(0, len(work), size):
            batch = work[start : start + size]
            ids = padded([(*prompts[row], *trie.tokens[path].tolist()) for row, path in batch])
            at = [
                number * ids.shape[1] + len(prompts[row]) - 1 + np.arange(len(path))
                for number, (row, path) in enumerate(batch)
            ]
            tokens = trie.tokens[np.concatenate([path for _, path in batch])]
            found = self.told(ids, np.concatenate(at), tokens)
            ends = np.cumsum([len(path) for _, path in batch])[:-1]
            for (row, path), part in zip(batch, np.split(found, ends), strict=True):
                out[row, path] = part
        return out


def check_weights(own: Mapping[str, tuple[int, ...]], weights: Mapping[str, NDArray[Any]]) -> None:
    """Raise `ConfigError` unless saved weights are some of a model's own, by name and shape."""
    for name, array in weights.items():
        if own.get(name) != array.shape:
            raise ConfigError(
                f"the saved weights do not fit the model ({name}, …): give the one that was tuned"
            )


def padded(texts: Sequence[Sequence[int]]) -> Ints:
    """Return token sequences as one array, zeros after the end of each.

    Examples
    --------
    >>> padded([(3, 4), (5,)]).tolist()
    [[3, 4], [5, 0]]
    """
    ids = np.zeros((len(texts), max(map(len, texts))), dtype=np.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
    return ids

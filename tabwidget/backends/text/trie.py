"""Trie: token sequences that share their beginnings, so that each beginning is run once."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Ints

__all__ = ["Trie"]


@dataclass(frozen=True)
class Trie:
    """Sequences as the paths of a tree; node 0 is the root, which stands for the prompt.

    Attributes
    ----------
    tokens : ndarray of shape (n_nodes,)
        The token of each node; -1 at the root. Nodes stand by depth, parents before children.
    parents, depths : ndarray of shape (n_nodes,)
        Of each node; the root's are -1 and 0.
    ends : ndarray of shape (n_sequences,)
        The node at which each sequence ends.

    Examples
    --------
    >>> trie = Trie.of([(7, 1), (7, 2, 3), (8,)])
    >>> trie.tokens.tolist(), trie.parents.tolist()
    ([-1, 7, 8, 1, 2, 3], [-1, 0, 0, 1, 1, 4])
    >>> trie.inner.tolist(), trie.ends.tolist()
    ([0, 1, 4], [3, 5, 2])
    """

    tokens: Ints
    parents: Ints
    depths: Ints
    ends: Ints

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> Trie:
        """Return the trie of some sequences."""
        tokens, parents, depths = [-1], [-1], [0]
        places = [0] * len(sequences)
        for depth in range(max(map(len, sequences), default=0)):
            children: dict[tuple[int, int], int] = {}
            for i, sequence in enumerate(sequences):
                if depth < len(sequence):
                    edge = (places[i], sequence[depth])
                    if edge not in children:
                        children[edge] = len(tokens)
                        tokens.append(edge[1])
                        parents.append(edge[0])
                        depths.append(depth + 1)
                    places[i] = children[edge]
        return cls(*(np.array(x, dtype=np.int64) for x in (tokens, parents, depths, places)))

    def __len__(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def inner(self) -> Ints:
        """The nodes with children: what a model runs. A leaf's token is only read."""
        return np.unique(self.parents[1:])

    @functools.cached_property
    def above(self) -> NDArray[np.bool_]:
        """Whether an inner node but the root (column) lies on the path to another (row)."""
        inner = self.inner[1:]
        place = {int(node): i for i, node in enumerate(inner)}
        above = np.eye(len(inner), dtype=bool)
        for i, node in enumerate(inner):
            if (parent := int(self.parents[node])) > 0:
                above[i] |= above[place[parent]]
        return above

    def summed(self, steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum along the path to the end of each sequence.

        Parameters
        ----------
        steps : ndarray of shape (n_prompts, n_nodes)
            What each node adds; the root adds nothing.

        Returns
        -------
        ndarray of shape (n_prompts, n_sequences)
        """
        total = steps.copy()
        total[:, 0] = 0.0
        for depth in range(1, int(self.depths.max(initial=0)) + 1):
            nodes = np.flatnonzero(self.depths == depth)
            total[:, nodes] += total[:, self.parents[nodes]]
        return total[:, self.ends]


def parts(sequences: Sequence[Sequence[int]], most: int) -> Iterator[Ints]:
    """Yield the numbers of sequences that make tries of at most `most` inner nodes each.

    Sequences that begin alike stay together as far as that goes.
    """
    found: list[int] = []
    count, last = 0, tuple[int, ...]()
    for i in sorted(range(len(sequences)), key=lambda i: tuple(sequences[i])):
        inner = tuple(sequences[i][:-1])
        shared = 0
        while shared < min(len(inner), len(last)) and inner[shared] == last[shared]:
            shared += 1
        if found and count + len(inner) - shared > most:
            yield np.array(found)
            found, count, shared = [], 0, 0
        found.append(i)
        count, last = count + len(inner) - shared, inner
    if found:
        yield np.array(found)

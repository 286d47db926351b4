"""Trie: token sequences as paths of a tree, so that a shared prefix runs once.

Shapes: S sequences, N nodes, I inner nodes (with children) apart from the root, P prompts.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tabwidget._typing import Bools, Floats, Ints

__all__ = ["Trie", "split_sequences"]


@dataclass(frozen=True)
class Trie:
    """Sequences as paths from node 0, the root, which stands for the prompt.

    Attributes
    ----------
    tokens : ndarray of shape (N,)
        The token of each node; -1 at the root. Nodes are sorted by depth.
    parents, depths : ndarray of shape (N,)
        The parent and depth of each node; -1 and 0 at the root.
    ends : ndarray of shape (S,)
        The last node of each sequence.

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
        ends = [0] * len(sequences)
        for depth in range(max(map(len, sequences), default=0)):
            children: dict[tuple[int, int], int] = {}
            for i, sequence in enumerate(sequences):
                if depth < len(sequence):
                    edge = (ends[i], sequence[depth])
                    if edge not in children:
                        children[edge] = len(tokens)
                        tokens.append(edge[1])
                        parents.append(edge[0])
                        depths.append(depth + 1)
                    ends[i] = children[edge]
        return cls(*(np.array(x, dtype=np.int64) for x in (tokens, parents, depths, ends)))

    def __len__(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def inner(self) -> Ints:
        """The nodes with children, which a model has to run; leaves are only scored."""
        return np.unique(self.parents[1:])

    @functools.cached_property
    def path_mask(self) -> Bools:
        """The attention mask between inner nodes, shape (I, I): each sees its path and itself."""
        inner = self.inner[1:]
        index = {int(node): i for i, node in enumerate(inner)}
        mask = np.eye(len(inner), dtype=bool)
        for i, node in enumerate(inner):
            if (parent := int(self.parents[node])) > 0:
                mask[i] |= mask[index[parent]]
        return mask

    def path_sums(self, scores: Floats) -> Floats:
        """Return the sum of scores along the path of each sequence.

        Parameters
        ----------
        scores : ndarray of shape (P, N)
            One per node; that of the root does not count.

        Returns
        -------
        ndarray of shape (P, S)
        """
        total = scores.copy()
        total[:, 0] = 0.0
        for depth in range(1, int(self.depths.max(initial=0)) + 1):
            nodes = np.flatnonzero(self.depths == depth)
            total[:, nodes] += total[:, self.parents[nodes]]
        return total[:, self.ends]


def split_sequences(sequences: Sequence[Sequence[int]], max_nodes: int) -> Iterator[Ints]:
    """Yield indices of sequences whose tries have at most `max_nodes` inner nodes each.

    Sequences with a common prefix stay together as far as possible; a longer one is alone.
    """
    found: list[int] = []
    count, last = 0, tuple[int, ...]()
    for i in sorted(range(len(sequences)), key=lambda i: tuple(sequences[i])):
        inner = tuple(sequences[i][:-1])
        shared = 0
        while shared < min(len(inner), len(last)) and inner[shared] == last[shared]:
            shared += 1
        if found and count + len(inner) - shared > max_nodes:
            yield np.array(found)
            found, count, shared = [], 0, 0
        found.append(i)
        count, last = count + len(inner) - shared, inner
    if found:
        yield np.array(found)

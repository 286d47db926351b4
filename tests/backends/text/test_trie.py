from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.backends.text.trie import Trie, split_sequences

SEQUENCES = st.lists(
    st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple), min_size=1, max_size=12
)


@given(SEQUENCES)
def test_the_path_to_an_end_is_the_sequence(sequences: list[tuple[int, ...]]) -> None:
    trie = Trie.of(sequences)
    for sequence, node in zip(sequences, trie.ends, strict=True):
        path = []
        while node:
            path.append(int(trie.tokens[node]))
            node = trie.parents[node]
        assert tuple(reversed(path)) == sequence


@given(SEQUENCES)
def test_a_shared_prefix_is_one_node(sequences: list[tuple[int, ...]]) -> None:
    prefixes = {s[:n] for s in sequences for n in range(len(s) + 1)}
    assert len(Trie.of(sequences)) == len(prefixes)


def test_steps_are_summed_along_each_path() -> None:
    trie = Trie.of([(7, 1), (7, 2, 3), (8,)])
    steps = np.array([[100.0, 1, 2, 4, 8, 16]])
    assert trie.path_sums(steps).tolist() == [[5.0, 25.0, 2.0]]


def test_a_node_attends_to_itself_and_its_path() -> None:
    trie = Trie.of([(7, 1, 5), (7, 2, 5), (8, 1)])
    assert trie.path_mask.tolist() == [
        [True, False, False, False],
        [False, True, False, False],
        [True, False, True, False],
        [True, False, False, True],
    ]


@given(SEQUENCES, st.integers(5, 9))
def test_splits_hold_each_sequence_once_within_max_nodes(
    sequences: list[tuple[int, ...]], max_nodes: int
) -> None:
    found = list(split_sequences(sequences, max_nodes))
    assert sorted(np.concatenate(found).tolist()) == list(range(len(sequences)))
    for part in found:
        assert len(Trie.of([sequences[i] for i in part]).inner) - 1 <= max_nodes


def test_a_sequence_longer_than_max_nodes_is_alone() -> None:
    assert [p.tolist() for p in split_sequences([(1, 2, 3, 4), (1, 5)], 2)] == [[0], [1]]


def test_without_sequences_there_is_only_the_root() -> None:
    trie = Trie.of([])
    assert len(trie) == 1
    with pytest.raises(IndexError):
        trie.ends[0]

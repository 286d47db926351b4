from __future__ import annotations

import numpy as np
import pytest

from tabwidget.backends.text import log_probabilities
from tabwidget.backends.text.rows import Ids
from tests.backends.text.fakes import FakeScorer

PROMPTS: list[Ids] = [(9, 8), (5,), (9, 8), (1, 2, 3, 4)]
SEQUENCES: list[Ids] = [(7, 1), (7, 2, 3), (7, 2, 4), (8,)]


def one_by_one(scorer: FakeScorer, prompt: Ids, sequence: Ids) -> float:
    """Return the log-probability of a sequence by a forward of its own."""
    steps = [scorer.next(prompt + sequence[:n])[sequence[n]] for n in range(len(sequence))]
    return float(sum(steps))


def test_the_trie_says_what_a_forward_for_each_candidate_says() -> None:
    scorer = FakeScorer()
    found = log_probabilities(scorer, PROMPTS, SEQUENCES)
    expected = [[one_by_one(scorer, p, s) for s in SEQUENCES] for p in PROMPTS]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("most_nodes", [1, 2, 500])
def test_a_trie_in_parts_says_the_same(most_nodes: int) -> None:
    whole = log_probabilities(FakeScorer(), PROMPTS, SEQUENCES)
    found = log_probabilities(FakeScorer(), PROMPTS, SEQUENCES, most_nodes)
    np.testing.assert_array_equal(found, whole)


def test_equal_prompts_are_run_once_and_shared_beginnings_too() -> None:
    scorer = FakeScorer()
    log_probabilities(scorer, PROMPTS, SEQUENCES)
    # Of the nodes of a trie only those that something follows are run: 7 and 7-2.
    assert (scorer.prompts, scorer.nodes) == (3, 3 * 2)


def test_batches_hold_no_more_tokens_than_the_scoring_model_takes() -> None:
    one, all_at_once = FakeScorer(most_tokens=1), FakeScorer()
    found = log_probabilities(one, PROMPTS, SEQUENCES)
    np.testing.assert_array_equal(found, log_probabilities(all_at_once, PROMPTS, SEQUENCES))
    assert (one.batches, all_at_once.batches) == (3, 1)

from __future__ import annotations

import numpy as np
import pytest

from tabwidget.backends.text.rows import Ids
from tabwidget.backends.text.scoring import log_probabilities
from tests.backends.text.fakes import FakeScoringModel

PROMPTS: list[Ids] = [(9, 8), (5,), (9, 8), (1, 2, 3, 4)]
SEQUENCES: list[Ids] = [(7, 1), (7, 2, 3), (7, 2, 4), (8,)]


def test_tries_score_as_one_forward_pass_per_sequence() -> None:
    scorer = FakeScoringModel()
    found = log_probabilities(scorer, PROMPTS, SEQUENCES)
    expected = [[scorer.log_probability(p, s) for s in SEQUENCES] for p in PROMPTS]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("max_nodes", [1, 2, 500])
def test_a_split_trie_scores_the_same(max_nodes: int) -> None:
    whole = log_probabilities(FakeScoringModel(), PROMPTS, SEQUENCES)
    found = log_probabilities(FakeScoringModel(), PROMPTS, SEQUENCES, max_nodes)
    np.testing.assert_array_equal(found, whole)


def test_equal_prompts_and_shared_prefixes_run_once() -> None:
    scorer = FakeScoringModel()
    log_probabilities(scorer, PROMPTS, SEQUENCES)
    # Only inner nodes run: 7 and 7-2.
    assert (scorer.n_prompts, scorer.n_nodes) == (3, 3 * 2)


def test_batches_stay_within_max_batch_tokens() -> None:
    one, all_at_once = FakeScoringModel(max_batch_tokens=1), FakeScoringModel()
    found = log_probabilities(one, PROMPTS, SEQUENCES)
    np.testing.assert_array_equal(found, log_probabilities(all_at_once, PROMPTS, SEQUENCES))
    assert (one.n_batches, all_at_once.n_batches) == (3, 1)

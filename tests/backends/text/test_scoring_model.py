"""Scoring without tree attention, and how a model is checked for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tabwidget._typing import Bools, Floats, Ints
from tabwidget.backends.text.scoring_model import check_weights
from tabwidget.backends.text.trie import Trie
from tabwidget.errors import ConfigError
from tests.backends.text.fakes import FakeScoringModel

PROMPTS = [(9, 8), (5,), (1, 2, 3, 4)]
TRIE = Trie.of([(7, 1), (7, 2, 3), (7, 2, 4), (8,)])


class TreeModel(FakeScoringModel):
    """Runs tries by tree attention: a token's hidden state is the sequence that it attends to."""

    def __init__(self) -> None:
        super().__init__()
        self.n_tokens = 0

    def _hidden_states(
        self, ids: Ints, positions: Ints, mask: Bools, past: Any, read: Ints
    ) -> tuple[Any, Any]:
        self.n_tokens += ids.size
        known = ids if past is None else np.concatenate((past, ids), axis=1)
        states = np.empty((*read.shape, 1), dtype=object)
        for row, column in np.ndindex(*read.shape):
            states[row, column, 0] = known[row, mask[row, read[row, column]]].tolist()
        return states, known

    def _drop_last(self, past: Any, n: int) -> Any:
        return past[:, :-n]

    def _log_probabilities(self, states: Any, at: Ints, tokens: Ints) -> Floats:
        return np.array(
            [
                [self.next(row[i, 0])[token] for i, token in zip(at, tokens, strict=True)]
                for row in states
            ]
        ).reshape(len(states), len(tokens))


def expected() -> Floats:
    model, out = FakeScoringModel(), np.zeros((len(PROMPTS), len(TRIE)))
    for row, prompt in enumerate(PROMPTS):
        paths: list[tuple[int, ...]] = [()]
        for node in range(1, len(TRIE)):
            path = paths[TRIE.parents[node]]
            token = int(TRIE.tokens[node])
            out[row, node] = model.next(prompt + path)[token]
            paths.append((*path, token))
    return out


def test_without_tree_attention_each_sequence_runs_by_itself() -> None:
    model = FakeScoringModel(max_batch_tokens=7)
    np.testing.assert_allclose(model.score_trie(model.prefill(PROMPTS), TRIE), expected())


def test_tree_attention_scores_the_same_and_a_cache_is_used_again() -> None:
    model = TreeModel()
    model.check_tree_attention()
    assert model.tree_attention
    cache = model.prefill(PROMPTS)
    model.n_tokens = 0
    for _ in range(2):
        np.testing.assert_allclose(model.score_trie(cache, TRIE), expected())
    # Three prompts padded to four tokens run once, their two inner nodes twice.
    assert model.n_tokens == 3 * 4 + 2 * 3 * 2


def test_a_small_limit_of_logits_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabwidget.backends.text.scoring_model.MAX_LOGITS", 1)
    model = TreeModel()
    model.tree_attention = True
    np.testing.assert_allclose(model.score_trie(model.prefill(PROMPTS), TRIE), expected())


def test_a_model_that_fails_at_tree_attention_does_without() -> None:
    model = FakeScoringModel()
    with pytest.warns(UserWarning, match="does not support tree attention"):
        model.check_tree_attention()
    assert not model.tree_attention


def test_saved_weights_must_be_the_models() -> None:
    own = {"a": (2, 3), "b": (4,)}
    check_weights(own, {"a": np.zeros((2, 3))})
    for wrong in ({"a": np.zeros((3, 2))}, {"c": np.zeros(4)}):
        with pytest.raises(ConfigError, match="do not fit the model"):
            check_weights(own, wrong)

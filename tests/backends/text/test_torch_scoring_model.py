"""Weights and log-probabilities of scoring models around torch modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tabwidget.backends.text.torch_scoring_model import TorchScoringModel
from tabwidget.errors import ConfigError


class Bigram(TorchScoringModel):
    """The next token depends on the last one only."""

    vocab_size = 5

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Embedding(5, 3), nn.Dropout(0.5), nn.Linear(3, 5))
        self.model[0].weight.requires_grad_(False)

    def logits_at(self, ids: Tensor, at: Tensor) -> Tensor:
        logits: Tensor = self.model(ids.flatten()[at])
        return logits

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.model[2](hidden)
        return logits

    def _hidden_states(self, *args: Any) -> tuple[Any, Any]:
        raise NotImplementedError

    def _drop_last(self, past: Any, n: int) -> Any:
        raise NotImplementedError


@pytest.fixture
def bigram() -> Bigram:
    with torch.random.fork_rng():
        return Bigram()


IDS, AT = np.array([[1, 2, 3], [4, 0, 0]]), np.array([0, 2, 3])


def test_probabilities_of_all_tokens_sum_to_one(bigram: Bigram) -> None:
    found = [bigram.token_log_probabilities(IDS, AT, np.full(3, token)) for token in range(5)]
    np.testing.assert_allclose(np.exp(found).sum(axis=0), 1.0, rtol=1e-6)
    assert found[0].dtype == np.float64


def test_hidden_states_score_as_texts_do(bigram: Bigram) -> None:
    tokens = np.array([2, 0, 1])
    with bigram.evaluating():
        states = bigram.model[0](torch.tensor([[1, 3, 4]]))
    found = bigram._log_probabilities(states, np.array([0, 1, 2]), tokens)
    expected = bigram.token_log_probabilities(IDS, AT, tokens)
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)


def test_evaluating_turns_dropout_and_gradients_off(bigram: Bigram) -> None:
    bigram.model.train()
    with bigram.evaluating():
        logits = bigram.logits_at(torch.from_numpy(IDS), torch.from_numpy(AT))
        assert torch.equal(logits, bigram.logits_at(torch.from_numpy(IDS), torch.from_numpy(AT)))
    assert not logits.requires_grad


def test_only_trained_weights_are_copied_and_loaded(bigram: Bigram) -> None:
    before = bigram.trained_weights()
    assert set(before) == {"2.weight", "2.bias"}
    bigram.load_weights({"2.bias": np.ones(5, dtype=np.float32)})
    np.testing.assert_array_equal(bigram.trained_weights()["2.bias"], np.ones(5))
    assert not np.array_equal(before["2.bias"], np.ones(5))
    with pytest.raises(ConfigError, match=r"'0\.weight' has shape"):
        bigram.load_weights({"0.weight": np.ones((5, 3))})

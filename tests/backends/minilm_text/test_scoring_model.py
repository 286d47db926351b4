"""The small text model as a scoring model."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends.minilm_text.backend import MiniLMTextBackend
from tabwidget.backends.text.trie import Trie
from tabwidget.config import ModelConfig
from tabwidget.errors import ConfigError
from tests.backends.minilm_text.fakes import minilm_of
from tests.backends.text.fakes import (
    fit,
    toy,
)


def test_a_value_beyond_the_maximum_length_is_an_error(toy_fit: MiniLMTextBackend) -> None:
    backend = copy.deepcopy(toy_fit)
    longest = minilm_of(backend).max_length or 0
    columns = [
        column.grown(pd.Series(["é" * longest])) if column.name == "letter" else column
        for column in toy().schema.inputs
    ]
    backend.grow(columns)
    with pytest.raises(ConfigError, match=f"the model accepts at most {longest}"):
        backend.predict(np.full((1, 4), np.nan), [0])


def test_the_model_has_the_configured_size() -> None:
    backend = MiniLMTextBackend(ModelConfig(width=24, layers=3, heads=2, dropout=0.3))
    fit(backend, max_steps=1)
    config = minilm_of(backend).model.encoder.config
    found = [config[name] for name in ("embedding_dim", "num_layers", "num_heads", "dropout")]
    assert found == [24, 3, 2, 0.3]


def test_a_prompt_cache_works_with_tries_of_any_size(toy_fit: MiniLMTextBackend) -> None:
    scorer = minilm_of(toy_fit)
    prompts = [(2, 70, 80), (2, 90, 75, 71)]
    cache = scorer.prefill(prompts)
    for n in (1, 40, 2):
        trie = Trie.of([(100 + i, 101 + i, 102) for i in range(n)])
        expected = scorer._score_sequences(prompts, trie)
        np.testing.assert_allclose(scorer.score_trie(cache, trie), expected, atol=1e-5)

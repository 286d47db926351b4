"""Scores of the MLX scoring model are those of transformers and of plain forward passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mlx_lm", reason="the extra 'mlx' is not installed")
import mlx_lm

from tabwidget.backends.mlx import MLXBackend
from tabwidget.config import ModelConfig
from tests.backends.mlx.fakes import backend_of
from tests.backends.text.fakes import (
    fit,
    rows_of,
    scoring_model_of,
    tokens_of,
    toy,
)


def test_log_probabilities_are_those_of_transformers(tiny: Path) -> None:
    pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM

    backend = backend_of(tiny)
    fit(backend, max_steps=1, learning_rate=1e-12)
    ids = tokens_of(backend).row(rows_of(toy())[1], [2, 0, 3, 1]).ids
    with torch.no_grad():
        there = AutoModelForCausalLM.from_pretrained(tiny)(torch.tensor(ids[None])).logits[0]
    at = np.arange(len(ids) - 1)
    expected = there.log_softmax(1)[at, ids[1:]]
    found = scoring_model_of(backend).token_log_probabilities(ids[None], at, ids[1:])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_sliding_window_applies_in_a_trie(tiny: Path) -> None:
    far, tokenizer = mlx_lm.load(str(tiny))
    far.args.sliding_window = 4
    far.args.layer_types = ["full_attention", "sliding_attention"]
    near = type(far)(far.args)
    near.update(far.parameters())
    backend = MLXBackend(ModelConfig(model=(near, tokenizer)))
    fit(backend, max_steps=1)
    assert scoring_model_of(backend).tree_attention
    rows, targets = rows_of(toy())[:3], np.array([0, 1, 2])
    found = backend.predict(rows, targets).probabilities
    scoring_model_of(backend).tree_attention = False
    expected = backend.predict(rows, targets).probabilities
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_model_with_other_positions_has_no_tree_attention(tiny: Path) -> None:
    def without_rope() -> Any:
        model, tokenizer = mlx_lm.load(str(tiny))
        model.layers[0].self_attn.rope = lambda x, offset=0: x * float(offset + 1)
        return model, tokenizer

    with pytest.warns(UserWarning, match="does not support tree attention"):
        fit(MLXBackend(ModelConfig(model=without_rope)), max_steps=1)

"""Tiny MLX backends and what tests read of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

from tabwidget.backends.mlx import MLXBackend
from tabwidget.backends.mlx.scoring_model import MLXScoringModel
from tabwidget.config import LoRAConfig, ModelConfig
from tests.backends.text.fakes import (
    scoring_model_of,
)

LORA = LoRAConfig(rank=4, alpha=8)
TEXT = '{"letter": "a", "number": '


def backend_of(folder: Path, **model: Any) -> MLXBackend:
    return MLXBackend(ModelConfig(model=str(folder), **model))


def mlx_scoring_model_of(backend: MLXBackend) -> MLXScoringModel:
    scorer = scoring_model_of(backend)
    assert isinstance(scorer, MLXScoringModel)
    return scorer


def logits(model: Any, tokenizer: Any) -> Any:
    """Return a model's next-token logits of a text."""
    return np.array(model(mx.array([tokenizer.encode(TEXT)]))[0].astype(mx.float32))


def own_logits(backend: MLXBackend) -> Any:
    scorer = mlx_scoring_model_of(backend)
    return logits(scorer.model, scorer.mlx_tokenizer)


def types_of(backend: MLXBackend) -> set[str]:
    return {type(module).__name__ for module in mlx_scoring_model_of(backend).model.modules()}

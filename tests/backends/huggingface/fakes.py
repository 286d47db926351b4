"""Tiny Hugging Face backends, fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tabwidget.backends.huggingface import HFBackend
from tabwidget.backends.huggingface.scoring_model import HFScoringModel
from tabwidget.config import LoRAConfig, ModelConfig
from tabwidget.events import Event
from tests.backends.text.fakes import fit

LORA = LoRAConfig(rank=4, alpha=8)


def fitted(
    folder: Path, backend: HFBackend | None = None, lora: LoRAConfig | None = None, **request: Any
) -> tuple[HFBackend, list[Event]]:
    backend = backend or HFBackend(ModelConfig(model=str(folder), lora=lora))
    return backend, fit(backend, **request)


def scoring_model_of(backend: HFBackend) -> HFScoringModel:
    scorer = backend._scorer
    assert isinstance(scorer, HFScoringModel)
    return scorer


def next_log_probabilities(scorer: HFScoringModel, ids: tuple[int, ...]) -> torch.Tensor:
    """Return the log-probabilities of every next token, from one forward pass."""
    with torch.no_grad():
        logits = scorer.model(input_ids=torch.tensor([ids])).logits[0]
    return logits.float().log_softmax(1)

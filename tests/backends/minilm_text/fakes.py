"""Small text backends, fitted."""

from __future__ import annotations

from typing import Any

from tabwidget.backends.minilm_text.backend import MiniLMTextBackend
from tabwidget.backends.minilm_text.scoring_model import MiniLMTextScoringModel
from tabwidget.config import ModelConfig
from tabwidget.table import Table
from tests.backends.text.fakes import (
    fit,
    scoring_model_of,
)

TINY = ModelConfig(width=16, layers=1, heads=2)


def fitted(table: Table | None = None, **training: Any) -> MiniLMTextBackend:
    backend = MiniLMTextBackend(TINY)
    fit(backend, table=table, max_steps=1, **training)
    return backend


def minilm_of(backend: MiniLMTextBackend) -> MiniLMTextScoringModel:
    scorer = scoring_model_of(backend)
    assert isinstance(scorer, MiniLMTextScoringModel)
    return scorer

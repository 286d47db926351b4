"""Every model that reads rows as text, tiny, and what the tests do with all of them alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends import FitRequest
from tabwidget.backends.text import RowTokens, ScoringModel
from tabwidget.backends.text.backend import TextBackend
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.events import Event
from tabwidget.serializers import JSONSerializer, Serializer
from tabwidget.table import Table

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Kind:
    """A model to test.

    Attributes
    ----------
    make : callable
        Returns a new one, of the tiny model in a folder.
    needs : tuple of str
        Packages without which it cannot be tested.
    rate : float
        A learning rate at which it learns something in few steps.
    """

    make: Callable[[Path], TextBackend]
    needs: tuple[str, ...] = ()
    rate: float = 3e-3


def huggingface(folder: Path, **model: Any) -> TextBackend:
    from tabwidget.backends.huggingface import HFBackend

    return HFBackend(ModelConfig(model=str(folder), **model))


def mlx(folder: Path, **model: Any) -> TextBackend:
    from tabwidget.backends.mlx import MLXBackend

    return MLXBackend(ModelConfig(model=str(folder), **model))


def minilm_text(folder: Path, **model: Any) -> TextBackend:
    from tabwidget.backends.minilm_text.backend import MiniLMTextBackend

    return MiniLMTextBackend(ModelConfig(width=32, dropout=0.0, **model))


KINDS = {
    "huggingface": Kind(huggingface, ("transformers", "peft")),
    "mlx": Kind(mlx, ("mlx", "mlx_lm")),
    "minilm-text": Kind(minilm_text),
}


def made(kind: str, folder: Path) -> TextBackend:
    """Return a new model; skip the test where it cannot be."""
    for package in KINDS[kind].needs:
        pytest.importorskip(package)
    return KINDS[kind].make(folder)


def toy(n: int = 60) -> Table:
    """Return a letter, a number that it moves, a coin, and a day; some cells are missing."""
    rng = np.random.default_rng(0)
    letter = rng.choice(list("ab"), n)
    number = np.where(letter == "a", 0.0, 10.0) + rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "letter": letter,
            "number": number.round(1),
            "coin": rng.random(n) < 0.5,
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 90, n), "D"),
        }
    )
    frame.loc[::7, "number"] = np.nan
    return Table(frame, "toy")


def fit(
    backend: TextBackend,
    *,
    table: Table | None = None,
    targets: tuple[str, ...] = (),
    serializer: Serializer | None = None,
    seed: int = 0,
    resume: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    emit: Callable[[Event], None] | None = None,
    **training: Any,
) -> list[Event]:
    """Let a model learn a table, and return what it told."""
    events: list[Event] = []
    settings = {"max_steps": 4, "learning_rate": 3e-3, "warmup_steps": 1, "batch_size": 8}
    config = TrainingConfig(**{**settings, **training})
    config.validate()
    request = FitRequest(
        table or toy(),
        targets,
        config,
        serializer or JSONSerializer(),
        seed,
        resume,
        emit or events.append,
        stopped,
    )
    backend.fit(request)
    return events


def rows_of(table: Table) -> Floats:
    """Return a table's rows as numbers."""
    return table.schema.rows(table.frame)


def weights_of(backend: TextBackend) -> dict[str, Floats]:
    """Return what was trained."""
    return backend.state()[1]


def scoring_model_of(backend: TextBackend) -> ScoringModel:
    """Return what runs the model."""
    assert backend._scorer is not None
    return backend._scorer


def tokens_of(backend: TextBackend) -> RowTokens:
    """Return what writes rows."""
    return backend._ready_answers().tokens

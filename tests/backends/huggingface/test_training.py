"""The loss and the settings of fits by transformers' Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
pytest.importorskip("peft", reason="the extra 'hf' is not installed")
from tabwidget.backends.huggingface import HFBackend
from tabwidget.backends.huggingface.scoring_model import HFScoringModel
from tabwidget.backends.huggingface.training import RowLoss
from tabwidget.backends.text import RowTokens
from tabwidget.backends.text.batches import collate
from tabwidget.config import LoRAConfig
from tabwidget.events import Event, FitEnd
from tests.backends.huggingface.fakes import LORA, fitted, next_log_probabilities, scoring_model_of
from tests.backends.text.fakes import rows_of, tokens_of, toy


def loss_of(scorer: HFScoringModel, tokens: RowTokens, rows: list[Any]) -> float:
    batch = collate(rows, np.ones(len(tokens.columns)))
    names = ("ids", "at", "labels", "weights", "cells")
    with scorer.evaluating():
        found = RowLoss(scorer).eval()(**{name: torch.from_numpy(batch[name]) for name in names})
    return float(found["loss"])


def test_the_loss_counts_values_and_delimiters_only(
    toy_fit: tuple[HFBackend, list[Event]],
) -> None:
    scorer, tokens = scoring_model_of(toy_fit[0]), tokens_of(toy_fit[0])
    row = tokens.row(rows_of(toy())[1], [3, 1, 0, 2])
    logs = next_log_probabilities(scorer, tuple(row.ids.tolist()))
    losses = [-float(logs[i - 1, row.ids[i]]) for i in np.flatnonzero(row.owner >= 0)]
    assert loss_of(scorer, tokens, [row]) == pytest.approx(sum(losses) / 4, abs=1e-5)


@pytest.mark.parametrize(
    "training",
    [
        {"grad_accumulation_steps": 2, "lr_scheduler": "cosine", "warmup_ratio": 0.2},
        {"augmentation_factor": 3, "optimizer": "adafactor", "lr_scheduler": "constant"},
        {"gradient_checkpointing": True, "neftune_noise_alpha": 5.0, "label_smoothing": 0.1},
    ],
    ids=str,
)
@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_settings_are_honored(
    tiny: Path, lora: LoRAConfig | None, training: dict[str, Any], recwarn: Any
) -> None:
    settings = dict(training)
    if "warmup_ratio" in settings:
        settings["warmup_steps"] = 20
    _, events = fitted(tiny, lora=lora, max_steps=3, **settings)
    assert isinstance(events[-1], FitEnd)
    assert not [w for w in recwarn if "no effect" in str(w.message)]

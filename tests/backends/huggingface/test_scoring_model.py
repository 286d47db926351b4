"""Scores of the Hugging Face scoring model are those of plain forward passes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
pytest.importorskip("peft", reason="the extra 'hf' is not installed")
from tabwidget.backends.huggingface import HFBackend
from tabwidget.backends.huggingface.loading import load
from tabwidget.backends.huggingface.scoring_model import HFScoringModel
from tabwidget.backends.text.scoring import log_probabilities
from tabwidget.backends.text.support import TextSupport
from tabwidget.config import ModelConfig
from tabwidget.events import Event
from tests.backends.huggingface.fakes import next_log_probabilities, scoring_model_of
from tests.backends.text.fakes import rows_of, tokens_of, toy


@pytest.mark.parametrize("target", [0, 1, 2, 3])
def test_tries_score_as_one_forward_pass_per_sequence(
    toy_fit: tuple[HFBackend, list[Event]], target: int
) -> None:
    backend = toy_fit[0]
    scorer, tokens = scoring_model_of(backend), tokens_of(backend)
    assert scorer.tree_attention
    rows = rows_of(toy())[:5]
    prompts = [tokens.prompt(row, [2, 0, 3, 1], target) for row in rows]
    sequences = TextSupport.of(tokens, target).sequences[::9]
    found = log_probabilities(scorer, prompts, sequences)
    for prompt, scores in zip(prompts, found, strict=True):
        for sequence, score in zip(sequences, scores, strict=True):
            logs = next_log_probabilities(scorer, prompt + sequence)[len(prompt) - 1 : -1]
            expected = logs.gather(1, torch.tensor(sequence)[:, None]).sum()
            assert score == pytest.approx(float(expected), abs=1e-4)


def test_wrong_scores_by_tree_attention_turn_it_off(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        HFScoringModel,
        "_log_probabilities",
        lambda self, hidden, at, tokens: np.zeros((2, len(at))),
    )
    with pytest.warns(UserWarning, match="does not support tree attention"):
        scorer = HFScoringModel(load(ModelConfig(model=str(tiny))))
    assert not scorer.tree_attention

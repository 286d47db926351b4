"""The Hugging Face backend, on tiny models; test_parity.py tests what all text backends do."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
pytest.importorskip("peft", reason="the extra 'hf' is not installed")
from transformers import AutoModelForCausalLM

from tabwidget.backends.huggingface import HFBackend
from tabwidget.config import LoRAConfig, ModelConfig
from tabwidget.errors import ConfigError
from tabwidget.events import EvalReport
from tabwidget.serializers import (
    BracketSerializer,
)
from tabwidget.table import Table
from tests.backends.huggingface.fakes import LORA, fitted, scoring_model_of
from tests.backends.text.fakes import rows_of, save_tiny, toy, weights_of


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_lower_precision_gives_similar_answers(tiny: Path, lora: LoRAConfig | None) -> None:
    found = []
    for precision in ("fp32", "bf16"):
        config = ModelConfig(model=str(tiny), lora=lora, precision=precision)
        backend, _ = fitted(tiny, HFBackend(config), max_steps=2)
        assert scoring_model_of(backend).tree_attention
        found.append(backend.predict(rows_of(toy())[:4], [0, 0, 2, 2]).probabilities)
    np.testing.assert_allclose(found[0], found[1], atol=0.1)


def test_settings_without_effect_raise_a_warning(tiny: Path) -> None:
    backend = HFBackend(ModelConfig(model=str(tiny), width=32))
    with pytest.warns(UserWarning, match="muon") as caught:
        fitted(tiny, backend, max_steps=1, optimizer="muon")
    assert any("ModelConfig.width=32 has no effect" in str(w.message) for w in caught)


def test_only_adapters_are_trained_and_saved(tiny: Path) -> None:
    backend, _ = fitted(tiny, lora=LORA, max_steps=3)
    arrays = weights_of(backend)
    assert all("lora_" in name for name in arrays)
    base = AutoModelForCausalLM.from_pretrained(tiny)
    name = "model.layers.0.self_attn.q_proj"
    tuned = scoring_model_of(backend).model.get_submodule(name).base_layer.weight
    torch.testing.assert_close(tuned, base.get_submodule(name).weight)


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_a_restored_backend_answers_the_same(tiny: Path, lora: LoRAConfig | None) -> None:
    table = toy()
    backend, _ = fitted(tiny, lora=lora, serializer=BracketSerializer())
    content, arrays = backend.state()
    again = HFBackend()
    again.restore(table.schema.inputs, content, arrays)
    rows, targets = rows_of(table)[:8], np.arange(8) % 4
    np.testing.assert_array_equal(
        again.predict(rows, targets).probabilities, backend.predict(rows, targets).probabilities
    )


def test_weights_of_another_model_are_an_error(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content, arrays = fitted(tiny, max_steps=1)[0].state()
    other = save_tiny(tmp_path_factory.mktemp("other"), width=16)
    with pytest.raises(ConfigError, match="do not fit"):
        HFBackend(ModelConfig(model=str(other))).restore(toy().schema.inputs, content, arrays)


def test_rows_that_are_too_long_are_an_error(tmp_path: Path, tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokens, more than max_seq_length=10"):
        fitted(tiny, max_seq_length=10)
    with pytest.raises(ConfigError, match="the model accepts at most 20"):
        fitted(save_tiny(tmp_path, length=20))


@pytest.mark.skipif(
    "TABWIDGET_SMOLLM2" not in os.environ, reason="TABWIDGET_SMOLLM2 names no folder"
)
def test_adapters_improve_a_real_model() -> None:
    _, events = fitted(
        Path(os.environ["TABWIDGET_SMOLLM2"]),
        lora=LORA,
        table=Table(toy().frame[["letter", "coin"]]),
        max_steps=5,
        learning_rate=1e-3,
    )
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]

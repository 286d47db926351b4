"""Tokenizers, settings and sizes of pretrained models."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
pytest.importorskip("peft", reason="the extra 'hf' is not installed")

from tabwidget.backends import BACKENDS, resolve
from tabwidget.backends.cost import ModelSize, cost_of
from tabwidget.backends.huggingface import HFBackend
from tabwidget.backends.huggingface.loading import add_adapters, load
from tabwidget.backends.text.pretrained import (
    PretrainedTokenizer,
    pretrained_size,
    quantization_of,
    tokenizer_of,
)
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig, TrainingConfig
from tabwidget.errors import ConfigError
from tabwidget.serializers import JSONSerializer
from tests.backends.text.fakes import save_tiny, toy


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> PretrainedTokenizer:
    return PretrainedTokenizer(tokenizer_of(ModelConfig(model=str(tiny)), ""))


@given(text=st.text(max_size=30))
def test_token_texts_join_to_the_text(tokenizer: PretrainedTokenizer, text: str) -> None:
    texts = tokenizer.token_texts(text)
    assert "".join(texts) == text
    assert len(texts) == len(tokenizer.encode(text))


def size_of(config: ModelConfig) -> ModelSize:
    return pretrained_size(
        config,
        "",
        weight_bytes=4,
        tokens_per_row=20.0,
        rows_per_step=8,
        device="cpu",
    )


@pytest.mark.parametrize(
    "lora",
    [
        None,
        LoRAConfig(rank=4),
        LoRAConfig(rank=2, target_modules=["q_proj", "down_proj"]),
        LoRAConfig(rank=2, rank_pattern={"q_proj": 5}),
    ],
    ids=["full", "all", "some", "patterns"],
)
def test_the_size_is_that_of_the_loaded_model(tiny: Path, lora: LoRAConfig | None) -> None:
    config = ModelConfig(model=str(tiny), lora=lora, device="cpu")
    size, model = size_of(config), load(config).model
    assert size.n_parameters == sum(weight.numel() for weight in model.parameters())
    model = model if lora is None else add_adapters(model, lora, seed=0)
    assert size.n_trained == sum(w.numel() for w in model.parameters() if w.requires_grad)
    assert size.n_trained <= size.n_multiplied or lora is None


def test_quantization_takes_less_memory(tiny: Path) -> None:
    full, quantized = (
        cost_of(size_of(ModelConfig(model=str(tiny), lora=LoRAConfig(), quantization=q)), 10, None)
        for q in (None, "4bit")
    )
    assert quantized.memory < full.memory


def test_a_name_of_a_quantization_is_a_config() -> None:
    assert quantization_of("8bit") == QuantizationConfig(bits=8)
    assert quantization_of(None) is None


@pytest.mark.parametrize("kind", ["huggingface", "mlx"])
def test_a_model_object_needs_a_tokenizer(kind: str) -> None:
    pytest.importorskip(BACKENDS[kind].package)
    backend = resolve(kind, ModelConfig(model=lambda: None))
    with pytest.raises(ConfigError, match="give tokenizer= too"):
        backend.size(toy(), JSONSerializer(), TrainingConfig())


def test_another_model_has_its_own_tokenizer(tiny: Path, tmp_path: Path) -> None:
    backend, args = HFBackend(ModelConfig(model=str(tiny))), (toy(), JSONSerializer())
    first = backend.tokenizer(*args)
    assert backend.tokenizer(args[0], JSONSerializer()) is first
    backend.model_config.set_params(model=str(save_tiny(tmp_path)))
    second = backend.tokenizer(*args)
    assert second is not first
    backend.model_config = ModelConfig(model=str(tiny))
    assert backend.tokenizer(*args) is not second

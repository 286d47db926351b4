"""How pretrained models cut texts, and how large they are, told before they are loaded."""

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
from tabwidget.backends.huggingface.loading import adapted, load
from tabwidget.backends.text.pretrained import (
    PretrainedTokenizer,
    pretrained_size,
    quantization_of,
    tokenizer_of,
)
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig, TrainingConfig
from tabwidget.errors import ConfigError
from tabwidget.serializers import JSONSerializer
from tests.backends.text.helpers import toy
from tests.backends.text.tiny import save_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> PretrainedTokenizer:
    return PretrainedTokenizer(tokenizer_of(ModelConfig(model=str(tiny)), ""))


@given(text=st.text(max_size=30))
def test_pieces_are_the_tokens_and_joined_the_text(
    tokenizer: PretrainedTokenizer, text: str
) -> None:
    pieces = tokenizer.pieces(text)
    assert "".join(pieces) == text
    assert len(pieces) == len(tokenizer.encode(text))


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
    ids=["full", "all", "some", "by name"],
)
def test_the_size_is_that_of_the_model_once_it_is_loaded(
    tiny: Path, lora: LoRAConfig | None
) -> None:
    config = ModelConfig(model=str(tiny), lora=lora, device="cpu")
    size, model = size_of(config), load(config).model
    assert size.n_parameters == sum(weight.numel() for weight in model.parameters())
    model = model if lora is None else adapted(model, lora, seed=0)
    assert size.n_trained == sum(w.numel() for w in model.parameters() if w.requires_grad)
    assert size.n_trained <= size.n_multiplied or lora is None


def test_few_bits_take_less_memory(tiny: Path) -> None:
    full, few = (
        cost_of(size_of(ModelConfig(model=str(tiny), lora=LoRAConfig(), quantization=q)), 10, None)
        for q in (None, "4bit")
    )
    assert few.memory < full.memory


def test_quantization_by_name_is_that_by_config() -> None:
    assert quantization_of("8bit") == QuantizationConfig(bits=8)
    assert quantization_of(None) is None


@pytest.mark.parametrize("kind", ["huggingface", "mlx"])
def test_a_model_that_says_no_tokenizer_shows_no_tokens(kind: str) -> None:
    pytest.importorskip(BACKENDS[kind].package)
    backend = resolve(kind, ModelConfig(model=lambda: None))
    with pytest.raises(ConfigError, match="give tokenizer= too"):
        backend.size(toy(), JSONSerializer(), TrainingConfig())


def test_another_model_brings_its_own_tokenizer(tiny: Path, tmp_path: Path) -> None:
    backend, asked = HFBackend(ModelConfig(model=str(tiny))), (toy(), JSONSerializer())
    first = backend.tokenizer(*asked)
    assert backend.tokenizer(asked[0], JSONSerializer()) is first
    backend.model_config.set_params(model=str(save_tiny(tmp_path)))
    second = backend.tokenizer(*asked)
    assert second is not first
    backend.model_config = ModelConfig(model=str(tiny))
    assert backend.tokenizer(*asked) is not second

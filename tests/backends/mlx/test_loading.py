"""Loading, quantizing and adapting models by mlx-lm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mlx_lm", reason="the extra 'mlx' is not installed")
import mlx.core as mx
import mlx_lm

from tabwidget.backends.mlx import MLXBackend
from tabwidget.backends.mlx.loading import load
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig
from tabwidget.errors import ConfigError
from tabwidget.events import EvalReport, FitEnd
from tests.backends.mlx.fakes import (
    LORA,
    backend_of,
    logits,
    mlx_scoring_model_of,
    own_logits,
    types_of,
)
from tests.backends.text.fakes import (
    fit,
    save_tiny,
    weights_of,
)


def test_rotary_settings_of_transformers_5_are_read(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path)
    config = (folder / "config.json").read_text(encoding="utf-8")
    assert '"rope_theta": 10000.0' in config
    (folder / "config.json").write_text(
        config.replace('"rope_theta": 10000.0', '"rope_theta": 50.0'), encoding="utf-8"
    )
    model = load(ModelConfig(model=str(folder))).model
    assert model.layers[0].self_attn.rope.base == 50.0


def test_the_head_gets_no_adapter_unless_it_is_named(tiny: Path) -> None:
    backend = backend_of(tiny, lora=LORA)
    fit(backend, max_steps=1)
    assert not any("lm_head" in name for name in weights_of(backend))
    backend = backend_of(tiny, lora=LoRAConfig(rank=2, target_modules=["lm_head", "embed_tokens"]))
    fit(backend, max_steps=1)
    names = {name.rsplit(".", 1)[0] for name in weights_of(backend)}
    assert names == {"lm_head", "model.embed_tokens"}


@pytest.mark.parametrize(
    ("lora", "scale"), [(LORA, 2.0), (LoRAConfig(rank=4, alpha=8, rslora=True), 4.0)], ids=str
)
def test_alpha_scales_an_adapter(tiny: Path, lora: LoRAConfig, scale: float) -> None:
    backend = backend_of(tiny, lora=lora)
    fit(backend, max_steps=1)
    assert mlx_scoring_model_of(backend).model.layers[0].self_attn.q_proj.scale == scale


def test_a_missing_target_module_is_an_error(tiny: Path) -> None:
    with pytest.raises(ConfigError, match=r"no modules c_attn; .*q_proj"):
        fit(backend_of(tiny, lora=LoRAConfig(target_modules=["c_attn"])))


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_adapters_of_quantized_weights(tiny: Path, bits: int, dora: bool) -> None:
    lora = LoRAConfig(rank=4, alpha=8, dora=dora)
    backend = backend_of(tiny, lora=lora, quantization=f"{bits}bit")
    events = fit(backend, max_steps=5)
    assert {"QuantizedLinear", "QuantizedEmbedding"} <= types_of(backend)
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("bits", [3, 6])
def test_bits_that_dora_does_not_support(tiny: Path, bits: int) -> None:
    assert isinstance(fit(backend_of(tiny, lora=LORA, quantization=f"{bits}bit"))[-1], FitEnd)
    message = f"dora=True does not support {bits}-bit weights, only 2, 4, 8 bits"
    with pytest.raises(ConfigError, match=message):
        fit(backend_of(tiny, lora=LoRAConfig(dora=True), quantization=f"{bits}bit"))


def test_unsupported_quantizations_are_errors(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give lora=LoRAConfig\(\)"):
        load(ModelConfig(model=str(tiny), quantization="4bit"))
    for config, message in (
        (QuantizationConfig(bits=4, method="hqq"), "no 4-bit weights by method='hqq'"),
        (QuantizationConfig(bits=4, group_size=128), "groups of 128"),
    ):
        with pytest.raises(ConfigError, match=message):
            load(ModelConfig(model=str(tiny), quantization=config, lora=LORA))


def test_a_loaded_model_is_not_changed_by_a_fit(tiny: Path) -> None:
    model, tokenizer = mlx_lm.load(str(tiny))
    before = logits(model, tokenizer)
    for given, own in (((model, tokenizer), None), (model, str(tiny)), (lambda: model, tokenizer)):
        for lora in (None, LORA):
            backend = MLXBackend(ModelConfig(model=given, tokenizer=own, lora=lora))
            fit(backend, learning_rate=1e-2)
            assert np.abs(own_logits(backend) - before).max() > 1e-3
    np.testing.assert_array_equal(logits(model, tokenizer), before)


def test_a_model_without_a_tokenizer_is_an_error(tiny: Path) -> None:
    model, _ = mlx_lm.load(str(tiny))
    with pytest.raises(ConfigError, match="give tokenizer= too"):
        load(ModelConfig(model=model))


def test_missing_models_are_errors_that_name_the_fix(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no folder './nowhere/model'"):
        load(ModelConfig(model="./nowhere/model"))
    with pytest.raises(ConfigError, match=r"cannot be loaded.*config\.json"):
        load(ModelConfig(model=str(tmp_path)))


def test_a_missing_device_is_an_error(tiny: Path) -> None:
    absent: Any = "cuda" if not mx.cuda.is_available() else "mps"
    with pytest.raises(ConfigError, match=f"no device '{absent}'"):
        load(ModelConfig(model=str(tiny), device=absent))


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", mx.float32), ("bf16", mx.bfloat16), ("fp16", mx.float16)]
)
def test_it_computes_in_the_configured_precision(tiny: Path, precision: Any, dtype: Any) -> None:
    backend = backend_of(tiny, lora=LORA, precision=precision)
    events = fit(backend)
    model = mlx_scoring_model_of(backend).model
    assert model(mx.array([[1]])).dtype == dtype
    assert all(weight.dtype == np.float32 for weight in weights_of(backend).values())
    losses = [event.loss for event in events if isinstance(event, EvalReport)]
    assert losses[-1] < losses[0]

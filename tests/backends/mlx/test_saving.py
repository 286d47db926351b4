"""Adapters and fused models are saved so that mlx-lm loads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mlx_lm", reason="the extra 'mlx' is not installed")
import mlx_lm
from mlx.utils import tree_flatten

from tabwidget.config import LoRAConfig, TrainingConfig
from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.serializers import JSONSerializer
from tests.backends.mlx.fakes import LORA, backend_of, logits, own_logits, types_of
from tests.backends.text.fakes import (
    fit,
    toy,
)


@pytest.mark.parametrize("dequantize", [False, True])
def test_adapters_are_trained_on_a_saved_quantized_model(
    tiny: Path, tmp_path: Path, dequantize: bool
) -> None:
    backend = backend_of(tiny, lora=LORA, quantization="8bit")
    fit(backend)
    backend.fuse(tmp_path, dequantize=dequantize)
    saved = logits(*mlx_lm.load(str(tmp_path)))
    # Quantizing again rounds the merged weights.
    np.testing.assert_allclose(saved, own_logits(backend), atol=1e-4 if dequantize else 0.1)
    again = backend_of(tmp_path, lora=LORA)
    fit(again, max_steps=1)
    assert ("QuantizedLinear" in types_of(again)) != dequantize
    size = again.size(toy(), JSONSerializer(), TrainingConfig(max_steps=1))
    model, _ = mlx_lm.load(str(tiny))
    assert size.n_parameters == sum(weight.size for _, weight in tree_flatten(model.parameters()))
    if not dequantize:
        with pytest.raises(ConfigError, match="quantized weights, which cannot be trained"):
            fit(backend_of(tmp_path))


@pytest.mark.parametrize(
    "lora",
    [
        LORA,
        LoRAConfig(rank=4, dora=True),
        LoRAConfig(
            rank=2,
            rank_pattern={"layers.1.self_attn.q_proj": 3},
            alpha_pattern={"v_proj": 5},
            target_modules=["q_proj", "v_proj"],
        ),
        None,
    ],
    ids=["lora", "dora", "patterns", "full"],
)
def test_mlx_lm_loads_saved_adapters_and_fused_models(
    tiny: Path, tmp_path: Path, lora: LoRAConfig | None
) -> None:
    backend = backend_of(tiny, lora=lora)
    fit(backend, learning_rate=1e-2)
    expected = own_logits(backend)
    assert np.abs(logits(*mlx_lm.load(str(tiny))) - expected).max() > 1e-2
    backend.save_adapters(tmp_path / "adapters")
    found = mlx_lm.load(str(tiny), adapter_path=str(tmp_path / "adapters"))
    np.testing.assert_allclose(logits(*found), expected, atol=1e-4)
    backend.fuse(tmp_path / "fused")
    np.testing.assert_allclose(logits(*mlx_lm.load(str(tmp_path / "fused"))), expected, atol=1e-4)
    np.testing.assert_array_equal(own_logits(backend), expected)


def test_saving_before_a_fit_is_an_error(tiny: Path, tmp_path: Path) -> None:
    for save in (backend_of(tiny).fuse, backend_of(tiny).save_adapters):
        with pytest.raises(NotFittedError):
            save(tmp_path)

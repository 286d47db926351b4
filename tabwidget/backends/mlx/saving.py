"""Saving: adapters, and models that they are fused into, as mlx-lm reads them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten

from tabwidget.backends.mlx.loading import twin
from tabwidget.backends.mlx.scoring_model import MLXScoringModel
from tabwidget.errors import require

__all__ = ["fuse", "save_adapters"]


def save_adapters(scorer: MLXScoringModel, folder: Path, dropout: float, dora: bool) -> None:
    """Write what was trained as ``adapters.safetensors`` and ``adapter_config.json``."""
    weights = dict(tree_flatten(scorer.model.trainable_parameters()))
    about: dict[str, Any] = {
        "fine_tune_type": "full",
        "num_layers": len(scorer.model.layers),
    }
    if scorer.adapters:
        about["fine_tune_type"] = "dora" if dora else "lora"
        about["lora_parameters"] = {
            "dropout": dropout,
            **_as_one_kind(scorer.model, weights),
        }
    folder.mkdir(parents=True, exist_ok=True)
    with scorer.computing():
        mx.save_safetensors(str(folder / "adapters.safetensors"), weights)
    (folder / "adapter_config.json").write_text(json.dumps(about, indent=2), encoding="utf-8")


def fuse(scorer: MLXScoringModel, folder: Path, dequantize: bool) -> None:
    """Write the model with its adapters in its weights: a folder that mlx-lm loads."""
    utils = require("mlx_lm.utils", "mlx")
    with scorer.computing():
        model = twin(scorer.model)
        fused = [
            (name, module.fuse(dequantize=dequantize))
            for name, module in model.named_modules()
            if hasattr(module, "lora_a")
        ]
        if fused:
            model.update_modules(tree_unflatten(fused))
        if dequantize:
            model = utils.dequantize_model(model)
        utils.save_model(folder, model)
    config = {name: value for name, value in scorer.config.items() if "quantization" not in name}
    utils.save_config({**config, **_bits(model)}, folder / "config.json")
    scorer.mlx_tokenizer.save_pretrained(folder)
    for code in scorer.folder.glob("*.py") if scorer.folder else ():
        shutil.copy(code, folder)


def _as_one_kind(model: Any, weights: dict[str, mx.array]) -> dict[str, Any]:
    """Give all adapters one rank and one scale, as mlx-lm has them; they count the same."""
    adapted = {name: module for name, module in model.named_modules() if hasattr(module, "lora_a")}
    # A matrix has the rank last, those of experts have it in the middle.
    ranks = {name: module.lora_a.shape[1] for name, module in adapted.items()}
    rank, scale = max(ranks.values()), next(iter(adapted.values())).scale
    for name, module in adapted.items():
        first, second = f"{name}.lora_a", f"{name}.lora_b"
        more = rank - ranks[name]
        weights[first] = _padded(weights[first], 1, more)
        axis = 0 if weights[second].ndim == 2 else 2
        weights[second] = _padded(weights[second], axis, more) * (module.scale / scale)
    return {"rank": rank, "scale": scale, "keys": list(adapted)}


def _padded(weight: mx.array, axis: int, n: int) -> mx.array:
    return mx.pad(weight, [(0, n if a == axis else 0) for a in range(weight.ndim)])


def _bits(model: Any) -> dict[str, Any]:
    """Return what ``config.json`` says of weights in few bits."""
    found = {
        name: {"group_size": module.group_size, "bits": module.bits, "mode": module.mode}
        for name, module in model.named_modules()
        if hasattr(module, "bits")
    }
    if not found:
        return {}
    usual = next(iter(found.values()))
    others = {name: bits for name, bits in found.items() if bits != usual}
    return {"quantization": {**usual, **others}}

"""Save adapters and fused models in the formats of mlx-lm."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten

from tabwidget.backends.mlx.loading import copy_model
from tabwidget.backends.mlx.scoring_model import MLXScoringModel
from tabwidget.errors import require

__all__ = ["fuse", "save_adapters"]


def save_adapters(scorer: MLXScoringModel, folder: Path, dropout: float, dora: bool) -> None:
    """Write the trained weights as ``adapters.safetensors`` and ``adapter_config.json``."""
    weights = dict(tree_flatten(scorer.model.trainable_parameters()))
    config: dict[str, Any] = {
        "fine_tune_type": "full",
        "num_layers": len(scorer.model.layers),
    }
    if scorer.adapters:
        config["fine_tune_type"] = "dora" if dora else "lora"
        config["lora_parameters"] = {"dropout": dropout, **_unify_adapters(scorer.model, weights)}
    folder.mkdir(parents=True, exist_ok=True)
    with scorer.evaluating():
        mx.save_safetensors(str(folder / "adapters.safetensors"), weights)
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def fuse(scorer: MLXScoringModel, folder: Path, dequantize: bool) -> None:
    """Write the model, its adapters merged into the weights, as a folder that mlx-lm loads."""
    utils = require("mlx_lm.utils", "mlx")
    with scorer.evaluating():
        model = copy_model(scorer.model)
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
    utils.save_config({**config, **_quantization_settings(model)}, folder / "config.json")
    scorer.mlx_tokenizer.save_pretrained(folder)
    for code in scorer.folder.glob("*.py") if scorer.folder else ():
        shutil.copy(code, folder)


def _unify_adapters(model: Any, weights: dict[str, mx.array]) -> dict[str, Any]:
    """Pad and rescale `weights` to one rank and scale, as mlx-lm requires; the products stay."""
    adapted = {name: module for name, module in model.named_modules() if hasattr(module, "lora_a")}
    # The rank is axis 1 of lora_a, and of lora_b axis 0, or 2 for a stack of experts.
    ranks = {name: module.lora_a.shape[1] for name, module in adapted.items()}
    rank, scale = max(ranks.values()), next(iter(adapted.values())).scale
    for name, module in adapted.items():
        first, second = f"{name}.lora_a", f"{name}.lora_b"
        missing = rank - ranks[name]
        weights[first] = _padded(weights[first], 1, missing)
        axis = 0 if weights[second].ndim == 2 else 2
        weights[second] = _padded(weights[second], axis, missing) * (module.scale / scale)
    return {"rank": rank, "scale": scale, "keys": list(adapted)}


def _padded(weight: mx.array, axis: int, n: int) -> mx.array:
    return mx.pad(weight, [(0, n if a == axis else 0) for a in range(weight.ndim)])


def _quantization_settings(model: Any) -> dict[str, Any]:
    """Return the entry of ``config.json`` for quantized weights."""
    found = {
        name: {"group_size": module.group_size, "bits": module.bits, "mode": module.mode}
        for name, module in model.named_modules()
        if hasattr(module, "bits")
    }
    if not found:
        return {}
    default = next(iter(found.values()))
    others = {name: settings for name, settings in found.items() if settings != default}
    return {"quantization": {**default, **others}}

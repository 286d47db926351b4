"""Load models by mlx-lm: on a device, in a precision, quantized, with LoRA adapters."""

from __future__ import annotations

import contextlib
import copy
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from tabwidget.backends import BACKENDS
from tabwidget.backends.hub import loading_errors, source_of
from tabwidget.backends.mlx.rng import preserved_rng
from tabwidget.backends.text.pretrained import (
    check_quantization,
    check_trainable,
    ends_with_module,
    lora_error,
    model_of,
    no_tokenizer_error,
    pattern_value,
    quantization_of,
    tokenizer_of,
)
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig
from tabwidget.errors import ConfigError, require

__all__ = ["DEFAULT_MODEL", "LoadedModel", "add_adapters", "copy_model", "device_of", "load"]

DEFAULT_MODEL = BACKENDS["mlx"].standard
QUANTIZED_BITS = {"mlx": (2, 3, 4, 6, 8)}
GROUP_SIZES = (64, 32)  # weights that share a scale: the first that divides a layer's width
DORA_BITS = (2, 4, 8)  # with others, mlx-lm's adapters have the wrong shape
_DTYPES = {"fp32": mx.float32, "bf16": mx.bfloat16, "fp16": mx.float16}


@dataclass
class LoadedModel:
    """A causal language model on its device.

    Attributes
    ----------
    model : mlx.nn.Module
        The model, with adapters once they are added; weights that are not frozen are trained.
    tokenizer : mlx_lm.tokenizer_utils.TokenizerWrapper
        Its tokenizer.
    config : dict
        The contents of its ``config.json``.
    folder : Path or None
        The folder of its files.
    device : mlx.core.DeviceType
        Its device.
    """

    model: Any
    tokenizer: Any
    config: dict[str, Any]
    folder: Path | None
    device: mx.DeviceType


def load(config: ModelConfig, *, trainable: bool = True) -> LoadedModel:
    """Load the causal language model of a config, without adapters.

    Parameters
    ----------
    config : ModelConfig
        The model, its precision and its quantization.
    trainable : bool, default True
        Whether it will be trained. If not, its weights keep their precision and quantization.

    Raises
    ------
    ConfigError
        If there is no such model, or this machine does not support the settings.
    MissingExtraError
        If a package is not installed.
    """
    require("mlx_lm", "mlx")
    device = device_of(config.device)
    quantization = quantization_of(config.quantization)
    check_quantization(quantization, "mlx", QUANTIZED_BITS)
    if trainable:
        check_trainable(config)
    full = trainable and config.lora is None
    source = model_of(config, DEFAULT_MODEL)
    # Building a model draws random weights, before it gets its own.
    with mx.stream(device), preserved_rng(0):
        if isinstance(source, (str, Path)):
            loaded = _load_files(source, config, device)
        else:
            loaded = _copy_given(source, config, device)
        model = loaded.model
        if full and any(hasattr(module, "bits") for module in model.modules()):
            raise ConfigError(
                f"the model {source!r} has quantized weights, which cannot be trained: give "
                "lora=LoRAConfig() to train adapters, or another model"
            )
        # Below fp32, small steps of full fine-tuning would be rounded away.
        dtype = mx.float32 if full else _dtype(config, device)
        if dtype is not None:
            model.set_dtype(dtype)
        if quantization is not None:
            _quantize(model, quantization)
        # MLX is lazy, and another thread cannot evaluate what this one left unevaluated.
        mx.eval(model.parameters())
    if full:
        model.unfreeze()
    else:
        model.freeze()
    model.eval()
    return loaded


def add_adapters(model: Any, lora: LoRAConfig, seed: int, device: mx.DeviceType) -> None:
    """Insert new LoRA adapters into a model in place; only they are trained."""
    utils = require("mlx_lm.tuner.utils", "mlx")
    # mlx-lm takes one rank and scale per call: group the modules by them.
    groups: dict[tuple[int, float], list[str]] = defaultdict(list)
    for name, module in _target_modules(model, lora.target_modules):
        bits = getattr(module, "bits", None)
        if lora.dora and bits is not None and bits not in DORA_BITS:
            raise lora_error(
                f"dora=True does not support {bits}-bit weights, only "
                f"{', '.join(map(str, DORA_BITS))} bits"
            )
        rank = pattern_value(lora.rank_pattern, name, lora.rank)
        alpha = pattern_value(lora.alpha_pattern, name, lora.alpha)
        groups[rank, alpha / (math.sqrt(rank) if lora.rslora else rank)].append(name)
    with mx.stream(device), preserved_rng(seed):
        for (rank, scale), names in groups.items():
            settings = {"rank": rank, "scale": scale, "dropout": lora.dropout, "keys": names}
            try:
                utils.linear_to_lora_layers(model, 0, settings, use_dora=lora.dora)
            except ValueError as error:
                raise lora_error(error) from error
        mx.eval(model.parameters())
    model.eval()


def copy_model(model: Any) -> Any:
    """Return a copy that shares its weights' arrays, which training replaces, never changes."""
    weights = tree_flatten(model.parameters())
    return copy.deepcopy(model, {id(weight): weight for _, weight in weights})


def device_of(name: str) -> mx.DeviceType:
    """Return the device of that name.

    Raises
    ------
    ConfigError
        If MLX does not have it.

    Examples
    --------
    >>> device_of("cpu") == mx.cpu
    True
    """
    if name == "auto":
        return mx.default_device().type
    available = {
        "cuda": mx.cuda.is_available(),
        "mps": mx.metal.is_available(),
        "cpu": True,
    }
    if not available[name]:
        found = ", ".join(repr(device) for device, here in available.items() if here)
        raise ConfigError(f"mlx has no device {name!r} here: give one of 'auto', {found}")
    return mx.cpu if name == "cpu" else mx.gpu


def _load_files(source: str | Path, config: ModelConfig, device: mx.DeviceType) -> LoadedModel:
    """Load a model by folder or hub name."""
    lm, utils = require("mlx_lm", "mlx"), require("mlx_lm.utils", "mlx")
    found = source_of(source)
    if found.gguf_file:
        raise ConfigError(
            f"the backend 'mlx' cannot load the .gguf file {str(source)!r}: give a folder or a hub "
            "name, or use the backend 'huggingface'"
        )
    path = found.path
    if found.local and not Path(path).is_dir():
        # Download what an interrupted download left out.
        with contextlib.suppress(OSError, ValueError):
            path = str(utils.hf_repo_to_path(path))
    code = {"trust_remote_code": config.trust_remote_code}
    with loading_errors(str(source)):
        model, tokenizer, settings = lm.load(
            path, tokenizer_config=code, lazy=True, return_config=True, **code
        )
    if rotary := _rotary_settings(settings, model.args):
        model, _ = utils.load_model(_folder(path), lazy=True, model_config=rotary, **code)
        settings.update(rotary)
    if config.tokenizer is not None:
        tokenizer = _wrap_tokenizer(tokenizer_of(config, DEFAULT_MODEL))
    return LoadedModel(model, tokenizer, settings, _folder(path), device)


def _folder(path: str) -> Path:
    """Return the folder of a loaded model's files."""
    utils = require("mlx_lm.utils", "mlx")
    return Path(path) if Path(path).is_dir() else Path(utils.hf_repo_to_path(path))


def _rotary_settings(settings: Mapping[str, Any], args: Any) -> dict[str, Any]:
    """Return the ``rope_parameters`` of transformers 5 under the old names that mlx-lm reads."""
    given = settings.get("rope_parameters")
    if not given or "rope_theta" in settings or hasattr(args, "rope_parameters"):
        return {}
    found = {name: value for name, value in given.items() if hasattr(args, name)}
    if given.get("rope_type", "default") != "default":
        found["rope_scaling"] = dict(given)
    return found


def _copy_given(source: Any, config: ModelConfig, device: mx.DeviceType) -> LoadedModel:
    """Copy a model object, a pair of model and tokenizer, or what a function returns of these."""
    if not isinstance(source, (nn.Module, Sequence)):
        source = source()
    model, tokenizer = source[:2] if isinstance(source, Sequence) else (source, None)
    if config.tokenizer is not None:
        tokenizer = tokenizer_of(config, DEFAULT_MODEL)
    if tokenizer is None:
        raise no_tokenizer_error()
    # Training changes weights: a copy leaves the given model as it is.
    settings = dict(vars(model.args))
    return LoadedModel(copy_model(model), _wrap_tokenizer(tokenizer), settings, None, device)


def _wrap_tokenizer(tokenizer: Any) -> Any:
    wrapper = require("mlx_lm.tokenizer_utils", "mlx").TokenizerWrapper
    return tokenizer if isinstance(tokenizer, wrapper) else wrapper(tokenizer)


def _dtype(config: ModelConfig, device: mx.DeviceType) -> mx.Dtype | None:
    """Return the dtype of the weights; None leaves it as it is."""
    if config.precision != "auto":
        return _DTYPES[config.precision]
    return mx.float32 if device == mx.cpu else None


def _quantize(model: Any, config: QuantizationConfig) -> None:
    """Quantize a model as ``mlx_lm.convert`` does, embeddings and head included."""
    predicate = getattr(model, "quant_predicate", None) or (lambda path, module: True)
    sizes = GROUP_SIZES if config.group_size is None else (config.group_size,)
    quantized = []

    def settings_of(path: str, module: Any) -> bool | dict[str, Any]:
        if not hasattr(module, "to_quantized"):
            return False
        size = next((size for size in sizes if module.weight.shape[-1] % size == 0), None)
        asked = predicate(path, module)
        if size is None or not asked:
            return False
        quantized.append(path)
        return asked if isinstance(asked, dict) else {"group_size": size, "bits": config.bits}

    try:
        nn.quantize(model, class_predicate=settings_of)
    except ValueError as error:
        raise ConfigError(f"{config!r} does not fit the model: {error}") from error
    if not quantized:
        raise ConfigError(
            f"{config!r} does not fit the model: it has no unquantized weights whose rows divide "
            f"into groups of {' or '.join(map(str, sizes))}; leave quantization out"
        )


def _target_modules(model: Any, modules: str | Sequence[str] | None) -> Iterator[tuple[str, Any]]:
    """Yield the modules to adapt: those named, or all linear ones except the head."""
    switches = require("mlx_lm.models.switch_layers", "mlx")
    kinds = (
        nn.Linear,
        nn.QuantizedLinear,
        switches.SwitchLinear,
        switches.QuantizedSwitchLinear,
    )
    in_layers = {id(module) for layer in model.layers for module in layer.modules()}
    everything = model.named_modules()
    linear = [
        (name, module)
        for name, module in everything
        if isinstance(module, kinds) and id(module) in in_layers
    ]
    if modules is None or modules == "all-linear":
        yield from linear
        return
    if isinstance(modules, str):
        found = [(n, module) for n, module in everything if n and re.fullmatch(modules, n)]
        modules = [modules]
    else:
        found = []
    names = {name for name, _ in found}
    found += [
        (n, module)
        for n, module in everything
        if n not in names and any(ends_with_module(n, wanted) for wanted in modules)
    ]
    if not found:
        available = sorted({name.rsplit(".", 1)[-1] for name, _ in linear})
        raise lora_error(
            f"it has no modules {', '.join(modules)}; its linear ones are {', '.join(available)}"
        )
    yield from found

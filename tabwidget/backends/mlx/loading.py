"""Loading: a pretrained model and its tokenizer by name or folder, in few bits, with adapters."""

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
from tabwidget.backends.hub import source_of, tried
from tabwidget.backends.mlx.rng import preserved_rng
from tabwidget.backends.text.pretrained import (
    NO_TOKENIZER,
    check_tuning,
    quantization_of,
    tokenizer_of,
)
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig
from tabwidget.errors import ConfigError, require

__all__ = ["DEFAULT_MODEL", "Loaded", "adapted", "device_of", "load", "twin"]

DEFAULT_MODEL = BACKENDS["mlx"].standard
GROUP_SIZES = (64, 32)  # weights that share a scale: the first that a layer's width divides into
_DTYPES = {"fp32": mx.float32, "bf16": mx.bfloat16, "fp16": mx.float16}
_DORA_BITS = (2, 4, 8)  # with others mlx-lm's adapters have the wrong shape


@dataclass
class Loaded:
    """A causal language model, ready to compute.

    Attributes
    ----------
    model : mlx.nn.Module
        With adapters if there are any; what is not frozen is trained.
    tokenizer : mlx_lm.tokenizer_utils.TokenizerWrapper
        Its own.
    config : dict
        What ``config.json`` says of it.
    folder : Path or None
        Where its files are.
    device : mlx.core.DeviceType
        What it is computed on.
    """

    model: Any
    tokenizer: Any
    config: dict[str, Any]
    folder: Path | None
    device: mx.DeviceType


def load(config: ModelConfig, *, tuned: bool = True) -> Loaded:
    """Return the model that a config asks for, without adapters.

    Parameters
    ----------
    config : ModelConfig
        Which model, held how.
    tuned : bool, default True
        Whether it is to be trained. One that is not stays in its few bits and its precision.

    Raises
    ------
    ConfigError
        If there is no such model, or this machine cannot hold it so. Says what to do.
    MissingExtraError
        If a package is not installed. Names the pip command.
    """
    require("mlx_lm", "mlx")
    device = device_of(config.device)
    quantization = _quantization(config.quantization)
    if tuned:
        check_tuning(config)
    whole = tuned and config.lora is None
    source = DEFAULT_MODEL if config.model is None else config.model
    # Models draw weights before they have their own.
    with mx.stream(device), preserved_rng(0):
        if isinstance(source, (str, Path)):
            loaded = _pretrained(source, config, device)
        else:
            loaded = _given(source, config, device)
        model = loaded.model
        if whole and any(hasattr(module, "bits") for module in model.modules()):
            raise ConfigError(
                f"the model {source!r} has weights in few bits, which cannot be tuned themselves: "
                "give lora=LoRAConfig() too, or another model"
            )
        # All weights are tuned in fp32, or small steps would be lost.
        dtype = mx.float32 if whole else _dtype(config, device)
        if dtype is not None:
            model.set_dtype(dtype)
        if quantization is not None:
            _quantize(model, quantization)
        # What is not computed here cannot be computed by another thread.
        mx.eval(model.parameters())
    if whole:
        model.unfreeze()
    else:
        model.freeze()
    model.eval()
    return loaded


def adapted(model: Any, lora: LoRAConfig, seed: int, device: mx.DeviceType) -> None:
    """Put fresh adapters into a model, in place; only they are trained."""
    utils = require("mlx_lm.tuner.utils", "mlx")
    kinds: dict[tuple[int, float], list[str]] = defaultdict(list)
    for name, module in _adaptable(model, lora.target_modules):
        bits = getattr(module, "bits", None)
        if lora.dora and bits is not None and bits not in _DORA_BITS:
            raise ConfigError(
                f"LoRAConfig does not fit the model: dora=True has no {bits} bits, only "
                f"{', '.join(map(str, _DORA_BITS))}"
            )
        rank = _by_pattern(lora.rank_pattern, name, lora.rank)
        alpha = _by_pattern(lora.alpha_pattern, name, lora.alpha)
        kinds[rank, alpha / (math.sqrt(rank) if lora.rslora else rank)].append(name)
    with mx.stream(device), preserved_rng(seed):
        for (rank, scale), names in kinds.items():
            settings = {
                "rank": rank,
                "scale": scale,
                "dropout": lora.dropout,
                "keys": names,
            }
            try:
                utils.linear_to_lora_layers(model, 0, settings, use_dora=lora.dora)
            except ValueError as error:
                raise ConfigError(f"LoRAConfig does not fit the model: {error}") from error
        mx.eval(model.parameters())
    model.eval()


def twin(model: Any) -> Any:
    """Return a copy of a model whose weights are the same arrays, which no fit changes in place."""
    return copy.deepcopy(model, {id(weight): weight for _, weight in _weights(model)})


def _weights(model: Any) -> list[tuple[str, mx.array]]:
    return tree_flatten(model.parameters())


def _pretrained(source: str | Path, config: ModelConfig, device: mx.DeviceType) -> Loaded:
    """Load what mlx-lm finds at a place: a name, or a folder."""
    lm, utils = require("mlx_lm", "mlx"), require("mlx_lm.utils", "mlx")
    place = source_of(source)
    if place.gguf_file:
        raise ConfigError(
            f"the model 'mlx' reads no .gguf file, and {str(source)!r} is one: give a folder or a "
            "name, or take the model 'huggingface'"
        )
    where = place.where
    if place.here and not Path(where).is_dir():
        # What was downloaded only in part is asked for again.
        with contextlib.suppress(OSError, ValueError):
            where = str(utils.hf_repo_to_path(where))
    code = {"trust_remote_code": config.trust_remote_code}
    options = {"tokenizer_config": code, "lazy": True, "return_config": True, **code}
    model, tokenizer, about = tried(lambda: lm.load(where, **options), str(source))
    if rotary := _overlooked(about, model.args):
        model, _ = utils.load_model(_folder(where), lazy=True, model_config=rotary, **code)
        about.update(rotary)
    if config.tokenizer is not None:
        tokenizer = _wrapped(tokenizer_of(config, DEFAULT_MODEL))
    return Loaded(model, tokenizer, about, _folder(where), device)


def _folder(where: str) -> Path:
    """Return where the files of a model are that has been loaded."""
    utils = require("mlx_lm.utils", "mlx")
    return Path(where) if Path(where).is_dir() else Path(utils.hf_repo_to_path(where))


def _overlooked(about: Mapping[str, Any], args: Any) -> dict[str, Any]:
    """Return what transformers 5 writes of rotary positions, where mlx-lm reads the old names."""
    given = about.get("rope_parameters")
    if not given or "rope_theta" in about or hasattr(args, "rope_parameters"):
        return {}
    found = {name: value for name, value in given.items() if hasattr(args, name)}
    if given.get("rope_type", "default") != "default":
        found["rope_scaling"] = dict(given)
    return found


def _given(source: Any, config: ModelConfig, device: mx.DeviceType) -> Loaded:
    """Take a loaded model, or one with its tokenizer, or what makes either."""
    if not isinstance(source, (nn.Module, Sequence)):
        source = source()
    model, tokenizer = source[:2] if isinstance(source, Sequence) else (source, None)
    if config.tokenizer is not None:
        tokenizer = tokenizer_of(config, DEFAULT_MODEL)
    if tokenizer is None:
        raise ConfigError(NO_TOKENIZER)
    # A fit changes weights: the ones that were given stay as they are.
    return Loaded(twin(model), _wrapped(tokenizer), dict(vars(model.args)), None, device)


def _wrapped(tokenizer: Any) -> Any:
    wrapper = require("mlx_lm.tokenizer_utils", "mlx").TokenizerWrapper
    return tokenizer if isinstance(tokenizer, wrapper) else wrapper(tokenizer)


def device_of(name: str) -> mx.DeviceType:
    """Return the device of that name, or say that mlx has none."""
    if name == "auto":
        return mx.default_device().type
    there = {
        "cuda": mx.cuda.is_available(),
        "mps": mx.metal.is_available(),
        "cpu": True,
    }
    if not there[name]:
        found = ", ".join(repr(device) for device, is_there in there.items() if is_there)
        raise ConfigError(f"mlx has no device {name!r} here: give one of 'auto', {found}")
    return mx.cpu if name == "cpu" else mx.gpu


def _dtype(config: ModelConfig, device: mx.DeviceType) -> mx.Dtype | None:
    """Return what is computed in; None is what the weights are held in."""
    if config.precision != "auto":
        return _DTYPES[config.precision]
    return mx.float32 if device == mx.cpu else None


def _quantization(given: str | QuantizationConfig | None) -> QuantizationConfig | None:
    found = quantization_of(given)
    if found is not None and found.method not in ("auto", "mlx"):
        raise ConfigError(
            f"the model 'mlx' has no few bits by {found.method!r}: give method='mlx', or 'auto'"
        )
    return found


def _quantize(model: Any, config: QuantizationConfig) -> None:
    """Hold weights in few bits, as mlx_lm.convert does: embeddings and the head too."""
    own = getattr(model, "quant_predicate", None) or (lambda path, module: True)
    sizes = GROUP_SIZES if config.group_size is None else (config.group_size,)
    done = []

    def how(path: str, module: Any) -> bool | dict[str, Any]:
        if not hasattr(module, "to_quantized"):
            return False
        size = next((size for size in sizes if module.weight.shape[-1] % size == 0), None)
        asked = own(path, module)
        if size is None or not asked:
            return False
        done.append(path)
        return asked if isinstance(asked, dict) else {"group_size": size, "bits": config.bits}

    try:
        nn.quantize(model, class_predicate=how)
    except ValueError as error:
        raise ConfigError(f"{config!r} does not fit the model: {error}") from error
    if not done:
        raise ConfigError(
            f"{config!r} does not fit the model: it has no weights in more bits whose rows divide "
            f"into groups of {' or '.join(map(str, sizes))}; leave quantization out"
        )


def _adaptable(model: Any, modules: str | Sequence[str] | None) -> Iterator[tuple[str, Any]]:
    """Yield the modules that get an adapter: those named, or all linear ones but the head."""
    switches = require("mlx_lm.models.switch_layers", "mlx")
    linear = (
        nn.Linear,
        nn.QuantizedLinear,
        switches.SwitchLinear,
        switches.QuantizedSwitchLinear,
    )
    inside = {id(module) for layer in model.layers for module in layer.modules()}
    everything = model.named_modules()
    all_linear = [
        (n, module)
        for n, module in everything
        if isinstance(module, linear) and id(module) in inside
    ]
    if modules is None or modules == "all-linear":
        yield from all_linear
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
        if n not in names and any(_ends(n, wanted) for wanted in modules)
    ]
    if not found:
        known = sorted({name.rsplit(".", 1)[-1] for name, _ in all_linear})
        raise ConfigError(
            f"LoRAConfig does not fit the model: it has no modules {', '.join(modules)}; its "
            f"linear ones are {', '.join(known)}"
        )
    yield from found


def _by_pattern(pattern: Mapping[str, Any] | None, name: str, default: Any) -> Any:
    return next((v for ending, v in (pattern or {}).items() if _ends(name, ending)), default)


def _ends(name: str, ending: str) -> bool:
    return f".{name}".endswith(f".{ending}")

"""Loading: a pretrained model and its tokenizer by name or folder, in few bits, with adapters."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tabwidget.backends import BACKENDS
from tabwidget.backends.devices import device_of, dtype_of
from tabwidget.backends.hub import source_of, tried
from tabwidget.backends.text.pretrained import (
    NO_TOKENIZER,
    check_tuning,
    quantization_of,
    tokenizer_of,
)
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig
from tabwidget.errors import ConfigError, require

__all__ = ["DEFAULT_MODEL", "Loaded", "adapted", "bitsandbytes_config", "load", "to_hqq"]

DEFAULT_MODEL = BACKENDS["huggingface"].standard
GROUP_SIZE = 64  # weights that share a scale


@dataclass
class Loaded:
    """A causal language model, ready to compute.

    Attributes
    ----------
    model : transformers.PreTrainedModel
        On its device, with adapters if there are any.
    tokenizer : transformers.PreTrainedTokenizerBase
        Its own.
    device : torch.device
        Where it is.
    dtype : torch.dtype
        What it computes in; its weights may be held in another.
    """

    model: Any
    tokenizer: Any
    device: torch.device
    dtype: torch.dtype


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
    transformers = require("transformers", "hf")
    device = device_of(config.device)
    dtype = dtype_of(config.precision, device)
    quantization = quantization_of(config.quantization)
    if tuned:
        check_tuning(config)
    source = DEFAULT_MODEL if config.model is None else config.model
    tokenizer = tokenizer_of(config, DEFAULT_MODEL)
    options: dict[str, Any] = {"trust_remote_code": config.trust_remote_code}
    # All weights are tuned in fp32, also where they compute in less, or small steps would be lost.
    options["dtype"] = torch.float32 if tuned and config.lora is None else dtype
    if config.attn_implementation is not None:
        options["attn_implementation"] = config.attn_implementation
    method = None if quantization is None else _method(quantization, device)
    if quantization is not None and method == "bitsandbytes":
        options["quantization_config"] = bitsandbytes_config(quantization, dtype)
        options["device_map"] = {"": device}
    if isinstance(source, (str, Path)):
        kind, place = transformers.AutoModelForCausalLM, source_of(source)
        model = tried(lambda: kind.from_pretrained(place.where, **options, **place.options), source)
    else:
        # A fit changes weights: the ones that were given stay as they are.
        model = copy.deepcopy(source) if isinstance(source, torch.nn.Module) else source()
    if tokenizer is None:
        named = ModelConfig(model=_name_of(model), trust_remote_code=config.trust_remote_code)
        tokenizer = tokenizer_of(named, "")
    if method != "bitsandbytes":  # which put it there already
        model = model.to(device)
    if quantization is not None and method == "hqq":
        to_hqq(model, quantization, device, dtype, [model.get_output_embeddings()])
    return Loaded(model.eval(), tokenizer, device, dtype)


def adapted(model: Any, lora: LoRAConfig, seed: int) -> Any:
    """Put fresh adapters into a model, in place, and return it; only they are trained."""
    peft = require("peft", "hf")
    with torch.random.fork_rng(), warnings.catch_warnings():
        torch.manual_seed(seed)
        config = peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=_modules(model, lora.target_modules),
            rank_pattern=dict(lora.rank_pattern or {}),
            alpha_pattern=dict(lora.alpha_pattern or {}),
            use_rslora=lora.rslora,
            use_dora=lora.dora,
        )
        try:
            # peft asks transformers for what it has renamed.
            warnings.simplefilter("ignore", FutureWarning)
            return peft.get_peft_model(model, config).get_base_model()
        except ValueError as error:
            raise ConfigError(f"LoRAConfig does not fit the model: {error}") from error


def _modules(model: Any, modules: str | Sequence[str] | None) -> str | list[str]:
    if modules is None or modules == "all-linear":
        # These peft adapts, but does not count among the linear ones.
        few = [n for n, module in model.named_modules() if type(module).__name__ == "HQQLinear"]
        return few or "all-linear"
    return modules if isinstance(modules, str) else list(modules)


def _name_of(model: Any) -> str:
    name = getattr(model, "name_or_path", "")
    if not name:
        raise ConfigError(NO_TOKENIZER)
    return str(name)


def _method(config: QuantizationConfig, device: torch.device) -> str:
    """Return the library that holds weights in so few bits."""
    method: str = config.method
    if method == "auto":
        method = "bitsandbytes" if device.type == "cuda" and config.bits in (4, 8) else "hqq"
    if method == "mlx" or config.bits not in (2, 3, 4, 8):
        raise ConfigError(
            f"the model 'huggingface' has no {config.bits} bits by {config.method!r}: it has 4 "
            "and 8 by 'bitsandbytes', and 2, 3, 4 and 8 by 'hqq'"
        )
    return method


def bitsandbytes_config(config: QuantizationConfig, dtype: torch.dtype) -> Any:
    """Return what transformers takes to hold weights in 4 or 8 bits by bitsandbytes; on CUDA."""
    require("bitsandbytes", "quant")
    transformers = require("transformers", "hf")
    if config.bits == 8:
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )


def to_hqq(
    model: Any,
    config: QuantizationConfig,
    device: torch.device,
    dtype: torch.dtype,
    head: Iterable[torch.nn.Module | None],
) -> None:
    """Hold the weights of all linear layers but those of the head in few bits; on any device."""
    hqq = require("hqq.core.quantize", "quant")
    settings = hqq.BaseQuantizeConfig(
        nbits=config.bits, group_size=config.group_size or GROUP_SIZE, axis=1
    )
    whole = {id(module) for part in head if part is not None for module in part.modules()}
    linear = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and id(module) not in whole
    ]
    for name, module in linear:
        few = hqq.HQQLinear(module, settings, compute_dtype=dtype, device=str(device))
        model.set_submodule(name, few)

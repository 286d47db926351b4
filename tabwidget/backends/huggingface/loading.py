"""Loading: a pretrained model and its tokenizer by name or folder, in few bits, with adapters."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tabwidget.backends.devices import device_of, dtype_of
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig
from tabwidget.errors import ConfigError, require

__all__ = ["DEFAULT_MODEL", "Loaded", "adapted", "load"]

DEFAULT_MODEL = "distilgpt2"
GROUP_SIZE = 64  # weights that share a scale
# What begins a path, not a name on the hub.
_PATHS = ("/", "./", "../", "~", ".\\", "..\\")


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


def load(config: ModelConfig) -> Loaded:
    """Return the model that a config asks for, without adapters.

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
    quantization = _quantization(config.quantization)
    if quantization is not None and config.lora is None:
        raise ConfigError(
            f"quantization={config.quantization!r}: weights in so few bits cannot be tuned "
            "themselves; give lora=LoRAConfig() too, or no quantization"
        )
    source = DEFAULT_MODEL if config.model is None else config.model
    options: dict[str, Any] = {"trust_remote_code": config.trust_remote_code}
    tokenizer = _tokenizer(transformers, config.tokenizer, source, options)
    # All weights are tuned in fp32, also where they compute in less, or small steps would be lost.
    options["dtype"] = dtype if config.lora is not None else torch.float32
    if config.attn_implementation is not None:
        options["attn_implementation"] = config.attn_implementation
    method = None if quantization is None else _method(quantization, device)
    if quantization is not None and method == "bitsandbytes":
        options["quantization_config"] = _bitsandbytes(transformers, quantization, dtype)
        options["device_map"] = {"": device}
    if isinstance(source, (str, Path)):
        model = _pretrained(transformers.AutoModelForCausalLM, str(source), options)
    else:
        # A fit changes weights: the ones that were given stay as they are.
        model = copy.deepcopy(source) if isinstance(source, torch.nn.Module) else source()
    if tokenizer is None:
        tokenizer = _tokenizer(transformers, None, _name_of(model), options)
    if method != "bitsandbytes":  # which put it there already
        model = model.to(device)
    if quantization is not None and method == "hqq":
        _to_hqq(model, quantization, device, dtype)
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


def _pretrained(kind: Any, source: str, options: dict[str, Any]) -> Any:
    """Load what transformers finds at a place: a name, a folder, or a .gguf file in either."""
    options = dict(options)
    where = source
    if source.lower().endswith(".gguf"):
        require("gguf", "hf")
        where, _, options["gguf_file"] = source.replace("\\", "/").rpartition("/")
        where = where or "."
    folder = Path(where).expanduser()
    if folder.is_dir():
        where = str(folder)
    elif where.startswith(_PATHS) or folder.is_absolute():
        raise ConfigError(
            f"there is no folder {where!r}: give one that holds config.json, the weights and the "
            "tokenizer, as save_pretrained writes it, or the name of a model"
        )
    try:
        return kind.from_pretrained(where, **options)
    except ImportError as error:
        raise ConfigError(f"the model {source!r} needs a package more: {error}") from error
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"the model {source!r} cannot be loaded: {_first_line(error)} Give a folder that holds "
            "config.json, the weights and the tokenizer; a name is looked up in the local cache "
            "and, unless HF_HUB_OFFLINE=1 says not to, downloaded once"
        ) from error


def _tokenizer(transformers: Any, given: Any, source: Any, options: dict[str, Any]) -> Any:
    """Return the tokenizer; None if only the model, still to be made, knows which."""
    if given is not None and not isinstance(given, (str, Path)):
        made = given if hasattr(given, "encode") else given()
        return made
    name = source if given is None else given
    if not isinstance(name, (str, Path)):
        return None
    kept = {key: options[key] for key in ("trust_remote_code",)}
    return _pretrained(transformers.AutoTokenizer, str(name), kept)


def _name_of(model: Any) -> str:
    name = getattr(model, "name_or_path", "")
    if not name:
        raise ConfigError("a model given as an object says no tokenizer: give tokenizer= too")
    return str(name)


def _quantization(given: str | QuantizationConfig | None) -> QuantizationConfig | None:
    return None if given is None else _as_config(given)


def _as_config(given: str | QuantizationConfig) -> QuantizationConfig:
    if isinstance(given, QuantizationConfig):
        return given
    return QuantizationConfig(bits=int(given.removesuffix("bit")))


def _method(config: QuantizationConfig, device: torch.device) -> str:
    """Return the library that holds weights in so few bits."""
    method: str = config.method
    if method == "auto":
        method = "bitsandbytes" if device.type == "cuda" and config.bits in (4, 8) else "hqq"
    if method == "mlx" or config.bits not in (2, 3, 4, 8):
        raise ConfigError(
            f"the engine 'huggingface' has no {config.bits} bits by {config.method!r}: it has 4 "
            "and 8 by 'bitsandbytes', and 2, 3, 4 and 8 by 'hqq'"
        )
    return method


def _bitsandbytes(transformers: Any, config: QuantizationConfig, dtype: torch.dtype) -> Any:
    require("bitsandbytes", "quant")
    if config.bits == 8:
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )


def _to_hqq(
    model: Any, config: QuantizationConfig, device: torch.device, dtype: torch.dtype
) -> None:
    """Hold the weights of all linear layers but the head in few bits; on any device."""
    hqq = require("hqq.core.quantize", "quant")
    settings = hqq.BaseQuantizeConfig(
        nbits=config.bits, group_size=config.group_size or GROUP_SIZE, axis=1
    )
    head = model.get_output_embeddings()
    linear = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    ]
    for name, module in linear:
        few = hqq.HQQLinear(module, settings, compute_dtype=dtype, device=str(device))
        model.set_submodule(name, few)


def _first_line(error: BaseException) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if line.endswith(".") else f"{line}."

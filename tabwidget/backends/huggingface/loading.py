"""Load models by transformers: on a device, in a precision, quantized, with LoRA adapters."""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tabwidget.backends import BACKENDS
from tabwidget.backends.devices import device_of, dtype_of
from tabwidget.backends.hub import from_pretrained
from tabwidget.backends.text.pretrained import (
    check_quantization,
    check_trainable,
    lora_error,
    model_of,
    no_tokenizer_error,
    quantization_of,
    tokenizer_of,
)
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig
from tabwidget.errors import require

__all__ = [
    "DEFAULT_MODEL",
    "LoadedModel",
    "Placement",
    "add_adapters",
    "load",
    "peft_model",
    "quantization_methods",
    "quiet",
]

DEFAULT_MODEL = BACKENDS["huggingface"].standard
QUANTIZED_BITS = {"bitsandbytes": (4, 8), "hqq": (2, 3, 4, 8)}
GROUP_SIZE = 64  # quantized weights that share a scale


@dataclass
class LoadedModel:
    """A causal language model on its device.

    Attributes
    ----------
    model : transformers.PreTrainedModel
        The model, with adapters once they are added.
    tokenizer : transformers.PreTrainedTokenizerBase
        Its tokenizer.
    device : torch.device
        Its device.
    dtype : torch.dtype
        What it computes in; its weights may have another dtype.
    """

    model: Any
    tokenizer: Any
    device: torch.device
    dtype: torch.dtype


@dataclass(frozen=True)
class Placement:
    """The device, precision and quantization of a model.

    Attributes
    ----------
    device : torch.device
        Where the model computes.
    dtype : torch.dtype
        What it computes in.
    quantization : QuantizationConfig or None
        None for unquantized weights.
    method : {"bitsandbytes", "hqq"} or None
        The library that quantizes.
    """

    device: torch.device
    dtype: torch.dtype
    quantization: QuantizationConfig | None = None
    method: str | None = None

    def options(self, *, full: bool) -> dict[str, Any]:
        """Return the arguments of ``from_pretrained``; `full` if all weights are trained."""
        # Below fp32, small steps of full fine-tuning would be rounded away.
        options: dict[str, Any] = {"dtype": torch.float32 if full else self.dtype}
        if self.quantization is not None and self.method == "bitsandbytes":
            options["quantization_config"] = _bitsandbytes_config(self.quantization, self.dtype)
            options["device_map"] = {"": self.device}
        return options

    def place(self, model: Any, unquantized: Iterable[torch.nn.Module | None]) -> Any:
        """Return a loaded model on the device, quantized except for some modules."""
        if self.method != "bitsandbytes":  # which loads onto the device
            model = model.to(self.device)
        if self.quantization is not None and self.method == "hqq":
            _quantize_by_hqq(model, self, self.quantization, unquantized)
        return model


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
    transformers = require("transformers", "hf")
    device = device_of(config.device)
    dtype = dtype_of(config.precision, device)
    quantization = quantization_of(config.quantization)
    check_quantization(quantization, "huggingface", QUANTIZED_BITS)
    if trainable:
        check_trainable(config)
    method = None
    if quantization is not None:
        method = str(quantization.method)
        if method == "auto":
            method = quantization_methods(quantization.bits, device)[0]
    placement = Placement(device, dtype, quantization, method)
    tokenizer = tokenizer_of(config, DEFAULT_MODEL)
    options = placement.options(full=trainable and config.lora is None)
    options["trust_remote_code"] = config.trust_remote_code
    if config.attn_implementation is not None:
        options["attn_implementation"] = config.attn_implementation
    source = model_of(config, DEFAULT_MODEL)
    if isinstance(source, (str, Path)):
        model = from_pretrained(transformers.AutoModelForCausalLM, source, **options)
    else:
        # Training changes weights: a copy leaves the given model as it is.
        model = copy.deepcopy(source) if isinstance(source, torch.nn.Module) else source()
    if tokenizer is None:
        tokenizer = _tokenizer_by_name(model, config.trust_remote_code)
    model = placement.place(model, [model.get_output_embeddings()])
    return LoadedModel(model.eval(), tokenizer, device, dtype)


def add_adapters(model: Any, lora: LoRAConfig, seed: int) -> Any:
    """Insert new LoRA adapters into a model in place, and return it; only they are trained."""
    try:
        return peft_model(
            model,
            seed,
            task_type="CAUSAL_LM",
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=_target_modules(model, lora.target_modules),
            rank_pattern=dict(lora.rank_pattern or {}),
            alpha_pattern=dict(lora.alpha_pattern or {}),
            use_rslora=lora.rslora,
            use_dora=lora.dora,
        ).get_base_model()
    except ValueError as error:
        raise lora_error(error) from error


def peft_model(model: Any, seed: int, **settings: Any) -> Any:
    """Return a model wrapped by peft.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Adapters are inserted into it in place.
    seed : int
        Seed of the new adapters' weights.
    **settings
        Arguments of ``peft.LoraConfig``.

    Raises
    ------
    ValueError
        If the settings do not fit the model.
    """
    peft = require("peft", "hf")
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(seed)
        return peft.get_peft_model(model, peft.LoraConfig(**settings))


def quantization_methods(bits: int, device: torch.device) -> list[str]:
    """Return the libraries that quantize to these bits on a device, the best first.

    Examples
    --------
    >>> quantization_methods(4, torch.device("cpu"))
    ['hqq']
    """
    on_gpu = device.type == "cuda" and bits in QUANTIZED_BITS["bitsandbytes"]
    return ["bitsandbytes", "hqq"] if on_gpu else ["hqq"]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the logs, progress bars and deprecation warnings of transformers."""
    logging = require("transformers", "hf").utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # peft uses names that transformers has deprecated.
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _target_modules(model: Any, modules: str | Sequence[str] | None) -> str | list[str]:
    if modules is None or modules == "all-linear":
        # peft can adapt HQQ's layers, but "all-linear" leaves them out.
        by_hqq = [n for n, module in model.named_modules() if type(module).__name__ == "HQQLinear"]
        return by_hqq or "all-linear"
    return modules if isinstance(modules, str) else list(modules)


def _tokenizer_by_name(model: Any, trust_remote_code: bool) -> Any:
    """Return the tokenizer saved under the name that a model object carries."""
    name = getattr(model, "name_or_path", "")
    if not name:
        raise no_tokenizer_error()
    return tokenizer_of(ModelConfig(model=str(name), trust_remote_code=trust_remote_code), "")


def _bitsandbytes_config(config: QuantizationConfig, dtype: torch.dtype) -> Any:
    require("bitsandbytes", "quant")
    transformers = require("transformers", "hf")
    if config.bits == 8:
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )


def _quantize_by_hqq(
    model: Any,
    placement: Placement,
    config: QuantizationConfig,
    unquantized: Iterable[torch.nn.Module | None],
) -> None:
    """Quantize all linear layers but those of some modules, in place; runs on any device."""
    hqq = require("hqq.core.quantize", "quant")
    settings = hqq.BaseQuantizeConfig(
        nbits=config.bits, group_size=config.group_size or GROUP_SIZE, axis=1
    )
    kept = {id(module) for part in unquantized if part is not None for module in part.modules()}
    linear = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and id(module) not in kept
    ]
    for name, module in linear:
        quantized = hqq.HQQLinear(
            module, settings, compute_dtype=placement.dtype, device=str(placement.device)
        )
        model.set_submodule(name, quantized)

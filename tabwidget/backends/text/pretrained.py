"""What the pretrained text backends share: tokenizer, checks of the config, size, backend base."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch

from tabwidget.backends import BACKENDS
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.hub import from_pretrained
from tabwidget.backends.text import ScoringModel
from tabwidget.backends.text.backend import TextBackend
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig
from tabwidget.errors import ConfigError, require
from tabwidget.events import Phase
from tabwidget.serializers.base import Serializer
from tabwidget.table import Table

__all__ = [
    "FROM_SCRATCH",
    "PretrainedBackend",
    "PretrainedTokenizer",
    "check_quantization",
    "check_trainable",
    "ends_with_module",
    "lora_error",
    "model_of",
    "no_tokenizer_error",
    "pattern_value",
    "pretrained_size",
    "quantization_of",
    "tokenizer_of",
]

SCALE_BITS = 0.5  # per quantized weight, for the scales and zeros of its group

# Config fields without effect here: they describe a model trained from scratch.
FROM_SCRATCH = frozenset({"width", "layers", "heads", "dropout", "members"})


class PretrainedTokenizer:
    """A tokenizer of transformers as a `TextTokenizer`.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
        Tokenizer of a causal language model.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
        self.start = self.end if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without special tokens; their names are encoded as text."""
        return list(
            self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        )

    def token_texts(self, text: str) -> list[str]:
        """Return the text of each token; joined, they are `text`."""
        if not text:
            return []
        found = self._tokenizer(
            text,
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=True,
        )["offset_mapping"]
        starts = [0, *(start for start, _ in found[1:]), len(text)]
        return [text[start:stop] for start, stop in itertools.pairwise(starts)]


class PretrainedBackend(TextBackend):
    """Base of backends that fine-tune a pretrained causal language model.

    Parameters
    ----------
    model_config : ModelConfig, optional
        The model, and how to tune it.
    """

    first_phase: ClassVar[Phase] = "loading"

    @abstractmethod
    def _load_scorer(self, seed: int) -> ScoringModel:
        """Return the model of the config, ready to be trained."""

    @property
    def _default_model(self) -> str:
        """The model used if the config names none."""
        return BACKENDS[self.name].standard

    def _new_tokenizer(self, table: Table, serializer: Serializer) -> PretrainedTokenizer:
        found = self._transformers_tokenizer()
        if found is None:
            raise no_tokenizer_error()
        return PretrainedTokenizer(found)

    def _transformers_tokenizer(self) -> Any:
        """Return the tokenizer of transformers, or None if only the built model has it."""
        return tokenizer_of(self.model_config, self._default_model, download=False)

    def _new_scorer(self, seed: int, table: Table, serializer: Serializer) -> ScoringModel:
        return self._load_scorer(seed)

    def _restored_scorer(self, content: Mapping[str, Any], seed: int) -> ScoringModel:
        return self._load_scorer(seed)

    def _scorer_state(self) -> dict[str, Any]:
        return {}


def model_of(config: ModelConfig, default: str) -> Any:
    """Return the config's model, as a name, path, object or function; else the default name."""
    return default if config.model is None else config.model


def tokenizer_of(config: ModelConfig, default: str, *, download: bool = True) -> Any:
    """Return the config's tokenizer; None if only the built model has it.

    Parameters
    ----------
    config : ModelConfig
        Its ``tokenizer``, else that of its ``model``.
    default : str
        The model used if the config names none.
    download : bool, default True
        Whether the tokenizer may be downloaded.
    """
    given = config.tokenizer
    if given is not None and not isinstance(given, (str, Path)):
        return given if hasattr(given, "encode") else given()
    name = model_of(config, default) if given is None else given
    if not isinstance(name, (str, Path)):
        return None
    kind = require("transformers", "hf").AutoTokenizer
    return from_pretrained(
        kind, name, download=download, trust_remote_code=config.trust_remote_code
    )


def no_tokenizer_error() -> ConfigError:
    """Return the error for a model object that comes without a tokenizer."""
    return ConfigError("a model given as an object has no tokenizer: give tokenizer= too")


def quantization_of(given: str | QuantizationConfig | None) -> QuantizationConfig | None:
    """Return the quantization that a config asks for; None for full precision.

    Examples
    --------
    >>> quantization_of("4bit").bits
    4
    """
    return (
        QuantizationConfig(bits=int(given.removesuffix("bit"))) if isinstance(given, str) else given
    )


def check_quantization(
    quantization: QuantizationConfig | None,
    backend: str,
    supported: Mapping[str, Collection[int]],
) -> None:
    """Raise `ConfigError` unless the backend supports the method and bits.

    Parameters
    ----------
    quantization : QuantizationConfig or None
        None for full precision, which every backend supports.
    backend : str
        Its name.
    supported : mapping of str to collection of int
        The bits of each method.

    Examples
    --------
    >>> check_quantization(QuantizationConfig(bits=6), "huggingface", {"hqq": (4, 8)})
    Traceback (most recent call last):
    tabwidget.errors.ConfigError: the backend 'huggingface' has no 6-bit weights by method='auto': \
it supports 4 and 8 bits by 'hqq'
    """
    if quantization is None:
        return
    method, bits = quantization.method, quantization.bits
    methods = supported.values() if method == "auto" else [supported.get(method, ())]
    if not any(bits in of for of in methods):
        able = "; ".join(f"{_listed(of)} bits by {name!r}" for name, of in supported.items())
        raise ConfigError(
            f"the backend {backend!r} has no {bits}-bit weights by method={method!r}: it supports "
            f"{able}"
        )


def _listed(numbers: Collection[int]) -> str:
    *others, last = map(str, numbers)
    return f"{', '.join(others)} and {last}" if others else last


def check_trainable(config: ModelConfig) -> None:
    """Raise `ConfigError` if quantized weights would have to be trained without adapters."""
    if config.quantization is not None and config.lora is None:
        raise ConfigError(
            f"quantization={config.quantization!r}: quantized weights cannot be trained; give "
            "lora=LoRAConfig() to train adapters, or no quantization"
        )


def lora_error(reason: object) -> ConfigError:
    """Return the error for a `LoRAConfig` that the model does not support."""
    return ConfigError(f"LoRAConfig does not fit the model: {reason}")


def ends_with_module(name: str, ending: str) -> bool:
    """Return whether a module's dotted name ends with these whole parts.

    Examples
    --------
    >>> ends_with_module("layers.0.q_proj", "q_proj"), ends_with_module("layers.0.q_proj", "proj")
    (True, False)
    """
    return f".{name}".endswith(f".{ending}")


def pattern_value(pattern: Mapping[str, Any] | None, name: str, default: Any) -> Any:
    """Return a module's value in a ``rank_pattern`` or ``alpha_pattern``."""
    values = (v for ending, v in (pattern or {}).items() if ends_with_module(name, ending))
    return next(values, default)


def pretrained_size(
    config: ModelConfig,
    default: str,
    *,
    weight_bytes: float,
    tokens_per_row: float,
    rows_per_step: int,
    device: str,
) -> ModelSize:
    """Return the size of a model from its config alone; no weights are loaded.

    Parameters
    ----------
    config : ModelConfig
        The model, and how it is tuned.
    default : str
        The model used if the config names none.
    weight_bytes : float
        Bytes per unquantized weight.
    tokens_per_row : float
        Average number of tokens in a row.
    rows_per_step : int
        Batch size.
    device : str
        The device type, such as "cpu".

    Raises
    ------
    ConfigError
        If the model is not on this machine.
    """
    transformers = require("transformers", "hf")
    given = model_of(config, default)
    if isinstance(given, (str, Path)):
        code = {"trust_remote_code": config.trust_remote_code}
        settings = from_pretrained(transformers.AutoConfig, given, download=False, **code)
        # The meta device has shapes but no memory.
        with torch.device("meta"):
            model = transformers.AutoModelForCausalLM.from_config(settings, **code)
    elif isinstance(given, torch.nn.Module):
        model = given
        settings = given.config
    else:
        raise ConfigError("the size of a model given as a function is unknown until it is built")
    head = model.get_output_embeddings()
    linear = {
        name: module
        for name, module in model.named_modules()
        if module is not head and _is_linear(module)
    }
    total = sum(weight.numel() for weight in model.parameters())
    in_linear = sum(module.weight.numel() for module in linear.values())
    if (quantization := quantization_of(config.quantization)) is not None:
        saved = weight_bytes - (quantization.bits + SCALE_BITS) / 8
        weight_bytes -= in_linear / total * saved
    text = settings.get_text_config()
    return ModelSize(
        n_parameters=total,
        n_trained=total if config.lora is None else _n_adapter_weights(linear, config.lora),
        # The head runs on about every other token: those of values.
        n_multiplied=in_linear + head.weight.numel() // 2,
        weight_bytes=weight_bytes,
        layers=getattr(text, "num_hidden_layers", 12),
        width=getattr(text, "hidden_size", 768),
        vocabulary=text.vocab_size,
        tokens_per_row=tokens_per_row,
        rows_per_step=rows_per_step,
        device=device,
    )


def _is_linear(module: torch.nn.Module) -> bool:
    # GPT-2 has a linear layer of its own.
    return isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D"


def _n_adapter_weights(linear: Mapping[str, Any], lora: LoRAConfig) -> int:
    """Return the number of LoRA weights: rank * (inputs + outputs) per adapted layer."""
    wanted = lora.target_modules
    names = (wanted,) if isinstance(wanted, str) and wanted != "all-linear" else wanted
    return sum(
        pattern_value(lora.rank_pattern, name, lora.rank) * sum(module.weight.shape)
        for name, module in linear.items()
        if names in (None, "all-linear") or any(ends_with_module(name, n) for n in names or ())
    )

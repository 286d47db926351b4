"""Pretrained models: what their models share, and what is told of one before it is loaded."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tabwidget.backends import BACKENDS
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.hub import source_of, tried
from tabwidget.backends.text import ScoringModel
from tabwidget.backends.text.backend import TextBackend
from tabwidget.config import LoRAConfig, ModelConfig, QuantizationConfig
from tabwidget.errors import ConfigError, require
from tabwidget.serializers.base import Serializer
from tabwidget.table import Table

__all__ = [
    "FROM_SCRATCH",
    "NO_TOKENIZER",
    "PretrainedBackend",
    "PretrainedTokenizer",
    "check_tuning",
    "pretrained_size",
    "quantization_of",
    "tokenizer_of",
]

SCALE_BITS = 0.5  # a weight in few bits, for the scales and zeros of its group
NO_TOKENIZER = "a model given as an object says no tokenizer: give tokenizer= too"

# Fields of the configs that have no effect here: they are those of a model from scratch.
FROM_SCRATCH = frozenset({"width", "layers", "heads", "dropout", "members"})


class PretrainedTokenizer:
    """A tokenizer of transformers, as `tabwidget.backends.text` needs it.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
        Of a causal language model.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
        self.start = self.end if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, none added at its ends; names of special tokens are text."""
        return list(
            self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        )

    def pieces(self, text: str) -> list[str]:
        """Return the text of each of these tokens: joined they are `text`."""
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
    """A pretrained causal language model, tuned on the rows of a table as text.

    Parameters
    ----------
    model_config : ModelConfig, optional
        Which model, tuned how.
    """

    @abstractmethod
    def _model(self, seed: int) -> ScoringModel:
        """Return the model that the config asks for, ready to be trained."""

    @property
    def _standard(self) -> str:
        """The model taken if none is named."""
        return BACKENDS[self.name].standard

    def _new_tokenizer(self, table: Table, serializer: Serializer) -> PretrainedTokenizer:
        found = self._tokenizer()
        if found is None:
            raise ConfigError(NO_TOKENIZER)
        return PretrainedTokenizer(found)

    def _tokenizer(self) -> Any:
        """Return the tokenizer, as transformers has it; None if there is none."""
        return tokenizer_of(self.model_config, self._standard, download=False)

    def _loaded(self, seed: int, table: Table, serializer: Serializer) -> ScoringModel:
        return self._model(seed)

    def _restored(self, content: Mapping[str, Any], seed: int) -> ScoringModel:
        return self._model(seed)

    def _about(self) -> dict[str, Any]:
        return {}


def tokenizer_of(config: ModelConfig, standard: str, *, download: bool = True) -> Any:
    """Return the tokenizer that a config asks for; None if only the model, still to be made, knows.

    Parameters
    ----------
    config : ModelConfig
        Its ``tokenizer``, else that of its ``model``.
    standard : str
        The model taken if none is named.
    download : bool, default True
        Whether it may be downloaded.
    """
    given = config.tokenizer
    if given is not None and not isinstance(given, (str, Path)):
        return given if hasattr(given, "encode") else given()
    name = next(one for one in (given, config.model, standard) if one is not None)
    if not isinstance(name, (str, Path)):
        return None
    kind = require("transformers", "hf").AutoTokenizer
    source = source_of(name, download=download)
    code = {"trust_remote_code": config.trust_remote_code}
    return tried(lambda: kind.from_pretrained(source.where, **code, **source.options), name)


def quantization_of(given: str | QuantizationConfig | None) -> QuantizationConfig | None:
    """Return how weights are held in few bits; None in full.

    Examples
    --------
    >>> quantization_of("4bit").bits
    4
    """
    return (
        QuantizationConfig(bits=int(given.removesuffix("bit"))) if isinstance(given, str) else given
    )


def check_tuning(config: ModelConfig) -> None:
    """Raise `ConfigError` if weights in few bits would have to be tuned themselves."""
    if config.quantization is not None and config.lora is None:
        raise ConfigError(
            f"quantization={config.quantization!r}: weights in so few bits cannot be tuned "
            "themselves; give lora=LoRAConfig() too, or no quantization"
        )


def pretrained_size(
    config: ModelConfig,
    standard: str,
    *,
    weight_bytes: float,
    tokens_per_row: float,
    rows_per_step: int,
    device: str,
) -> ModelSize:
    """Return the size of a model from its config alone; no weight is read.

    Parameters
    ----------
    config : ModelConfig
        Which model, tuned how.
    standard : str
        The model taken if none is named.
    weight_bytes : float
        A weight takes in full.
    tokens_per_row : float
        On average.
    rows_per_step : int
        Learned together.
    device : str
        Where it will be computed, such as "cpu".

    Raises
    ------
    ConfigError
        If it is not on this machine.
    """
    transformers = require("transformers", "hf")
    given = standard if config.model is None else config.model
    if isinstance(given, (str, Path)):
        source = source_of(given, download=False)
        about = tried(
            lambda: transformers.AutoConfig.from_pretrained(
                source.where, trust_remote_code=config.trust_remote_code, **source.options
            ),
            given,
        )
        # On a device without memory: shapes, no weights.
        with torch.device("meta"):
            model = transformers.AutoModelForCausalLM.from_config(
                about, trust_remote_code=config.trust_remote_code
            )
    elif isinstance(given, torch.nn.Module):
        model = given
        about = given.config
    else:
        raise ConfigError("a model given as a function has no size before it is made")
    head = model.get_output_embeddings()
    linear = {
        name: module
        for name, module in model.named_modules()
        # GPT-2's layers are not torch's own, but have a matrix each as well.
        if module is not head and _is_linear(module)
    }
    total = sum(weight.numel() for weight in model.parameters())
    multiplied = sum(module.weight.numel() for module in linear.values())
    # The head reads about every other token: those that tell of values.
    multiplied += head.weight.numel() // 2
    if (quantization := quantization_of(config.quantization)) is not None:
        few = sum(module.weight.numel() for module in linear.values())
        weight_bytes -= few / total * (weight_bytes - (quantization.bits + SCALE_BITS) / 8)
    text = about.get_text_config()
    return ModelSize(
        n_parameters=total,
        n_trained=total if config.lora is None else _adapters(linear, config.lora),
        n_multiplied=multiplied,
        weight_bytes=weight_bytes,
        layers=getattr(text, "num_hidden_layers", 12),
        width=getattr(text, "hidden_size", 768),
        vocabulary=text.vocab_size,
        tokens_per_row=tokens_per_row,
        rows_per_step=rows_per_step,
        device=device,
    )


def _is_linear(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D"


def _adapters(linear: dict[str, Any], lora: LoRAConfig) -> int:
    """Return how many weights the adapters of some layers have."""
    wanted = lora.target_modules
    names = (wanted,) if isinstance(wanted, str) and wanted != "all-linear" else wanted
    total = 0
    for name, module in linear.items():
        if names in (None, "all-linear") or name.endswith(tuple(names or ())):
            rank = next(
                (r for end, r in (lora.rank_pattern or {}).items() if name.endswith(end)), lora.rank
            )
            total += rank * sum(module.weight.shape)
    return total

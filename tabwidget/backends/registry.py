"""Registry: the backends by name, and the choice of "auto"."""

from __future__ import annotations

import importlib
import logging
import platform
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from tabwidget.backends.base import Backend
from tabwidget.config import ModelConfig
from tabwidget.errors import ConfigError, MissingExtraError, nearest

__all__ = ["BACKENDS", "Choice", "Entry", "backend_class", "choose", "resolve"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One backend of the registry.

    Attributes
    ----------
    module, kind : str
        Module and name of its class, imported on use, since it imports a heavy library.
    title : str
        Description for people.
    package, extra : str
        The package it needs, and the extra that installs it; empty if it needs torch alone.
    standard : str
        Its default pretrained model.
    untrained : bool
        Whether it answers from the rows of a table alone, before any training.
    trains : bool
        Whether a fit trains anything.
    text : bool
        Whether it reads a row as text, as a serializer writes it, instead of cells.
    """

    module: str
    kind: str
    title: str
    package: str = ""
    extra: str = ""
    standard: str = ""
    untrained: bool = False
    trains: bool = True
    text: bool = False

    @property
    def pretrained(self) -> bool:
        """Whether it fine-tunes a pretrained model."""
        return bool(self.package)

    @property
    def installed(self) -> bool:
        """Whether its package is installed."""
        return not self.package or find_spec(self.package) is not None


BACKENDS = {
    "auto": Entry(
        "pool",
        "PoolBackend",
        "pretrained model of tables, and a network fitted to yours",
        untrained=True,
    ),
    "pretrained": Entry(
        "pretrained",
        "PretrainedBackend",
        "pretrained model of tables, without training",
        untrained=True,
        trains=False,
    ),
    "minilm": Entry("minilm", "MiniLMBackend", "small cell models, from scratch"),
    "minilm-text": Entry(
        "minilm_text", "MiniLMTextBackend", "small model of text tokens, from scratch", text=True
    ),
    "huggingface": Entry(
        "huggingface",
        "HFBackend",
        "pretrained model, by transformers",
        "transformers",
        "hf",
        "distilgpt2",
        text=True,
    ),
    "mlx": Entry(
        "mlx",
        "MLXBackend",
        "pretrained model, by MLX",
        "mlx_lm",
        "mlx",
        "mlx-community/SmolLM2-135M-Instruct",
        text=True,
    ),
}


@dataclass(frozen=True)
class Choice:
    """The name of a backend, and the reason of the choice.

    Attributes
    ----------
    name : str
        One of `BACKENDS`.
    reason : str
        A clause for the log.
    """

    name: str
    reason: str


def choose(backend: str = "auto", model_config: ModelConfig | None = None) -> Choice:
    """Return the backend of a name.

    "auto" is the pool of the pretrained model of tables and a network fitted to the table, unless
    the config has a language model, LoRA adapters or quantized weights: then it is the first
    installed of "mlx" and "huggingface" on Apple silicon, in the opposite order elsewhere.

    Raises
    ------
    ConfigError
        If there is no such backend.
    MissingExtraError
        If the config needs a pretrained model, and no backend for one is installed.

    Examples
    --------
    >>> choose("auto")
    Choice(name='auto', reason='no language model is requested')
    """
    if backend != "auto":
        if backend not in BACKENDS:
            raise ConfigError(
                f"there is no backend {backend!r}: use one of {', '.join(BACKENDS)}."
                + nearest(backend, BACKENDS)
            )
        return Choice(backend, "it is requested by name")
    requested = [
        name
        for name in ("model", "lora", "quantization")
        if getattr(model_config, name, None) is not None
    ]
    if not requested:
        return Choice("auto", "no language model is requested")
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    where = "Apple silicon" if apple else "this machine"
    backends = {name: entry for name, entry in BACKENDS.items() if entry.pretrained}
    names = sorted(backends, key=lambda name: (name == "mlx") != apple)
    for name in names:
        if backends[name].installed:
            package = backends[name].package
            return Choice(name, f"{requested[0]}= needs a pretrained model: {where} has {package}")
    raise MissingExtraError(
        f"{requested[0]}= needs a pretrained model, and no backend for one is installed: "
        f"pip install 'tabwidget[{backends[names[0]].extra}]'"
    )


def resolve(backend: str | Backend = "auto", model_config: ModelConfig | None = None) -> Backend:
    """Return the unfitted backend of a name, or the instance itself.

    Parameters
    ----------
    backend : str or Backend, default "auto"
        A name, see `choose`, or an instance.
    model_config : ModelConfig, optional
        The model; replaces the config of an instance.

    Examples
    --------
    >>> resolve("auto").name
    'auto'
    """
    if not isinstance(backend, str):
        if model_config is not None and hasattr(backend, "model_config"):
            backend.model_config = model_config
        return backend
    choice = choose(backend, model_config)
    logger.info("the backend is %s: %s", choice.name, choice.reason)
    found: Backend = backend_class(BACKENDS[choice.name])(model_config)
    return found


def backend_class(entry: Entry) -> Any:
    """Import and return the class of a backend."""
    return getattr(importlib.import_module(f"tabwidget.backends.{entry.module}"), entry.kind)

"""Backends: the backends behind a table language model, and how one is chosen."""

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
    """A backend as it is listed.

    Attributes
    ----------
    module, kind : str
        Where its class is; imported when it is chosen, for it brings a heavy library of its own.
    title : str
        What it is, for people.
    package, extra : str
        What it needs, and which extra brings it; empty if it needs torch alone.
    standard : str
        The pretrained model that it takes if none is named.
    """

    module: str
    kind: str
    title: str
    package: str = ""
    extra: str = ""
    standard: str = ""

    @property
    def pretrained(self) -> bool:
        """Whether it tunes a model that was trained elsewhere."""
        return bool(self.package)

    @property
    def installed(self) -> bool:
        """Whether what it needs is here."""
        return not self.package or find_spec(self.package) is not None


BACKENDS = {
    "minilm": Entry("minilm", "MiniLMBackend", "small model of cells, from scratch"),
    "minilm-text": Entry(
        "minilm_text", "MiniLMTextBackend", "small model of text tokens, from scratch"
    ),
    "huggingface": Entry(
        "huggingface",
        "HFBackend",
        "pretrained model, by transformers",
        "transformers",
        "hf",
        "distilgpt2",
    ),
    "mlx": Entry(
        "mlx",
        "MLXBackend",
        "pretrained model, by MLX",
        "mlx_lm",
        "mlx",
        "mlx-community/SmolLM2-135M-Instruct",
    ),
}


@dataclass(frozen=True)
class Choice:
    """A backend, and why it was chosen.

    Attributes
    ----------
    name : str
        One of `BACKENDS`.
    reason : str
        Half a sentence.
    """

    name: str
    reason: str


def choose(backend: str = "auto", model_config: ModelConfig | None = None) -> Choice:
    """Return the backend that a name stands for.

    "auto" is "minilm", which learns from scratch in seconds, unless a pretrained model, adapters or
    quantized weights are asked for: then the backend of pretrained models that is installed and
    suits the machine. That is "mlx" before "huggingface" on Apple silicon, and the other way round
    elsewhere.

    Raises
    ------
    ConfigError
        If there is no such backend.
    MissingExtraError
        If a pretrained model is asked for, and nothing is installed that runs one.

    Examples
    --------
    >>> choose("auto")
    Choice(name='minilm', reason='no pretrained model is asked for')
    """
    if backend != "auto":
        if backend not in BACKENDS:
            raise ConfigError(
                f"there is no backend {backend!r}: one of auto, {', '.join(BACKENDS)}."
                + nearest(backend, BACKENDS)
            )
        return Choice(backend, "it was asked for by name")
    asked = [
        name
        for name in ("model", "lora", "quantization")
        if getattr(model_config, name, None) is not None
    ]
    if not asked:
        return Choice("minilm", "no pretrained model is asked for")
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    where = "Apple silicon" if apple else "this machine"
    backends = {name: entry for name, entry in BACKENDS.items() if entry.pretrained}
    names = sorted(backends, key=lambda name: (name == "mlx") != apple)
    for name in names:
        if backends[name].installed:
            package = backends[name].package
            return Choice(name, f"{asked[0]}= asks for a pretrained model: {where} has {package}")
    raise MissingExtraError(
        f"{asked[0]}= asks for a pretrained model, and nothing that runs one is installed: "
        f"pip install 'tabwidget[{backends[names[0]].extra}]'"
    )


def resolve(backend: str | Backend = "auto", model_config: ModelConfig | None = None) -> Backend:
    """Return the backend of that name, unfitted, or the instance itself.

    Parameters
    ----------
    backend : str or Backend, default "auto"
        A name, see `choose`, or an instance.
    model_config : ModelConfig, optional
        The model; an instance takes it in place of its own.

    Examples
    --------
    >>> resolve("auto").name
    'minilm'
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
    """Return the class of a backend, imported now."""
    return getattr(importlib.import_module(f"tabwidget.backends.{entry.module}"), entry.kind)

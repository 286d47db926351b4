"""Backends: the engines behind a table language model, and how one is chosen."""

from __future__ import annotations

import importlib
import logging
import platform
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tabwidget.backends.base import Backend, FitRequest, Prediction
from tabwidget.config import ModelConfig
from tabwidget.errors import ConfigError, MissingExtraError, nearest

if TYPE_CHECKING:
    from tabwidget.backends.huggingface import HFBackend
    from tabwidget.backends.minilm import MiniLMBackend

__all__ = [
    "BACKENDS",
    "Backend",
    "Choice",
    "FitRequest",
    "HFBackend",
    "MiniLMBackend",
    "Prediction",
    "choose",
    "resolve",
]

logger = logging.getLogger(__name__)

# Where each is; imported when it is chosen, for it brings a heavy library of its own.
BACKENDS = {
    "minilm": ("minilm", "MiniLMBackend"),
    "huggingface": ("huggingface", "HFBackend"),
}
# What the engines of pretrained models need: a package, and the extra that brings it.
_NEEDS = {"huggingface": ("transformers", "hf"), "mlx": ("mlx_lm", "mlx")}


@dataclass(frozen=True)
class Choice:
    """An engine, and why it was chosen.

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
    """Return the engine that a name stands for.

    "auto" is "minilm", which learns from scratch in seconds, unless a pretrained model, adapters or
    quantised weights are asked for: then the engine of pretrained models that is installed and
    suits the machine. That is "mlx" before "huggingface" on Apple silicon, and the other way round
    elsewhere.

    Raises
    ------
    ConfigError
        If there is no such engine.
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
    names = sorted(_NEEDS, key=lambda name: (name == "mlx") != apple)
    for name in names:
        package, _ = _NEEDS[name]
        if find_spec(package) is not None:
            return Choice(name, f"{asked[0]}= asks for a pretrained model: {where} has {package}")
    _, extra = _NEEDS[names[0]]
    raise MissingExtraError(
        f"{asked[0]}= asks for a pretrained model, and nothing that runs one is installed: "
        f"pip install 'tabwidget[{extra}]'"
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
    logger.info("the engine is %s: %s", choice.name, choice.reason)
    module, name = BACKENDS[choice.name]
    found: Backend = getattr(importlib.import_module(f"tabwidget.backends.{module}"), name)(
        model_config
    )
    return found


def __getattr__(name: str) -> Any:
    for module, backend in BACKENDS.values():
        if name == backend:
            return getattr(importlib.import_module(f"tabwidget.backends.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

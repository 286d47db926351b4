"""Backends: the engines behind a table language model, and how one is chosen."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tabwidget.backends.base import Backend, FitRequest, Prediction
from tabwidget.config import ModelConfig
from tabwidget.errors import ConfigError, nearest

if TYPE_CHECKING:
    from tabwidget.backends.huggingface import HFBackend
    from tabwidget.backends.minilm import MiniLMBackend

__all__ = [
    "BACKENDS",
    "Backend",
    "FitRequest",
    "HFBackend",
    "MiniLMBackend",
    "Prediction",
    "named",
    "resolve",
]

# Imported when one is chosen: each brings a heavy library of its own.
BACKENDS = {"minilm": "MiniLMBackend", "huggingface": "HFBackend"}


def resolve(backend: str | Backend = "auto", model_config: ModelConfig | None = None) -> Backend:
    """Return the backend of that name, unfitted, or the instance itself.

    Parameters
    ----------
    backend : str or Backend, default "auto"
        "minilm", "huggingface" or an instance; "auto" is "minilm", which needs no download.
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
    name = named(backend)
    module = importlib.import_module(f"tabwidget.backends.{name}")
    found: Backend = getattr(module, BACKENDS[name])(model_config)
    return found


def named(backend: str) -> str:
    """Return the name of the backend that `backend` stands for, without importing it.

    Examples
    --------
    >>> named("auto")
    'minilm'
    """
    name = "minilm" if backend == "auto" else backend
    if name not in BACKENDS:
        raise ConfigError(
            f"there is no backend {backend!r}: one of auto, {', '.join(BACKENDS)}."
            + nearest(backend, BACKENDS)
        )
    return name


def __getattr__(name: str) -> Any:
    for module, backend in BACKENDS.items():
        if name == backend:
            return getattr(importlib.import_module(f"tabwidget.backends.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Backends: p(column | any subset of the others), each by another language model.

::

    base.py        the protocol, the fit request and the prediction
    registry.py    the backends by name, and the choice of "auto"
    fit_log.py     clock, events and limits of a fit
    cost.py devices.py threads.py rng.py hub.py fair_lock.py chain.py
    pool/          the default: the two below, pooled per column, and forests
    pretrained/    the in-context model, which answers without training
    minilm/        the fitted network: cell models from scratch
    text/          shared parts of the backends of text tokens
    minilm_text/ huggingface/ mlx/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tabwidget.backends.base import Backend, FitRequest, Prediction
from tabwidget.backends.registry import BACKENDS, Choice, Entry, backend_class, choose, resolve

if TYPE_CHECKING:
    from tabwidget.backends.huggingface import HFBackend
    from tabwidget.backends.minilm import MiniLMBackend
    from tabwidget.backends.minilm_text import MiniLMTextBackend
    from tabwidget.backends.mlx import MLXBackend

__all__ = [
    "BACKENDS",
    "Backend",
    "Choice",
    "Entry",
    "FitRequest",
    "HFBackend",
    "MLXBackend",
    "MiniLMBackend",
    "MiniLMTextBackend",
    "Prediction",
    "choose",
    "resolve",
]


def __getattr__(name: str) -> Any:
    for entry in BACKENDS.values():
        if name == entry.kind:
            return backend_class(entry)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Text classification with pretrained decoders and encoders.

`TextClassConfig` reads a YAML config, `train` trains one run per seed, `predict` classifies a CSV
with the best run, and `split` splits a CSV into three. `TextClassifier` is the scikit-learn
estimator.

Names are imported lazily, so that importing the package is fast.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tabwidget.textclass.classifier import TextClassifier
    from tabwidget.textclass.config import TextClassConfig
    from tabwidget.textclass.data import Labels, Texts, iter_rows, read_texts
    from tabwidget.textclass.metrics import best_thresholds, decide, metrics_of, tuned_thresholds
    from tabwidget.textclass.prediction import predict
    from tabwidget.textclass.runs import Summary, train
    from tabwidget.textclass.splitting import split

__all__ = [
    "Labels",
    "Summary",
    "TextClassConfig",
    "TextClassifier",
    "Texts",
    "best_thresholds",
    "decide",
    "installed",
    "iter_rows",
    "metrics_of",
    "predict",
    "read_texts",
    "split",
    "train",
    "tuned_thresholds",
]

# No module may share a name with its content: once imported, it would shadow that name here.
_NAMES = {
    "classifier": ["TextClassifier"],
    "config": ["TextClassConfig"],
    "data": ["Labels", "Texts", "iter_rows", "read_texts"],
    "metrics": ["best_thresholds", "decide", "metrics_of", "tuned_thresholds"],
    "prediction": ["predict"],
    "runs": ["Summary", "train"],
    "splitting": ["split"],
}
# Packages of the extra that are imported.
_REQUIRED = ("iterstrat", "peft", "transformers", "yaml")
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}


def installed() -> bool:
    """Return whether all required packages are installed, without importing them."""
    return all(find_spec(package) is not None for package in _REQUIRED)


# Hidden from type checkers, which would otherwise accept any attribute.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

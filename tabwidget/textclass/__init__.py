"""Text classification with pretrained decoders and encoders: a CSV in, runs and predictions out.

A YAML file says what to do (`TextClassConfig`), `train` makes one run folder for each seed,
`predict` answers a CSV with the best of them, and `split` parts one CSV into three. In Python,
`TextClassifier` is the same as an estimator of scikit-learn. Nothing here knows tables.

A name is imported from its module when it is first used, so that the import is fast.
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

# No module has the name of what it holds: once imported, it would hide it here.
_NAMES = {
    "classifier": ["TextClassifier"],
    "config": ["TextClassConfig"],
    "data": ["Labels", "Texts", "iter_rows", "read_texts"],
    "metrics": ["best_thresholds", "decide", "metrics_of", "tuned_thresholds"],
    "prediction": ["predict"],
    "runs": ["Summary", "train"],
    "splitting": ["split"],
}
# What the extra installs, as far as it is imported.
_NEEDED = ("iterstrat", "peft", "transformers", "yaml")
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}


def installed() -> bool:
    """Whether all is here that learning labels needs; nothing is imported for it."""
    return all(find_spec(package) is not None for package in _NEEDED)


# Hidden from type checkers, which would otherwise take any name for an attribute.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

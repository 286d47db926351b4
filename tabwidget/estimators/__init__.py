"""Estimators of scikit-learn and imbalanced-learn over a TabularLanguageModel."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tabwidget.estimators.classifier import LanguageModelClassifier
    from tabwidget.estimators.imputer import LanguageModelImputer
    from tabwidget.estimators.oversampler import LanguageModelOverSampler
    from tabwidget.estimators.regressor import LanguageModelRegressor
    from tabwidget.estimators.synthesizer import LanguageModelSynthesizer

__all__ = [
    "LanguageModelClassifier",
    "LanguageModelImputer",
    "LanguageModelOverSampler",
    "LanguageModelRegressor",
    "LanguageModelSynthesizer",
]

# Imported on first use: imbalanced-learn alone takes a second.
_MODULES = {name: name.removeprefix("LanguageModel").lower() for name in __all__}

# Hidden from type checkers, which would otherwise accept any attribute.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)

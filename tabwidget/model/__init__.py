"""TabularLanguageModel: one fitted object that answers any column from any subset of the others."""

from tabwidget.model.tabular_language_model import TabularLanguageModel

__all__ = ["TabularLanguageModel"]

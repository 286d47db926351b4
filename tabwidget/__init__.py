"""A language model of a table: any column from any subset of the others.

A name is imported from its module when it is first used, so that ``import tabwidget`` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tabwidget import datasets
    from tabwidget.backends import HFBackend, MiniLMBackend
    from tabwidget.callbacks import (
        Callback,
        JSONLCallback,
        LoggingCallback,
        RichCallback,
        Stop,
        TqdmCallback,
    )
    from tabwidget.config import (
        DiscretizationConfig,
        GenerationConfig,
        LoRAConfig,
        ModelConfig,
        QuantizationConfig,
        TrainingConfig,
        aggregate_default,
    )
    from tabwidget.errors import (
        ColumnError,
        ConfigError,
        ConstraintError,
        DataFileError,
        EvidenceError,
        FormulaError,
        MissingExtraError,
        NotFittedError,
        TableError,
        TabwidgetError,
    )
    from tabwidget.estimators import (
        LanguageModelClassifier,
        LanguageModelImputer,
        LanguageModelOverSampler,
        LanguageModelRegressor,
        LanguageModelSynthesizer,
    )
    from tabwidget.estimators.constraints import (
        FixedCombinations,
    )
    from tabwidget.estimators.memorization import (
        Memorization,
    )
    from tabwidget.estimators.pooling import (
        Pooled,
        pool,
    )
    from tabwidget.events import (
        EvalReport,
        Event,
        FitEnd,
        FitStart,
        Generation,
        Memory,
        PredictEnd,
        PredictStart,
        Retry,
        RowEnd,
        Score,
        TrainExamples,
        TrainingState,
        TrainReport,
    )
    from tabwidget.inference.distribution import Distribution
    from tabwidget.inference.evidence import Above, Below, Between, NoneOf, OneOf
    from tabwidget.inference.joint import JointDistribution
    from tabwidget.inference.query import Query
    from tabwidget.magics import load_ipython_extension, unload_ipython_extension
    from tabwidget.model import TabularLanguageModel
    from tabwidget.serializers.base import (
        BracketSerializer,
        CellSpan,
        JSONSerializer,
        KeyValueSerializer,
        SerializedRow,
        Serializer,
    )
    from tabwidget.serializers.check import check_serializer
    from tabwidget.serializers.number_format import PlainNumber, SpacedDigits
    from tabwidget.session import Session
    from tabwidget.session.results import Answer, Change
    from tabwidget.session.run import Run
    from tabwidget.table import Table, TableSchema, as_table
    from tabwidget.widgets import DataPanel, QueryPanel, TaskPanel, TrainPanel, Workbench

__all__ = [
    "Above",
    "Answer",
    "Below",
    "Between",
    "BracketSerializer",
    "Callback",
    "CellSpan",
    "Change",
    "ColumnError",
    "ConfigError",
    "ConstraintError",
    "DataFileError",
    "DataPanel",
    "DiscretizationConfig",
    "Distribution",
    "EvalReport",
    "Event",
    "EvidenceError",
    "FitEnd",
    "FitStart",
    "FixedCombinations",
    "FormulaError",
    "Generation",
    "GenerationConfig",
    "HFBackend",
    "JSONLCallback",
    "JSONSerializer",
    "JointDistribution",
    "KeyValueSerializer",
    "LanguageModelClassifier",
    "LanguageModelImputer",
    "LanguageModelOverSampler",
    "LanguageModelRegressor",
    "LanguageModelSynthesizer",
    "LoRAConfig",
    "LoggingCallback",
    "Memorization",
    "Memory",
    "MiniLMBackend",
    "MissingExtraError",
    "ModelConfig",
    "NoneOf",
    "NotFittedError",
    "OneOf",
    "PlainNumber",
    "Pooled",
    "PredictEnd",
    "PredictStart",
    "QuantizationConfig",
    "Query",
    "QueryPanel",
    "Retry",
    "RichCallback",
    "RowEnd",
    "Run",
    "Score",
    "SerializedRow",
    "Serializer",
    "Session",
    "SpacedDigits",
    "Stop",
    "Table",
    "TableError",
    "TableSchema",
    "TabularLanguageModel",
    "TabwidgetError",
    "TaskPanel",
    "TqdmCallback",
    "TrainExamples",
    "TrainPanel",
    "TrainReport",
    "TrainingConfig",
    "TrainingState",
    "Workbench",
    "__version__",
    "aggregate_default",
    "as_table",
    "check_serializer",
    "datasets",
    "load_ipython_extension",
    "pool",
    "unload_ipython_extension",
]

__version__ = "0.1.0"

_NAMES = {
    "backends": ["HFBackend", "MiniLMBackend"],
    "callbacks": [
        "Callback",
        "JSONLCallback",
        "LoggingCallback",
        "RichCallback",
        "Stop",
        "TqdmCallback",
    ],
    "config": [
        "DiscretizationConfig",
        "GenerationConfig",
        "LoRAConfig",
        "ModelConfig",
        "QuantizationConfig",
        "TrainingConfig",
        "aggregate_default",
    ],
    "serializers.check": ["check_serializer"],
    "estimators.constraints": [
        "FixedCombinations",
    ],
    "inference.distribution": ["Distribution"],
    "errors": [
        "ColumnError",
        "ConfigError",
        "ConstraintError",
        "DataFileError",
        "EvidenceError",
        "FormulaError",
        "MissingExtraError",
        "NotFittedError",
        "TableError",
        "TabwidgetError",
    ],
    "estimators": [
        "LanguageModelClassifier",
        "LanguageModelImputer",
        "LanguageModelOverSampler",
        "LanguageModelRegressor",
        "LanguageModelSynthesizer",
    ],
    "events": [
        "EvalReport",
        "Event",
        "FitEnd",
        "FitStart",
        "Generation",
        "Memory",
        "PredictEnd",
        "PredictStart",
        "Retry",
        "RowEnd",
        "Score",
        "TrainExamples",
        "TrainReport",
        "TrainingState",
    ],
    "inference.evidence": ["Above", "Below", "Between", "NoneOf", "OneOf"],
    "inference.joint": ["JointDistribution"],
    "magics": ["load_ipython_extension", "unload_ipython_extension"],
    "estimators.memorization": [
        "Memorization",
    ],
    "model": ["TabularLanguageModel"],
    "serializers.number_format": ["PlainNumber", "SpacedDigits"],
    "inference.query": ["Query"],
    "estimators.pooling": [
        "Pooled",
        "pool",
    ],
    "session.run": ["Run"],
    "serializers.base": [
        "BracketSerializer",
        "CellSpan",
        "JSONSerializer",
        "KeyValueSerializer",
        "SerializedRow",
        "Serializer",
    ],
    "session.results": ["Answer", "Change"],
    "session": ["Session"],
    "table": ["Table", "TableSchema", "as_table"],
    "widgets": ["DataPanel", "QueryPanel", "TaskPanel", "TrainPanel", "Workbench"],
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}

# Hidden from type checkers, which would otherwise take any name for an attribute.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "datasets":
            # The import itself makes the submodule an attribute.
            return import_module("tabwidget.datasets")
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'tabwidget' has no attribute {name!r}")
        value = getattr(import_module(f"tabwidget.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

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
    from tabwidget.conformance import check_serializer
    from tabwidget.constraints import (
        FixedCombinations,
    )
    from tabwidget.distribution import Distribution
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
    from tabwidget.evidence import Above, Below, Between, NoneOf, OneOf
    from tabwidget.joint import JointDistribution
    from tabwidget.magics import load_ipython_extension, unload_ipython_extension
    from tabwidget.memorisation import (
        Memorisation,
    )
    from tabwidget.model import TabularLanguageModel
    from tabwidget.number_format import PlainNumber, SpacedDigits
    from tabwidget.outcomes import Answer, Change
    from tabwidget.query import Query
    from tabwidget.rubin import (
        Pooled,
        pool,
    )
    from tabwidget.run import Run
    from tabwidget.serialize import (
        BracketSerializer,
        CellSpan,
        JSONSerializer,
        KeyValueSerializer,
        SerializedRow,
        Serializer,
    )
    from tabwidget.session import Session
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
    "Memorisation",
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
    "conformance": ["check_serializer"],
    "constraints": [
        "FixedCombinations",
    ],
    "distribution": ["Distribution"],
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
    "evidence": ["Above", "Below", "Between", "NoneOf", "OneOf"],
    "joint": ["JointDistribution"],
    "magics": ["load_ipython_extension", "unload_ipython_extension"],
    "memorisation": [
        "Memorisation",
    ],
    "model": ["TabularLanguageModel"],
    "number_format": ["PlainNumber", "SpacedDigits"],
    "query": ["Query"],
    "rubin": [
        "Pooled",
        "pool",
    ],
    "run": ["Run"],
    "serialize": [
        "BracketSerializer",
        "CellSpan",
        "JSONSerializer",
        "KeyValueSerializer",
        "SerializedRow",
        "Serializer",
    ],
    "outcomes": ["Answer", "Change"],
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

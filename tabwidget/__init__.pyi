from . import datasets
from .backends import HFBackend, MiniLMBackend, MLXBackend
from .callbacks import Callback, LoggingCallback, RichCallback, TqdmCallback
from .config import (
    DiscretizationConfig,
    GenerationConfig,
    LoRAConfig,
    ModelConfig,
    QuantizationConfig,
    TrainingConfig,
)
from .config import aggregate_default as aggregate_default
from .errors import TabwidgetError
from .estimators import (
    LanguageModelClassifier,
    LanguageModelImputer,
    LanguageModelOverSampler,
    LanguageModelRegressor,
    LanguageModelSynthesizer,
)
from .events import EvalReport as EvalReport
from .events import Event as Event
from .events import FitEnd as FitEnd
from .events import FitStart as FitStart
from .events import Generation as Generation
from .events import Memory as Memory
from .events import PredictEnd as PredictEnd
from .events import PredictStart as PredictStart
from .events import Retry as Retry
from .events import RowEnd as RowEnd
from .events import Score as Score
from .events import TrainExamples as TrainExamples
from .events import TrainingState
from .events import TrainReport as TrainReport
from .inference.distribution import Distribution
from .inference.evidence import Above, Below, Between, NoneOf, OneOf
from .inference.joint import JointDistribution
from .inference.query import Query
from .magics import load_ipython_extension as load_ipython_extension
from .magics import unload_ipython_extension as unload_ipython_extension
from .model import TabularLanguageModel
from .serializers import (
    BracketSerializer,
    JSONSerializer,
    KeyValueSerializer,
    PlainNumber,
    SpacedDigits,
)
from .session import Session
from .table import Table
from .textclass import TextClassifier
from .widgets import DataPanel, LabelsPanel, QueryPanel, TaskPanel, TrainPanel, Workbench

__version__: str

__all__ = [
    "Above",
    "Below",
    "Between",
    "BracketSerializer",
    "Callback",
    "DataPanel",
    "DiscretizationConfig",
    "Distribution",
    "GenerationConfig",
    "HFBackend",
    "JSONSerializer",
    "JointDistribution",
    "KeyValueSerializer",
    "LabelsPanel",
    "LanguageModelClassifier",
    "LanguageModelImputer",
    "LanguageModelOverSampler",
    "LanguageModelRegressor",
    "LanguageModelSynthesizer",
    "LoRAConfig",
    "LoggingCallback",
    "MLXBackend",
    "MiniLMBackend",
    "ModelConfig",
    "NoneOf",
    "OneOf",
    "PlainNumber",
    "QuantizationConfig",
    "Query",
    "QueryPanel",
    "RichCallback",
    "Session",
    "SpacedDigits",
    "Table",
    "TabularLanguageModel",
    "TabwidgetError",
    "TaskPanel",
    "TextClassifier",
    "TqdmCallback",
    "TrainPanel",
    "TrainingConfig",
    "TrainingState",
    "Workbench",
    "datasets",
]

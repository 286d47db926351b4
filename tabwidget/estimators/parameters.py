"""Constructors of the estimators: each shared parameter is declared once."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

import numpy as np

from tabwidget.backends import Backend
from tabwidget.callbacks import Callback
from tabwidget.config import (
    GenerationConfig,
    LoRAConfig,
    ModelConfig,
    QuantizationConfig,
    TrainingConfig,
)
from tabwidget.serializers.base import Serializer

__all__ = ["SharedParameters", "with_parameters"]

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, eq_default=False)
def with_parameters(cls: type[T]) -> type[T]:
    """Generate a class's constructor from its annotations, as `dataclass` does.

    scikit-learn reads an estimator's parameters off the signature of ``__init__``, so each
    estimator needs one with all parameters, the shared ones too. `dataclass` writes it: every
    annotation, inherited or own, is a keyword parameter that is stored under its name. The one
    difference is the order of the signature: own parameters come before inherited ones.

    Examples
    --------
    >>> @with_parameters
    ... class Model:
    ...     seed: int = 0
    >>> @with_parameters
    ... class Forest(Model):
    ...     trees: int = 10
    >>> inspect.signature(Forest)
    <Signature (*, trees: 'int' = 10, seed: 'int' = 0) -> None>
    >>> Forest(seed=1).seed
    1
    """
    made = dataclass(kw_only=True, eq=False, repr=False, match_args=False)(cls)
    init: Any = vars(made)["__init__"]
    signature, own = inspect.signature(init), {"self", *inspect.get_annotations(cls)}
    ordered = sorted(signature.parameters.values(), key=lambda param: param.name not in own)
    init.__signature__ = signature.replace(parameters=ordered)
    return made


# Apart from the estimators, whose untyped bases would hide wrong arguments from a type checker.
@with_parameters
class SharedParameters:
    """Parameters of every estimator; `LanguageModelEstimator` documents them."""

    backend: str | Backend = "auto"
    serializer: str | Serializer = "json"
    max_decimals: int | None = 3
    training: TrainingConfig | None = None
    generation: GenerationConfig | None = None
    model_config: ModelConfig | None = None
    model: Any = None
    lora: LoRAConfig | None = None
    quantization: str | QuantizationConfig | None = None
    precision: str = "auto"
    device: str = "auto"
    tokenizer: Any = None
    trust_remote_code: bool = False
    attn_implementation: str | None = None
    callbacks: Callback | Sequence[Callback] | None = None
    random_state: int | np.random.RandomState | None = None

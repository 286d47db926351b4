"""Constructors of estimators: each parameter is said once, shared ones for all of them."""

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
from tabwidget.model import TabularLanguageModel
from tabwidget.serializers.base import Serializer

__all__ = ["SharedParameters", "with_parameters"]

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, eq_default=False)
def with_parameters(cls: type[T]) -> type[T]:
    """Return a class with a constructor that sets the parameters of it and of its bases.

    A parameter is an annotation of the class with its default, and is given by name. As with
    `dataclass`, but the signature has a class's own parameters first.

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


# Not the estimators themselves: bases without types would let a type checker take any parameter.
@with_parameters
class SharedParameters:
    """Parameters of every estimator, as `LanguageModelEstimator` explains them."""

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
    prefit: TabularLanguageModel | None = None
    random_state: int | np.random.RandomState | None = None

"""Configs: strict validation, copies, nested parameters, and warnings about unused fields."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from annotated_types import Ge, Le
from sklearn.base import BaseEstimator, clone

from tabwidget.config import (
    DiscretizationConfig,
    GenerationConfig,
    LoRAConfig,
    ModelConfig,
    QuantizationConfig,
    TrainingConfig,
)
from tabwidget.errors import ConfigError
from tabwidget.params import Config, NestedParams, changed, warn_unused


class Values(Config):
    """One parameter of each kind of annotation."""

    def __init__(
        self,
        *,
        count: Annotated[int, Ge(1)] | None = 1,
        size: float = 0.5,
        flag: bool = False,
        mode: Literal["mean", "mode"] = "mean",
        name: Literal["auto"] | Annotated[int, Ge(0)] | Annotated[float, Ge(0), Le(1)] = "auto",
        words: str | Sequence[str] | None = None,
        ranks: dict[str, Annotated[int, Ge(1)]] | None = None,
        reduce: Callable[[int], int] | None = None,
        lora: LoRAConfig | None = None,
    ) -> None:
        self.count = count
        self.size = size
        self.flag = flag
        self.mode = mode
        self.name = name
        self.words = words
        self.ranks = ranks
        self.reduce = reduce
        self.lora = lora


class Holder(NestedParams, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator with configs, all None at first."""

    _nested: ClassVar[dict[str, Any]] = {
        "training": TrainingConfig,
        "quantization": QuantizationConfig,
        "model_config": ModelConfig,
        "discretization": DiscretizationConfig,
    }

    def __init__(
        self,
        *,
        training: Any = None,
        quantization: Any = None,
        model_config: Any = None,
        discretization: Any = None,
    ) -> None:
        self.training = training
        self.quantization = quantization
        self.model_config = model_config
        self.discretization = discretization


@pytest.mark.parametrize(
    "params",
    [
        {"count": np.int64(3), "size": np.float32(0.1), "flag": np.True_},
        {"size": np.float64(2), "mode": np.str_("mode")},
        {"size": 3},
        {"size": Fraction(1, 3)},
        {"name": 7},
        {"name": 0.5},
        {"name": np.str_("auto")},
        {"words": "all-linear"},
        {"words": ["a", "b"]},
        {"words": ("a", "b")},
        {"ranks": {"attn": np.int64(4)}},
        {"reduce": abs, "lora": LoRAConfig()},
    ],
    ids=str,
)
def test_numbers_of_any_type_are_valid_and_stay_as_they_were(params: dict[str, Any]) -> None:
    values = Values(**params)
    values.validate()
    assert all(getattr(values, name) is value for name, value in params.items())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"count": "3"}, "count must be an integer >= 1 or None, not '3'"),
        ({"count": 0}, "count must be an integer >= 1 or None, not 0"),
        ({"count": True}, "count must be an integer >= 1 or None, not True"),
        ({"count": np.True_}, "count must be an integer >= 1 or None, not np.True_"),
        ({"count": 2.0}, "count must be an integer >= 1 or None, not 2.0"),
        ({"size": "0.5"}, "size must be a finite number, not '0.5'"),
        ({"size": False}, "size must be a finite number, not False"),
        ({"size": float("nan")}, "size must be a finite number, not nan"),
        ({"size": -float("inf")}, "size must be a finite number, not -inf"),
        ({"size": None}, "size must be a finite number, not None"),
        ({"flag": 1}, "flag must be True or False, not 1"),
        ({"mode": "median"}, "mode must be 'mean' or 'mode', not 'median'"),
        ({"mode": None}, "mode must be 'mean' or 'mode', not None"),
        (
            {"name": 1.5},
            "name must be 'auto', an integer >= 0 or a finite number >= 0 and <= 1, not 1.5",
        ),
        (
            {"words": ["a", 3]},
            "words must be a string, a list whose items are each a string or None, not ['a', 3]",
        ),
        (
            {"ranks": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "z": 0}},
            "ranks must be a dict whose values are each an integer >= 1 or None, not 0 for 'z'",
        ),
        ({"ranks": 3}, "ranks must be a dict whose values are each an integer >= 1 or None, not 3"),
        ({"reduce": "mean"}, "reduce must be a callable or None, not 'mean'"),
        ({"lora": "r=8"}, "lora must be a LoRAConfig or None, not 'r=8'"),
    ],
    ids=str,
)
def test_anything_else_is_refused_in_one_sentence(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Values(**params).validate()
    assert str(caught.value) == f"Values.{message}"


def test_a_config_in_a_config_is_checked() -> None:
    with pytest.raises(ConfigError, match=r"^LoRAConfig\.rank must be an integer >= 1, not 0$"):
        Values(lora=LoRAConfig(rank=0)).validate()


def test_pydantic_is_imported_at_the_first_validation() -> None:
    code = (
        "import sys, tabwidget.config as config; assert 'pydantic' not in sys.modules; "
        "config.TrainingConfig().validate(); assert 'pydantic' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_clone_is_equal_but_apart() -> None:
    config = TrainingConfig(max_seconds=3)
    twin = clone(config)
    assert twin == config
    assert twin.set_params(max_seconds=4) != config
    assert config.max_seconds == 3


def test_configs_of_different_kinds_differ() -> None:
    assert GenerationConfig() != ModelConfig()


def test_configs_in_a_config_are_compared_to_their_last_entry() -> None:
    # A repr would leave out what does not fit.
    modules = [f"layer.{i}.attention" for i in range(100)]
    one = ModelConfig(lora=LoRAConfig(target_modules=modules))
    assert clone(one) == one
    assert one != ModelConfig(lora=LoRAConfig(target_modules=[*modules[:-1], "mlp"]))


def test_a_repr_shows_what_differs_from_the_defaults() -> None:
    config = ModelConfig(model="gpt2", lora=LoRAConfig(rank=8))
    assert repr(config) == "ModelConfig(lora=LoRAConfig(rank=8), model='gpt2')"
    assert repr(GenerationConfig()) == "GenerationConfig()"


def test_the_fields_of_a_config_that_is_not_there_can_be_set() -> None:
    holder = Holder().set_params(training__epochs=2, model_config__lora__rank=8)
    assert holder.training == TrainingConfig(epochs=2)
    assert holder.model_config.lora == LoRAConfig(rank=8)
    assert holder.get_params()["model_config__lora__rank"] == 8


def test_the_fields_of_a_config_that_is_there_are_kept() -> None:
    holder = Holder(training=TrainingConfig(max_steps=7)).set_params(training__epochs=2)
    assert holder.training == TrainingConfig(epochs=2, max_steps=7)
    holder.set_params(training=None, training__epochs=3)
    assert holder.training == TrainingConfig(epochs=3)


def test_the_short_form_of_a_quantization_keeps_its_bits() -> None:
    holder = Holder(quantization="8bit").set_params(quantization__group_size=64)
    assert holder.quantization == QuantizationConfig(bits=8, group_size=64)


def test_an_unknown_field_leaves_all_as_it_was() -> None:
    holder = Holder()
    with pytest.raises(ValueError, match="Invalid parameter 'epoch' for estimator TrainingConfig"):
        holder.set_params(training__epoch=2)
    assert holder.training is None


def test_a_mapping_has_no_fields_to_set() -> None:
    each = {"age": DiscretizationConfig(bins=3)}
    with pytest.raises(ConfigError, match="give a DiscretizationConfig instead"):
        Holder(discretization=each).set_params(discretization__bins=2)


def test_changed_names_what_differs() -> None:
    assert changed(GenerationConfig(top_k=3, n_samples=1)) == {"top_k": 3}


def test_fields_without_effect_are_named_in_one_warning() -> None:
    config = TrainingConfig(epochs=3, label_smoothing=0.1, neftune_noise_alpha=5)
    with pytest.warns(UserWarning, match="no effect") as caught:
        warn_unused(config, {"epochs"}, "minilm")
    assert [str(warning.message) for warning in caught] == [
        "TrainingConfig.label_smoothing=0.1, TrainingConfig.neftune_noise_alpha=5 have no effect "
        "with the backend 'minilm'"
    ]


@pytest.mark.parametrize("config", [None, TrainingConfig(), TrainingConfig(epochs=3)])
def test_nothing_without_effect_is_no_warning(config: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_unused(config, {"epochs"}, "minilm")

"""The config objects: scikit-learn parameters with clear errors."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any, ClassVar

import pytest
from sklearn.base import BaseEstimator, clone

from tabwidget.config import (
    DiscretizationConfig,
    GenerationConfig,
    LoRAConfig,
    ModelConfig,
    QuantizationConfig,
    TrainingConfig,
    aggregate_default,
)
from tabwidget.errors import ConfigError
from tabwidget.params import NestedParams, changed, warn_unused

CONFIGS = [
    TrainingConfig,
    GenerationConfig,
    DiscretizationConfig,
    LoRAConfig,
    QuantizationConfig,
    ModelConfig,
]


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


@pytest.mark.parametrize("config", CONFIGS)
def test_the_defaults_are_valid(config: Any) -> None:
    config().validate()


@pytest.mark.parametrize("config", CONFIGS)
def test_every_parameter_is_checked(config: Any) -> None:
    assert set(config._parameter_constraints) == set(config().get_params())


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (TrainingConfig(epochs=0), "epochs"),
        (TrainingConfig(max_steps=-1), "max_steps"),
        (TrainingConfig(max_steps=1.5), "max_steps"),  # type: ignore[arg-type]
        (TrainingConfig(max_seconds=0), "max_seconds"),
        (TrainingConfig(max_seconds=float("nan")), "max_seconds"),
        (TrainingConfig(max_seconds="10"), "max_seconds"),  # type: ignore[arg-type]
        (TrainingConfig(batch_size="all"), "batch_size"),  # type: ignore[arg-type]
        (TrainingConfig(learning_rate=0), "learning_rate"),
        (TrainingConfig(lr_scheduler="step"), "lr_scheduler"),  # type: ignore[arg-type]
        (TrainingConfig(validation_fraction=0), "validation_fraction"),
        (TrainingConfig(validation_fraction=0.6), "validation_fraction"),
        (TrainingConfig(warmup_ratio=1), "warmup_ratio"),
        (TrainingConfig(max_grad_norm=0), "max_grad_norm"),
        (TrainingConfig(optimizer="adam"), "optimizer"),
        (TrainingConfig(label_smoothing=1), "label_smoothing"),
        (TrainingConfig(neftune_noise_alpha=-1), "neftune_noise_alpha"),
        (TrainingConfig(augmentation_factor=0), "augmentation_factor"),
        (TrainingConfig(grad_accumulation_steps=0), "grad_accumulation_steps"),
        (TrainingConfig(loss_on_target_only="no"), "loss_on_target_only"),  # type: ignore[arg-type]
        (TrainingConfig(max_seq_length=0), "max_seq_length"),
        (GenerationConfig(temperature=float("nan")), "temperature"),
        (GenerationConfig(temperature=float("inf")), "temperature"),
        (GenerationConfig(n_samples=0), "n_samples"),
        (GenerationConfig(aggregate="mean"), "aggregate"),  # type: ignore[arg-type]
        (GenerationConfig(max_retries=-1), "max_retries"),
        (GenerationConfig(repetition_penalty=0), "repetition_penalty"),
        (GenerationConfig(top_k=-1), "top_k"),
        (GenerationConfig(top_p=0), "top_p"),
        (GenerationConfig(top_p=1.1), "top_p"),
        (ModelConfig(members=0), "members"),
        (ModelConfig(dropout=1), "dropout"),
        (ModelConfig(precision="int8"), "precision"),  # type: ignore[arg-type]
        (ModelConfig(device="gpu"), "device"),  # type: ignore[arg-type]
        (ModelConfig(quantization="5bit"), "quantization"),
        (ModelConfig(lora=LoRAConfig(rank=0)), "rank"),
        (LoRAConfig(dropout=1), "dropout"),
        (LoRAConfig(rank_pattern={"attn": 0}), "rank_pattern"),
        (QuantizationConfig(bits=5), "bits"),
        (DiscretizationConfig(bins=-1), "bins"),
        (DiscretizationConfig(bins=1.5), "bins"),
        (DiscretizationConfig(strategy="width"), "strategy"),  # type: ignore[arg-type]
    ],
)
def test_a_value_out_of_range_is_named_in_one_line(config: Any, name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' parameter.*must be.*Got") as caught:
        config.validate()
    assert "\n" not in str(caught.value)


def test_a_schedule_that_runs_to_its_limit_needs_one() -> None:
    with pytest.raises(ConfigError, match="give epochs, max_steps or max_seconds"):
        TrainingConfig(lr_scheduler="cosine").validate()
    TrainingConfig(lr_scheduler="cosine", max_steps=5).validate()


def test_a_warm_up_is_given_once_and_is_a_share_of_a_limit() -> None:
    with pytest.raises(ConfigError, match="give one of them"):
        TrainingConfig(warmup_ratio=0.1, warmup_steps=5, max_steps=50).validate()
    with pytest.raises(ConfigError, match="give epochs, max_steps or max_seconds"):
        TrainingConfig(warmup_ratio=0.1).validate()
    TrainingConfig(warmup_ratio=0.1, max_steps=50).validate()


def test_a_temperature_below_zero_is_greedy_not_an_error() -> None:
    GenerationConfig(temperature=-1).validate()


def test_a_library_has_only_some_bits() -> None:
    with pytest.raises(ConfigError, match="'bitsandbytes' has no 3 bits, only 4, 8"):
        QuantizationConfig(bits=3, method="bitsandbytes").validate()


def test_heads_must_share_the_width() -> None:
    with pytest.raises(ConfigError, match="width=30 is not a multiple of heads=4"):
        ModelConfig(width=30).validate()


def test_a_clone_is_equal_but_apart() -> None:
    config = TrainingConfig(max_seconds=3)
    twin = clone(config)
    assert twin == config
    assert twin.set_params(max_seconds=4) != config
    assert config.max_seconds == 3


def test_configs_of_different_kinds_differ() -> None:
    assert GenerationConfig() != ModelConfig()


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("copied", [clone, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_a_copy_of_any_kind_is_equal(config: Any, copied: Any) -> None:
    assert copied(config()) == config()


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


def test_draws_become_their_mean_or_the_first_of_the_most_frequent() -> None:
    assert aggregate_default([1, 2.5], numeric=True) == 1.75
    assert aggregate_default(["b", "a", "a", "b", "c"], numeric=False) == "b"
    with pytest.raises(ValueError, match="no mode"):
        aggregate_default([], numeric=False)


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

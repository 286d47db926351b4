"""The config objects: defaults, bounds, and parameters that exclude each other."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from sklearn.base import clone

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

CONFIGS = [
    TrainingConfig,
    GenerationConfig,
    DiscretizationConfig,
    LoRAConfig,
    QuantizationConfig,
    ModelConfig,
]


@pytest.mark.parametrize("config", CONFIGS)
def test_the_defaults_are_valid(config: Any) -> None:
    config().validate()


@pytest.mark.parametrize("config", CONFIGS)
def test_every_parameter_is_checked(config: Any) -> None:
    unchecked = set()
    for name in config().get_params(deep=False):
        try:
            config().set_params(**{name: object()}).validate()
        except ConfigError:
            continue
        unchecked.add(name)
    assert unchecked == ({"model", "tokenizer"} if config is ModelConfig else set())


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (TrainingConfig(epochs=0), "epochs"),
        (TrainingConfig(max_steps=-1), "max_steps"),
        (TrainingConfig(max_steps=1.5), "max_steps"),  # type: ignore[arg-type]
        (TrainingConfig(max_seconds=-1), "max_seconds"),
        (TrainingConfig(max_seconds=float("nan")), "max_seconds"),
        (TrainingConfig(max_seconds="10"), "max_seconds"),  # type: ignore[arg-type]
        (TrainingConfig(batch_size="all"), "batch_size"),  # type: ignore[arg-type]
        (TrainingConfig(learning_rate=0), "learning_rate"),
        (TrainingConfig(lr_scheduler="step"), "lr_scheduler"),  # type: ignore[arg-type]
        (TrainingConfig(validation_fraction=0), "validation_fraction"),
        (TrainingConfig(validation_fraction=0.6), "validation_fraction"),
        (TrainingConfig(warmup_ratio=1), "warmup_ratio"),
        (TrainingConfig(max_grad_norm=0), "max_grad_norm"),
        (TrainingConfig(optimizer="adam"), "optimizer"),  # type: ignore[arg-type]
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
        (QuantizationConfig(bits=4.0), "bits"),  # type: ignore[arg-type]
        (DiscretizationConfig(bins=-1), "bins"),
        (DiscretizationConfig(bins=1.5), "bins"),
        (DiscretizationConfig(strategy="width"), "strategy"),  # type: ignore[arg-type]
    ],
)
def test_an_error_names_the_parameter_what_is_allowed_and_the_value(config: Any, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"\w+Config\.{name} must be .*, not .+$") as caught:
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
    with pytest.raises(ConfigError, match="must be 4 or 8 with method='bitsandbytes', not 3"):
        QuantizationConfig(bits=3, method="bitsandbytes").validate()


def test_heads_must_share_the_width() -> None:
    with pytest.raises(ConfigError, match="width=30 is not a multiple of heads=4"):
        ModelConfig(width=30).validate()


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("copied", [clone, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_a_copy_of_any_kind_is_equal(config: Any, copied: Any) -> None:
    assert copied(config()) == config()


def test_draws_become_their_mean_or_the_first_of_the_most_frequent() -> None:
    assert aggregate_default([1, 2.5], numeric=True) == 1.75
    assert aggregate_default(["b", "a", "a", "b", "c"], numeric=False) == "b"
    with pytest.raises(ValueError, match="no mode"):
        aggregate_default([], numeric=False)

"""The config objects: scikit-learn parameters with clear errors."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.base import clone

from tabwidget.config import GenerationConfig, ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError

CONFIGS = [TrainingConfig, GenerationConfig, ModelConfig]


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
        (GenerationConfig(temperature=-0.1), "temperature"),
        (GenerationConfig(top_k=-1), "top_k"),
        (GenerationConfig(top_p=0), "top_p"),
        (GenerationConfig(top_p=1.1), "top_p"),
        (ModelConfig(members=0), "members"),
        (ModelConfig(dropout=1), "dropout"),
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


def test_heads_must_share_the_width() -> None:
    with pytest.raises(ConfigError, match="width=30 is not a multiple of heads=4"):
        ModelConfig(width=30).validate()


def test_a_clone_is_equal_but_apart() -> None:
    config = TrainingConfig(max_seconds=3)
    copy = clone(config)
    assert copy == config
    assert copy.set_params(max_seconds=4) != config
    assert config.max_seconds == 3


def test_configs_of_different_kinds_differ() -> None:
    assert GenerationConfig() != ModelConfig()

"""Choices: what a session may be told to do, checked before any of it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sklearn.base import clone

from tabwidget.backends import choose
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError, nearest
from tabwidget.serializers.base import resolve_serializer
from tabwidget.session.tasks.base import check_task, task_of
from tabwidget.table import TableSchema

__all__ = ["checked_choices"]

KNOWN = ("target", "task", "serializer", "backend", "model_config", "training", "max_seconds")


def checked_choices(
    choices: Mapping[str, Any], chosen: Mapping[str, Any], schema: TableSchema | None
) -> dict[str, Any]:
    """Return choices as what is to be set, each of them possible.

    Parameters
    ----------
    choices : mapping
        By name, as `Session.choose` takes them.
    chosen : mapping
        What is chosen now: "target", "model_config" and "training".
    schema : TableSchema or None
        Of the table, if there is one.

    Raises
    ------
    ConfigError, ColumnError
        If one of them cannot be.

    Examples
    --------
    >>> found = checked_choices({"max_seconds": 3}, {"training": TrainingConfig()}, None)
    >>> found["training"].max_seconds
    3
    """
    for key in choices:
        if key not in KNOWN:
            raise ConfigError(
                f"there is no choice {key!r}: {', '.join(sorted((*KNOWN, 'labeling')))}."
                + nearest(key, KNOWN)
            )
    checked: dict[str, Any] = {}
    if "serializer" in choices:
        resolve_serializer(choices["serializer"])
        checked["serializer"] = choices["serializer"]
    if "model_config" in choices:
        checked["model_config"] = _model(choices["model_config"])
    if "backend" in choices:
        model = checked.get("model_config", chosen["model_config"])
        checked["backend"] = choose(choices["backend"], model).name
    if "training" in choices or "max_seconds" in choices:
        checked["training"] = _training(choices, chosen["training"])
    if "target" in choices or "task" in choices:
        if schema is None:
            raise ConfigError("there is no table yet: load one first")
        column = schema.target_column(choices.get("target", chosen["target"]))
        task = choices.get("task") or task_of(column)
        check_task(task, column)
        checked.update(target=column.name, task=task)
    return checked


def _training(choices: Mapping[str, Any], before: TrainingConfig) -> TrainingConfig:
    training = choices.get("training", before)
    if not isinstance(training, TrainingConfig):
        raise ConfigError(f"training is a TrainingConfig, not {type(training).__name__}")
    training = cast(TrainingConfig, clone(training))
    if "max_seconds" in choices:
        training.set_params(max_seconds=choices["max_seconds"])
    training.validate()
    return training


def _model(config: ModelConfig | None) -> ModelConfig | None:
    if config is None:
        return None
    if not isinstance(config, ModelConfig):
        raise ConfigError(f"model_config is a ModelConfig, not {type(config).__name__}")
    config = cast(ModelConfig, clone(config))
    config.validate()
    return config

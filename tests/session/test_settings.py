"""Which task settings belong to, and the training settings that all tasks share."""

from __future__ import annotations

from typing import Any

import pytest

from tabwidget.config import TrainingConfig
from tabwidget.errors import ConfigError
from tabwidget.session import Session
from tabwidget.session.settings import checked_training, task_for


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "classification"),
        ({"max_seconds": 3}, "classification"),
        ({"task": "synthesis"}, "synthesis"),
        ({"serializer": "bracket"}, "classification"),
        ({"target": "petal length (cm)"}, "regression"),
        ({"task": "synthesis", "target": "species"}, "synthesis"),
        ({"texts": ["species"]}, "text labels"),
    ],
)
def test_the_task_follows_from_the_settings(settings: dict[str, Any], name: str) -> None:
    session = Session("iris", target="species")
    assert task_for(settings, session.tasks, session.task) == name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "clasification"}, r"no task 'clasification'.*Did you mean 'classification'\?"),
        ({"task": []}, "there is no task"),
        ({"targt": "species"}, r"no setting 'targt'.*Did you mean 'target'\?"),
        ({"target": "species", "texts": ["species"]}, "no setting 'texts'"),
        ({"task": "text labels", "serializer": "json"}, "no setting 'serializer'"),
    ],
)
def test_a_setting_of_no_task_is_named(settings: dict[str, Any], message: str) -> None:
    session = Session("iris")
    with pytest.raises(ConfigError, match=message):
        session.choose(**settings)


def test_training_is_copied_and_validated() -> None:
    before = TrainingConfig(max_steps=5)
    after = checked_training({"max_seconds": 2}, before)
    assert (after.max_steps, after.max_seconds, before.max_seconds) == (5, 2, None)
    with pytest.raises(ConfigError, match="max_seconds"):
        checked_training({"max_seconds": -1}, before)
    with pytest.raises(ConfigError, match="training must be a TrainingConfig, not dict"):
        checked_training({"training": {}}, before)

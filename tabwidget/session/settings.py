"""Settings of a session that are common to all tasks, checked before they are applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sklearn.base import clone

from tabwidget.config import TrainingConfig
from tabwidget.errors import ConfigError, nearest
from tabwidget.session.tasks.base import Task

__all__ = ["COMMON", "checked_training", "task_for"]

COMMON = ("task", "training", "max_seconds")


def task_for(settings: Mapping[str, Any], tasks: Mapping[str, Task], current: str) -> str:
    """Return the name of the task that settings are for.

    Parameters
    ----------
    settings : mapping
        By name, as `Session.choose` takes them.
    tasks : mapping
        The session's tasks by name.
    current : str
        The task that is chosen now; it has precedence over others with the same settings.

    Raises
    ------
    ConfigError
        If there is no such task, or no task with these settings.
    """
    own = [key for key in settings if key not in COMMON]
    if "task" in settings:
        name = settings["task"]
        if not isinstance(name, str) or name not in tasks:
            raise ConfigError(
                f"there is no task {name!r}: {', '.join(tasks)}." + nearest(name, tasks)
            )
        candidates = [tasks[name]]
    else:
        name = None
        candidates = [tasks[current], *dict.fromkeys(tasks.values())]
    for task in candidates:
        if set(own) <= set(task.settings):
            return name or task.name_for(settings)
    known = (*COMMON, *candidates[0].settings)
    unknown = next(key for key in own if key not in candidates[0].settings)
    raise ConfigError(
        f"there is no setting {unknown!r}: {', '.join(sorted(known))}." + nearest(unknown, known)
    )


def checked_training(settings: Mapping[str, Any], before: TrainingConfig) -> TrainingConfig:
    """Return the training settings after a change, validated.

    Examples
    --------
    >>> checked_training({"max_seconds": 3}, TrainingConfig()).max_seconds
    3
    """
    training = settings.get("training", before)
    if not isinstance(training, TrainingConfig):
        raise ConfigError(f"training must be a TrainingConfig, not {type(training).__name__}")
    training = cast(TrainingConfig, clone(training))
    if "max_seconds" in settings:
        training.set_params(max_seconds=settings["max_seconds"])
    training.validate()
    return training

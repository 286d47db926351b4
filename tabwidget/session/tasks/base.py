"""Tasks: what a table is learned for, and which of them suits a column."""

from __future__ import annotations

from tabwidget.errors import ConfigError, nearest
from tabwidget.table import Column

__all__ = ["TASKS", "TEXT_LABELS", "check_task", "task_of"]

TEXT_LABELS = "text labels"  # which a model of texts learns, not one of rows
TASKS = ("classification", "regression", "synthesis", TEXT_LABELS)
MAX_LABELS = 10


def task_of(column: Column) -> str:
    """Return the task that suits a column as the target."""
    # A few whole numbers are labels (0 and 1, digits) more often than amounts.
    labels = column.integer and column.edges is None and column.n_unique <= MAX_LABELS
    return "regression" if column.is_number and not labels else "classification"


def check_task(task: str, column: Column) -> None:
    """Raise `ConfigError` if there is no such task, or not with this column as the target."""
    if task not in TASKS:
        raise ConfigError(f"there is no task {task!r}: {', '.join(TASKS)}." + nearest(task, TASKS))
    if task == "regression" and not column.is_number:
        raise ConfigError(
            f"column {column.name!r} has levels, not numbers: "
            "choose the task 'classification', or a target that is a number"
        )
    if task == "classification" and column.edges is not None:
        raise ConfigError(
            f"column {column.name!r} is a number with {column.n_unique} values: "
            "choose the task 'regression', or a target with levels"
        )

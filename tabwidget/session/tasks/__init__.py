"""Tasks: the kinds of things to learn from a table, one file each.

A task is a subclass of `Task` in a module of this folder; it is found there and needs no other
entry.
"""

from __future__ import annotations

import functools
import pkgutil
from importlib import import_module

from tabwidget.session.tasks.base import Task

__all__ = ["Task", "task_classes"]


@functools.cache
def task_classes() -> dict[str, type[Task]]:
    """Return the class of each task by the name a user chooses it by.

    Examples
    --------
    >>> list(task_classes())
    ['classification', 'regression', 'synthesis', 'text labels']
    """
    found: dict[str, type[Task]] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for value in vars(import_module(f"{__name__}.{module}")).values():
            if isinstance(value, type) and issubclass(value, Task) and value is not Task:
                found.update(dict.fromkeys(value.names, value))
    return found

"""TaskPanel: choose the task, the row format and the training time."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar

from tabwidget.errors import ConfigError
from tabwidget.widgets.panel import Panel
from tabwidget.widgets.protocol import Handler, Request, State, to_json

if TYPE_CHECKING:
    from tabwidget.widgets.feed import Feed

__all__ = ["TaskPanel"]

COMMON = {"task", "max_seconds"}  # fields of the form beside those of the task


def _choose(request: Request) -> State:
    session, payload = request.session, request.payload
    task = session.tasks.get(str(payload.get("task", session.task)), session.current_task)
    fields = {key: value for key, value in payload.items() if key not in COMMON}
    unknown = sorted(set(fields) - set(task.form))
    if unknown:
        raise ConfigError(f"a panel cannot choose {unknown[0]!r}")
    if payload.get("max_seconds", 1) is None:
        raise ConfigError("seconds to train: give a number above 0")
    common = {key: value for key, value in payload.items() if key in COMMON}
    return {"message": session.choose(**common, **task.from_form(fields)).message}


def _preview(request: Request) -> State:
    row, draw = int(request.payload.get("row", 0)), int(request.payload.get("draw", 0))
    preview = request.session.preview(row=row, draw=draw)
    ends = itertools.accumulate(len(token.text) for token in preview.tokens)
    return {
        "text": preview.text,
        "spans": [
            {"column": span.column, "name": span.name, "value": span.value}
            for span in preview.spans
        ],
        "row": row,
        # The end of each token, and whether it enters the loss.
        "tokens": [(end, token.learned) for end, token in zip(ends, preview.tokens, strict=True)],
        "labels": preview.labels,
        "read": preview.read,
    }


def _cost(request: Request) -> State:
    cost = request.session.cost()
    size = cost.size
    return {
        "cost": {
            "n_parameters": size.n_parameters,
            "n_trained": size.n_trained,
            "tokens_per_row": size.tokens_per_row,
            "seconds_per_epoch": cost.seconds_per_epoch,
            "memory": cost.memory,
            "free": cost.free,
            "advice": cost.advice,
        }
    }


class TaskPanel(Panel):
    """Choose what to learn and how.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **settings
        Passed on to `Session.choose`.
    """

    name = "task"
    order = 2
    topics = frozenset({"table", "choices"})
    handlers: ClassVar[dict[str, Handler]] = {"choose": _choose, "preview": _preview, "cost": _cost}

    @classmethod
    def slice(cls, feed: Feed) -> State:
        """Return the tasks, and the settings of the chosen one."""
        session = feed.session
        task = session.current_task
        state: State = to_json(
            {
                "tasks": list(session.tasks),
                "task": session.task,
                "kind": task.kind,
                "panel": task.panel,
                "hint": task.hint,
                "max_seconds": session.training.max_seconds,
                **task.snapshot(),
            }
        )
        return state

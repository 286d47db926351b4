"""ColumnsPanel: every column, with its data, what is predicted for it and the evidence on it."""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, ClassVar

from tabwidget.session import background
from tabwidget.table import Table
from tabwidget.table.alerts import alerts
from tabwidget.widgets.panel import Panel
from tabwidget.widgets.protocol import Handler, Request, State, to_json

if TYPE_CHECKING:
    from tabwidget.widgets.feed import Feed

__all__ = ["ColumnsPanel"]

PART_SECONDS = 0.08  # of the computation of influences, between which questions are answered


def _influence(request: Request) -> State:
    session = request.session
    background.asked()
    with session.lock:
        question, model = session.question, session.model
        if question is None or model is None:
            return {"bits": {}, "rest": []}
        target, schema = question.targets[0], session.loaded().schema
        known = {*question.targets, *question.given}
        wanted = request.payload.get("columns", schema.targets)
        rest = [name for name in map(str, wanted) if name in schema.targets and name not in known]
        bits: State = {}
        began = time.monotonic()
        while rest and (not bits or time.monotonic() < began + PART_SECONDS):
            name, *rest = rest
            gain = model.information_gain(target, question.given, columns=[name])
            bits[name] = float(gain["bits"].iloc[0])
    return {"bits": bits, "rest": rest}


def _declare(request: Request) -> State:
    payload = request.payload
    role, kind = payload.get("role"), payload.get("kind")
    change = request.session.declare(
        str(payload["column"]),
        kind=None if kind is None else str(kind),
        used=None if role is None else role != "ignored",
    )
    return {"message": change.message}


# The alerts of a table, by its target: they take a pass over all cells.
_alerts: weakref.WeakKeyDictionary[Table, dict[str | None, State]] = weakref.WeakKeyDictionary()


class ColumnsPanel(Panel):
    """Every column with its data, what is predicted for it and the evidence on it.

    Click a name to ask for that column; drag, type or click to set evidence on the others.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **settings
        Passed on to `Session.choose`.
    """

    name = "columns"
    order = 4
    topics = frozenset({"table", "choices"})
    handlers: ClassVar[dict[str, Handler]] = {"influence": _influence, "declare": _declare}

    @classmethod
    def slice(cls, feed: Feed) -> State:
        """Return what to look out for; the columns are in the slice of the data panel."""
        table, target = feed.session.table, feed.session.target
        if table is None:
            return {"alerts": {}}
        known = _alerts.setdefault(table, {})
        if target not in known:
            known[target] = to_json(alerts(table, target))
        return {"alerts": known[target]}

"""TrainPanel: start, stop and watch a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tabwidget._formatting import format_gain
from tabwidget.table.values import plain
from tabwidget.widgets.bundle import bundled
from tabwidget.widgets.panel import Panel
from tabwidget.widgets.protocol import Handler, Reply, Request, State
from tabwidget.widgets.static_html import escaped

if TYPE_CHECKING:
    from tabwidget.widgets.feed import Feed

__all__ = ["TrainPanel"]


def _start(request: Request) -> State:
    request.session.start(resume=bool(request.payload.get("resume", False)))
    return {"number": request.feed.run_number()}


def _stop(request: Request) -> State:
    request.session.stop()
    run = request.session.run
    return {"status": None if run is None else run.status}


def _catch_up(request: Request) -> State | Reply:
    batch = request.feed.since(int(request.payload["run"]), int(request.payload["since"]))
    if batch is None:
        return {"batch": None}
    message, buffers = batch
    return Reply({"batch": message}, buffers)


def _skill(request: Request) -> State:
    return {"started": request.session.check_skill() is not None}


def _loss_chart(request: Request) -> State:
    from tabwidget import charts

    return {"spec": charts.loss_chart([], name="losses").to_dict()}


def _chart_script(request: Request) -> Reply:
    # It is large, and a page without a chart does without.
    return Reply({}, [bundled("charts.js").encode()])


class TrainPanel(Panel):
    """Start, stop and watch a fit.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **settings
        Passed on to `Session.choose`.
    """

    name = "train"
    order = 3
    topics = frozenset({"table", "choices", "run", "cells"})
    live = True
    handlers: ClassVar[dict[str, Handler]] = {
        "start": _start,
        "stop": _stop,
        "skill": _skill,
        "catch-up": _catch_up,
        "loss-chart": _loss_chart,
        "chart-script": _chart_script,
    }

    @classmethod
    def slice(cls, feed: Feed) -> State:
        """Return the run, how far the model is, and what training added to it."""
        session, task = feed.session, feed.session.current_task
        measured = task.gains
        # A short fit measures some of the columns.
        names = [*session.loaded().schema.targets] if measured else []
        gains = [{"column": name, "nats": plain(measured.get(name))} for name in names]
        check = session.skill
        better = None if check is None else check.better
        return {
            "better": None if better is None else dict(zip(("better", "of"), better, strict=True)),
            "ready": task.ready,
            "preparing": session.unprepared,
            # The session's would make the model first.
            "stage": "" if not task.ready else "trained" if task.trained else "pretrained",
            "sources": list(task.sources),
            "trains": task.trains,
            "gains": gains,
            "run": feed.run_state(),
        }

    @classmethod
    def static(cls, slices: Mapping[str, State]) -> str:
        """Return the run's status and losses, and what training added."""
        train = slices["train"]
        run = train["run"]
        if run is None:
            pretrained = "The answers come from a pretrained model. " * bool(train["sources"])
            return f"<p>{pretrained}Not trained yet.</p>"
        parts = [f"Training: <b>{escaped(run['status'])}</b>", f"{run['seconds']:.1f} s"]
        parts.append(f"{run['step']:,} steps")
        for name, key in (("loss", "loss"), ("best validation loss", "best_loss")):
            if run[key] is not None:
                parts.append(f"{name} {run[key]:.3f}")
        error = f"<p>{escaped(run['error'], 300)}</p>" if run["error"] else ""
        return f"<p>{', '.join(parts)}</p>{error}{_gains(train['gains'])}"

    @classmethod
    def summary(cls, slices: Mapping[str, State]) -> str:
        """Return the run's status."""
        run = slices["train"]["run"]
        return "" if run is None else str(run["status"])


def _gains(gains: list[dict[str, Any]]) -> str:
    """Return what training added to each column, as a line of HTML."""
    if not gains:
        return ""
    measured = [one for one in gains if one["nats"] is not None]
    added = ", ".join(f"{escaped(one['column'])} {format_gain(one['nats'])}" for one in measured)
    return f"<p>Added by training, in nats per validation cell: {added}</p>"

"""TrainPanel: start, stop and watch a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

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


def _loss_chart(request: Request) -> State:
    from tabwidget import charts

    return {"spec": charts.loss_chart([], name="losses").to_dict()}


class TrainPanel(Panel):
    """Start, stop and watch a fit: step 3 of the workbench.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **settings
        Passed on to `Session.choose`.
    """

    name = "train"
    order = 3
    topics = frozenset({"table", "choices", "run"})
    live = True
    handlers: ClassVar[dict[str, Handler]] = {
        "start": _start,
        "stop": _stop,
        "catch-up": _catch_up,
        "loss-chart": _loss_chart,
    }

    @classmethod
    def slice(cls, feed: Feed) -> State:
        """Return the run, and whether its model can be queried."""
        return {"ready": feed.session.current_task.ready, "run": feed.run_state()}

    @classmethod
    def static(cls, slices: Mapping[str, State]) -> str:
        """Return the run's status and losses."""
        run = slices["train"]["run"]
        if run is None:
            return "<p>Not trained yet.</p>"
        parts = [f"Training: <b>{escaped(run['status'])}</b>", f"{run['seconds']:.1f} s"]
        parts.append(f"{run['step']:,} steps")
        for name, key in (("loss", "loss"), ("best validation loss", "best_loss")):
            if run[key] is not None:
                parts.append(f"{name} {run[key]:.3f}")
        error = f"<p>{escaped(run['error'], 300)}</p>" if run["error"] else ""
        return f"<p>{', '.join(parts)}</p>{error}"

    @classmethod
    def summary(cls, slices: Mapping[str, State]) -> str:
        """Return the run's status."""
        run = slices["train"]["run"]
        return "" if run is None else str(run["status"])

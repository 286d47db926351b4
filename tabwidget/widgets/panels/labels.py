"""LabelsPanel: how well the labels of texts are predicted, their thresholds, and any text tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tabwidget.session import Session
from tabwidget.session.tasks.text_labels import LabelReport, TextLabelTask
from tabwidget.widgets.panel import Panel
from tabwidget.widgets.protocol import Handler, Request, State, to_json
from tabwidget.widgets.static_html import table_rows

if TYPE_CHECKING:
    from tabwidget.widgets.feed import Feed

__all__ = ["LabelsPanel"]

MAX_LABELS = 200
MAX_ROWS = 40  # in the static view


def _thresholds(request: Request) -> State:
    session, payload = request.session, request.payload
    with session.lock:
        task = _task(session)
        if "take" in payload:
            report = task.take_thresholds(str(payload["take"]))
        else:
            given = {str(label): float(p) for label, p in payload.get("set", {}).items()}
            report = task.set_thresholds(given)
    # Every panel shows them.
    request.feed.notify("choices")
    return {"report": _report_state(report)}


def _example(request: Request) -> State:
    text, labels = _task(request.session).example(int(request.payload.get("draw", 0)))
    return {"text": text, "labels": labels}


def _label(request: Request) -> State:
    found = _task(request.session).label(str(request.payload.get("text", "")))
    labels = [
        {"label": label, "probability": p, "chosen": label in found.labels}
        for label, p in found.probabilities.items()
    ]
    python = f"classifier.predict_proba([{found.text!r}])"
    return {"labels": labels, "seconds": found.seconds, "python": python}


def _words(request: Request) -> State:
    task, payload = _task(request.session), request.payload
    text, label = str(payload.get("text", "")), str(payload.get("label", ""))
    within = payload.get("within")
    span = None if within is None else (int(within[0]), int(within[1]))
    probability, words = task.words(text, label, span)
    return {
        "label": label,
        "probability": probability,
        "words": [vars(word) for word in words],
        "read": task.read(text),
    }


class LabelsPanel(Panel):
    """Metrics and thresholds of each label, and the labels of any text.

    Takes the place of the query panel in the task "text labels".

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **settings
        Passed on to `Session.choose`.
    """

    name = "labels"
    order = 6
    asks = True
    topics = frozenset({"table", "choices", "run"})
    live = True
    handlers: ClassVar[dict[str, Handler]] = {
        "thresholds": _thresholds,
        "example": _example,
        "label": _label,
        "words": _words,
    }

    @classmethod
    def slice(cls, feed: Feed) -> State:
        """Return the metrics on the validation texts."""
        report = _task(feed.session).report
        return {"report": None if report is None else _report_state(report)}

    @classmethod
    def static(cls, slices: Mapping[str, State]) -> str:
        """Return the metrics as a table."""
        report = slices["labels"]["report"]
        if report is None:
            return ""
        shown = report["classes"][:MAX_ROWS]
        threshold = "threshold" if report["multi"] else ""
        head = ("label", "texts", "precision", "recall", "F1", threshold)
        rows = table_rows([head, *(_cells(row) for row in shown)])
        more = len(report["classes"]) - len(shown)
        note = f"<p>… and {more} more labels</p>" if more > 0 else ""
        return (
            f"<p>{report['rows']:,} validation texts: <b>F1 {report['f1_micro']:.3f}</b> (micro), "
            f"{report['f1_macro']:.3f} (macro), accuracy {report['accuracy']:.3f}</p>"
            f"<table>{rows}</table>{note}"
        )

    @classmethod
    def summary(cls, slices: Mapping[str, State]) -> str:
        """Return the F1 score."""
        report = slices["labels"]["report"]
        return "" if report is None else f"validation F1 {report['f1_micro']:.3f}"


def _task(session: Session) -> TextLabelTask:
    task = session.tasks[TextLabelTask.names[0]]
    assert isinstance(task, TextLabelTask)
    return task


def _report_state(report: LabelReport) -> State:
    """Return the metrics of all labels together, and of each."""
    rows = [
        {
            "label": label,
            **row,
            "has": report.has.get(label, []),
            "lacks": report.lacks.get(label, []),
        }
        for label, row in report.metrics["per_class"].items()
    ]
    # Of very many labels, the most frequent ones.
    frequent = sorted(rows, key=lambda row: -row["support"])[:MAX_LABELS]
    kept = {row["label"] for row in frequent}
    state: State = to_json(
        {
            "multi": report.multi,
            "rows": report.n_rows,
            **_scores(report.metrics),
            "half": None if report.at_half is None else _scores(report.at_half),
            "classes": [row for row in rows if row["label"] in kept],
        }
    )
    return state


def _scores(metrics: Mapping[str, Any]) -> State:
    from tabwidget.textclass.metrics import SCORES

    return {name: metrics[name] for name in SCORES}


def _cells(row: State) -> tuple[Any, ...]:
    return (
        row["label"],
        row["support"],
        *(f"{row[key]:.2f}" for key in ("precision", "recall", "f1")),
        "" if row["threshold"] is None else f"{row['threshold']:.2f}",
    )

"""A session as plain HTML: what a saved notebook, nbconvert or GitHub shows without a kernel.

A notebook frontend that finds no model behind a widget writes an error instead of falling back
to another form of the same output. So the picture is an output of its own, behind the widget:
the live widget hides it, and where there is none, the picture's few style rules hide the error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

__all__ = ["static_html", "static_text"]

MAX_COLUMNS = 40
MAX_BARS = 26
MAX_LETTERS = 80
BAR_WIDTH = 28

_CELL = "text-align:left;padding:1px 10px 1px 0;border:0"
_BAR_CELL = f"{_CELL};color:#3b78d8;white-space:nowrap;font-family:monospace"

# The neighbor without any element inside is a widget that is loading, or an error text.
_STYLE = (
    "<style>.jp-OutputArea-child:has(+ .jp-OutputArea-child .tabwidget-static-{id})"
    " > .jp-OutputArea-output:not(:has(*)) {{ display: none; }}</style>"
)


def static_html(state: dict[str, Any], static_id: str = "") -> str:
    """Return the state of the panels as bounded HTML: escaped, no script, under 50 kB.

    Parameters
    ----------
    state : dict
        The panels' snapshot.
    static_id : str, default ""
        Lets the live widget find this picture and hide it.
    """
    name = f" tabwidget-static-{static_id}" if static_id else ""
    style = _STYLE.format(id=static_id) if static_id else ""
    table = state.get("table")
    if table is None:
        body = "<p>tabwidget: no table loaded yet.</p>"
    else:
        labeling = state["labeling"]
        found = _answer(state["answer"]) if labeling is None else _labels(labeling["report"])
        body = _columns(table, state["choices"], labeling) + _run(state["run"]) + found
    return f'{style}<div class="tabwidget-static{name}">{body}</div>'


def static_text(state: dict[str, Any]) -> str:
    """Return the state in one line of plain text."""
    table = state.get("table")
    if table is None:
        return "tabwidget workbench: no table loaded yet"
    parts = [f"tabwidget workbench: {table['name']}, {table['rows']} rows"]
    if state["run"] is not None:
        parts.append(state["run"]["status"])
    if state["answer"] is not None:
        parts.append(f"{state['answer']['formula']}: {state['answer']['headline']}")
    return _cut("; ".join(parts), 300)


def _columns(
    table: dict[str, Any], choices: dict[str, Any], labeling: dict[str, Any] | None
) -> str:
    if labeling is None:
        targets, task = [choices["target"]], f"{choices['task']} of"
    else:
        targets, task = labeling["labels"], f"labels of {', '.join(labeling['texts'])}:"
    shown = table["columns"][:MAX_COLUMNS]
    rows = _rows(
        (
            column["name"],
            column["kind"],
            f"{column['missing']:.1%} missing" if column["missing"] else "",
            "target" if column["name"] in targets else column["note"],
        )
        for column in shown
    )
    more = len(table["columns"]) - len(shown)
    note = f"<p>… and {more} more columns</p>" if more > 0 else ""
    head = (
        f"<p><b>{_text(table['name'])}</b>: {table['rows']:,} rows × "
        f"{len(table['columns'])} columns, {_text(task)} "
        f"<b>{_text(', '.join(targets))}</b></p>"
    )
    return f"{head}<table>{rows}</table>{note}"


def _run(run: dict[str, Any] | None) -> str:
    if run is None:
        return "<p>Not trained yet.</p>"
    parts = [f"Training: <b>{_text(run['status'])}</b>", f"{run['seconds']:.1f} s"]
    parts.append(f"{run['step']:,} steps")
    for name, key in (("loss", "loss"), ("best validation loss", "best_loss")):
        if run[key] is not None:
            parts.append(f"{name} {run[key]:.3f}")
    error = f"<p>{_text(run['error'], 300)}</p>" if run["error"] else ""
    return f"<p>{', '.join(parts)}</p>{error}"


def _answer(answer: dict[str, Any] | None) -> str:
    if answer is None:
        return ""
    records = answer["records"]
    most = max((record["probability"] or 0 for record in records), default=0) or 1
    likely = sorted(records, key=lambda record: -(record["probability"] or 0))[:MAX_BARS]
    kept = [record for record in records if record in likely]
    rows = "".join(
        f'<tr><td style="{_CELL}">{_text(_short(record["value"]))}</td>'
        f'<td style="{_BAR_CELL}">{_bar((record["probability"] or 0) / most)}</td>'
        f'<td style="{_CELL}">{record["probability"] or 0:.1%}</td></tr>'
        for record in kept
    )
    return (
        f"<p><code>{_text(answer['formula'], 400)}</code></p>"
        f"<p><b>{_text(answer['headline'])}</b> {_text(answer['detail'], 200)}</p>"
        f"<table>{rows}</table>"
    )


def _labels(report: dict[str, Any] | None) -> str:
    if report is None:
        return ""
    shown = report["classes"][:MAX_COLUMNS]
    head = ("label", "texts", "precision", "recall", "F1", "threshold" if report["multi"] else "")
    rows = _rows(
        [
            head,
            *(
                (
                    row["label"],
                    row["support"],
                    *(f"{row[key]:.2f}" for key in ("precision", "recall", "f1")),
                    "" if row["threshold"] is None else f"{row['threshold']:.2f}",
                )
                for row in shown
            ),
        ]
    )
    more = len(report["classes"]) - len(shown)
    note = f"<p>… and {more} more labels</p>" if more > 0 else ""
    return (
        f"<p>Of {report['rows']:,} validation texts: <b>F1 {report['f1_micro']:.3f}</b> (micro), "
        f"{report['f1_macro']:.3f} (macro), accuracy {report['accuracy']:.3f}</p>"
        f"<table>{rows}</table>{note}"
    )


def _rows(rows: Iterable[tuple[Any, ...]], cell: Callable[[Any], str] | None = None) -> str:
    write = cell or _text
    return "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{write(value)}</td>' for value in row) + "</tr>"
        for row in rows
    )


def _bar(part: float) -> str:
    eighths = round(max(0.0, min(1.0, part)) * BAR_WIDTH * 8)
    return "█" * (eighths // 8) + ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(value: Any, most: int = MAX_LETTERS) -> str:
    """Write anything from data: cut to a bounded length and escaped."""
    return escape(_cut("" if value is None else str(value), most))

"""A session as plain HTML: what a saved notebook, nbconvert or GitHub shows without a kernel.

A notebook front end that finds no model behind a widget shows an error instead of another form of
the same output. So the picture is an output of its own, behind the widget: the live widget hides
it, and where there is none, the picture's few style rules hide the error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from tabwidget._formatting import bar, cut_text
from tabwidget.widgets.protocol import State
from tabwidget.widgets.registry import panel_classes

__all__ = ["bar_rows", "escaped", "static_html", "static_text", "table_rows"]

MAX_LETTERS = 80
BAR_WIDTH = 28

_CELL = "text-align:left;padding:1px 10px 1px 0;border:0"
_BAR_CELL = f"{_CELL};color:#3b78d8;white-space:nowrap;font-family:monospace"

# A preceding output without any element inside is a widget that is loading, or an error text.
_STYLE = (
    "<style>.jp-OutputArea-child:has(+ .jp-OutputArea-child .tabwidget-static-{id})"
    " > .jp-OutputArea-output:not(:has(*)) {{ display: none; }}</style>"
)


def static_html(slices: Mapping[str, State], static_id: str = "") -> str:
    """Return the state of the panels as bounded HTML: escaped, no script, under 50 kB.

    Parameters
    ----------
    slices : mapping of str to dict
        The slice of each panel.
    static_id : str, default ""
        Lets the live widget find this picture and hide it.
    """
    name = f" tabwidget-static-{static_id}" if static_id else ""
    style = _STYLE.format(id=static_id) if static_id else ""
    if slices["data"]["table"] is None:
        body = "<p>tabwidget: no table loaded yet.</p>"
    else:
        body = "".join(panel.static(slices) for panel in _shown(slices))
    return f'{style}<div class="tabwidget-static{name}">{body}</div>'


def static_text(slices: Mapping[str, State]) -> str:
    """Return the state in one line of plain text."""
    if slices["data"]["table"] is None:
        return "tabwidget workbench: no table loaded yet"
    parts = [panel.summary(slices) for panel in _shown(slices)]
    return cut_text(f"tabwidget workbench: {'; '.join(filter(None, parts))}", 300)


def table_rows(rows: Iterable[tuple[Any, ...]]) -> str:
    """Return the rows of an HTML table, escaped."""
    return "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escaped(value)}</td>' for value in row) + "</tr>"
        for row in rows
    )


def bar_rows(values: Iterable[tuple[str, float]]) -> str:
    """Return the rows of an HTML table: a name, a bar and a percentage each."""
    listed = list(values)
    largest = max((value for _, value in listed), default=0) or 1
    return "".join(
        f'<tr><td style="{_CELL}">{escaped(name)}</td>'
        f'<td style="{_BAR_CELL}">{bar(BAR_WIDTH * value / largest)}</td>'
        f'<td style="{_CELL}">{value:.1%}</td></tr>'
        for name, value in listed
    )


def escaped(value: Any, most: int = MAX_LETTERS) -> str:
    """Return anything from data as HTML text: cut to a bounded length and escaped."""
    return escape(cut_text("" if value is None else str(value), most))


def _shown(slices: Mapping[str, State]) -> list[Any]:
    """Return the panels, of those that query a model only the task's."""
    asking = slices["task"]["panel"]
    return [p for p in panel_classes().values() if not p.asks or p.name == asking]

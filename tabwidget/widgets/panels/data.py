"""DataPanel: load a table and see its columns."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tabwidget import datasets
from tabwidget.errors import ConfigError, TableError
from tabwidget.session.results import Change
from tabwidget.table import Table
from tabwidget.widgets.frames import user_frames
from tabwidget.widgets.panel import Panel
from tabwidget.widgets.protocol import Handler, Request, State, to_json
from tabwidget.widgets.static_html import escaped, table_rows

if TYPE_CHECKING:
    from tabwidget.widgets.feed import Feed

__all__ = ["DataPanel"]

MAX_COLUMNS = 40  # in the static view

# A table's summary has a histogram per column and is made once.
_summaries: weakref.WeakKeyDictionary[Table, State] = weakref.WeakKeyDictionary()


def _load(request: Request) -> State:
    source, name = request.payload.get("source"), str(request.payload.get("name", ""))
    if source == "sample":
        change = request.session.load(name)
    elif source == "variable":
        found = user_frames().get(name)
        if found is None:
            raise TableError(f"there is no DataFrame {name!r} in this notebook any more")
        change = request.session.load(found, name=name)
    elif source == "path":
        change = request.session.load(Path(name).expanduser())
    elif source == "upload":
        change = _load_upload(request, name)
    else:
        raise ConfigError(f"there is no source {source!r}: sample, variable, path or upload")
    return {"message": change.message}


def _load_upload(request: Request, name: str) -> Change:
    if not request.buffers:
        raise TableError(f"the file {name!r} arrived without its content: try again")
    # Only the last part of the name is kept: it comes from outside.
    safe = Path(name.replace("\\", "/")).name or "table.csv"
    with tempfile.TemporaryDirectory(prefix="tabwidget-") as folder:
        path = Path(folder) / safe
        path.write_bytes(bytes(request.buffers[0]))
        return request.session.load(path, name=path.stem)


def _frames(request: Request) -> State:
    frames = [
        {"name": name, "rows": len(frame), "columns": frame.shape[1]}
        for name, frame in user_frames().items()
    ]
    return {"frames": frames}


class DataPanel(Panel):
    """Load a table and see its columns.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **settings
        Passed on to `Session.choose`.
    """

    name = "data"
    order = 1
    topics = frozenset({"table"})
    handlers: ClassVar[dict[str, Handler]] = {"load": _load, "frames": _frames}

    @classmethod
    def drawn(cls) -> list[str]:
        """Return the panel's name, and that of the list of columns."""
        return [cls.name, "columns"]

    @classmethod
    def slice(cls, feed: Feed) -> State:
        """Return the table's columns and the samples that can be loaded."""
        table = feed.session.table
        if table is not None and table not in _summaries:
            columns = to_json(table.summary())
            _summaries[table] = {"name": table.name, "rows": len(table), "columns": columns}
        return {
            "table": None if table is None else _summaries[table],
            "samples": list(datasets.names()),
        }

    @classmethod
    def static(cls, slices: Mapping[str, State]) -> str:
        """Return the table's name, shape and columns."""
        table, task = slices["data"]["table"], slices["task"]
        roles = task["roles"]
        shown = table["columns"][:MAX_COLUMNS]
        rows = table_rows(
            (
                column["name"],
                column["kind"],
                f"{column['missing']:.1%} missing" if column["missing"] else "",
                roles.get(column["name"], column["note"]),
            )
            for column in shown
        )
        more = len(table["columns"]) - len(shown)
        note = f"<p>… and {more} more columns</p>" if more > 0 else ""
        named = ", ".join(f"{name} ({role})" for name, role in roles.items())
        return (
            f"<p><b>{escaped(table['name'])}</b>: {table['rows']:,} rows × "
            f"{len(table['columns'])} columns, {escaped(task['task'])}: "
            f"<b>{escaped(named)}</b></p><table>{rows}</table>{note}"
        )

    @classmethod
    def summary(cls, slices: Mapping[str, State]) -> str:
        """Return the table's name and number of rows."""
        table = slices["data"]["table"]
        return f"{table['name']}, {table['rows']} rows"

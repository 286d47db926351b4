"""DataPanel: load a table and see its columns."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tabwidget import datasets
from tabwidget.errors import ConfigError, TableError
from tabwidget.table import Table
from tabwidget.widgets.frames import user_frames
from tabwidget.widgets.panel import Panel
from tabwidget.widgets.protocol import Handler, Request, State, to_json
from tabwidget.widgets.static_html import escaped, table_rows
from tabwidget.widgets.uploads import CHUNK_BYTES, Uploads

if TYPE_CHECKING:
    from tabwidget.widgets.feed import Feed

__all__ = ["DataPanel"]

MAX_COLUMNS = 40  # in the static view

# A table's summary has a histogram per column and is made once.
_summaries: weakref.WeakKeyDictionary[Table, State] = weakref.WeakKeyDictionary()

_uploads = Uploads()


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
    else:
        raise ConfigError(f"there is no source {source!r}: sample, variable or path")
    return {"message": change.message}


def _open_upload(request: Request) -> State:
    payload = request.payload
    upload = _uploads.open(str(payload.get("name", "")), int(payload.get("size", 0)))
    return {"upload": upload, "chunk_bytes": CHUNK_BYTES}


def _append_upload(request: Request) -> State:
    chunk = request.buffers[0] if request.buffers else b""
    upload, offset = str(request.payload.get("upload")), int(request.payload.get("offset", 0))
    return {"received": _uploads.append(upload, offset, chunk)}


def _finish_upload(request: Request) -> State:
    with _uploads.finished(str(request.payload.get("upload"))) as path:
        return {"message": request.session.load(path, name=path.stem).message}


def _cancel_upload(request: Request) -> State:
    _uploads.cancel(str(request.payload.get("upload")))
    return {}


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
    handlers: ClassVar[dict[str, Handler]] = {
        "load": _load,
        "frames": _frames,
        "upload-open": _open_upload,
        "upload-append": _append_upload,
        "upload-finish": _finish_upload,
        "upload-cancel": _cancel_upload,
    }

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

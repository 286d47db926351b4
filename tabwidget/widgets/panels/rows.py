"""RowsPanel: the rows of the table in a grid, with predictions and surprises laid over them."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tabwidget.inference.evidence import evidence_to_json
from tabwidget.session import Session
from tabwidget.table import Table
from tabwidget.table.values import plain
from tabwidget.widgets.panel import Panel
from tabwidget.widgets.protocol import Handler, Request, State, to_json
from tabwidget.widgets.static_html import escaped

if TYPE_CHECKING:
    from tabwidget.widgets.feed import Feed

__all__ = ["RowsPanel"]

MAX_PAGE = 400  # rows of one request
MAX_LOOKED_AT = 200  # rows that are predicted or scored for one request
STATIC_ROWS, STATIC_COLUMNS = 10, 12
WIDTH_ROWS = 200  # that the widths of columns are taken from
MIN_WIDTH, MAX_WIDTH = 5, 30  # letters
PREDICTION_LETTERS = 8  # of "~ male 87%" besides the value

# What does not change with the order of the rows is made once per table.
_columns: weakref.WeakKeyDictionary[Table, list[State]] = weakref.WeakKeyDictionary()
_heads: weakref.WeakKeyDictionary[Table, State] = weakref.WeakKeyDictionary()


def _rows(request: Request) -> State:
    session, payload = request.session, request.payload
    with session.lock:
        view = session.rows_view
        start = max(0, int(payload["from"]))
        stop = min(int(payload["to"]), start + MAX_PAGE, len(view.order))
        columns = payload.get("columns") or list(view.table.schema)
        cells = view.cells([str(name) for name in columns], start, stop)
        positions = view.order[start:stop].tolist()
        return {"version": view.version, "from": start, "positions": positions, "cells": cells}


def _view_rows(request: Request) -> State:
    view = request.session.view_rows(**request.payload)
    return {"version": view.version, "total": len(view.order)}


def _select_rows(request: Request) -> State:
    session = request.session
    session.select(*(int(position) for position in request.payload["positions"]))
    return {"given": _given(session)}


def _edit_cell(request: Request) -> State:
    session, payload = request.session, request.payload
    with session.lock:
        position = int(payload["position"])
        if session.selection[-1:] != (position,):
            session.select(position)
        session.edit_cell(str(payload["column"]), payload["value"])
        return {"given": _given(session)}


def _predictions(request: Request) -> State:
    session, payload = request.session, request.payload
    positions = [int(position) for position in payload["positions"]][:MAX_LOOKED_AT]
    columns = [str(name) for name in payload["columns"]]
    missing = session.missing_cells()
    missing.look([session.rows_view.check(position) for position in positions], columns)
    cells = [vars(cell) for cell in missing.known(positions, columns)]
    return {"model": _model_number(session), "cells": cells}


def _surprise(request: Request) -> State:
    session, payload = request.session, request.payload
    if not payload.get("on", True):
        if session.surprise_scan is not None:
            session.surprise_scan.stop()
        return {"model": _model_number(session), "columns": [], "rows": {}, "scored": []}
    positions = [int(position) for position in payload["positions"]][:MAX_LOOKED_AT]
    scan = session.scan_surprise(*positions)
    model = session.model
    assert model is not None  # or there would be no scan
    return {
        "model": _model_number(session),
        "columns": list(model.schema.targets),
        # Asked first: a row may be scored in between.
        "scored": scan.scored(positions),
        "rows": {row: bits.round(2).tolist() for row, bits in scan.bits(positions).items()},
    }


def _surprising_cell(request: Request) -> State:
    session = request.session
    with session.lock:
        view, model, rank = session.rows_view, session.model, int(request.payload["rank"])
        scan = session.surprise_scan
        assert model is not None
        index, found = None, None
        # Cells of rows that are not shown are passed over.
        while scan is not None and index is None:
            found = scan.cell(rank)
            if found is None:
                break
            index, rank = view.index_of(found[0]), rank + 1
        if found is None or index is None:
            return {"found": None}
        position, column, bits = found
        name = model.schema.targets[column]
    return {
        "found": {"position": position, "index": index, "column": name, "bits": bits},
        "next": rank,
    }


class RowsPanel(Panel):
    """The rows of the table in a grid: sort, search, select one as evidence, edit a what-if.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **settings
        Passed on to `Session.choose`.
    """

    name = "rows"
    order = 7
    topics = frozenset({"table", "choices", "rows", "selection", "answer", "cells", "run"})
    handlers: ClassVar[dict[str, Handler]] = {
        "rows": _rows,
        "view-rows": _view_rows,
        "select-rows": _select_rows,
        "edit-cell": _edit_cell,
        "predictions": _predictions,
        "surprise": _surprise,
        "surprising-cell": _surprising_cell,
    }

    @classmethod
    def slice(cls, feed: Feed) -> State:
        """Return the columns, the order of the rows, the selection and the scan's progress."""
        session = feed.session
        table = session.table
        if table is None:
            return {"table": None}
        view = session.rows_view
        if table not in _columns:
            _columns[table] = [_column_state(session, name) for name in table.schema]
            _heads[table] = _head(session)
        scan = session.surprise_scan
        state: State = to_json(
            {
                "table": {"rows": len(table), "columns": _columns[table]},
                "head": _heads[table],
                "view": {**vars(view.settings), "version": view.version, "total": len(view.order)},
                "selected": _selected(session),
                "model": _model_number(session),
                "predicted": session.missing_cells().pieces if _model_number(session) else 0,
                "surprise": None
                if scan is None
                else {
                    **{"done": scan.done, "total": scan.total, "pieces": scan.pieces},
                    "running": scan.running,
                },
            }
        )
        return state

    @classmethod
    def static(cls, slices: Mapping[str, State]) -> str:
        """Return the first rows as a table."""
        head, table = slices["rows"]["head"], slices["rows"]["table"]
        names = "".join(f"<th>{escaped(name)}</th>" for name in head["columns"])
        rows = "".join(
            "<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>"
            for row in head["rows"]
        )
        more = table["rows"] - len(head["rows"])
        note = f"<p>… and {more:,} more rows</p>" if more > 0 else ""
        return f"<table><thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table>{note}"

    @classmethod
    def summary(cls, slices: Mapping[str, State]) -> str:
        """Return which rows are selected, if any."""
        selected = slices["rows"]["selected"]
        return "" if selected is None else f"row {selected['position']} selected"


def _column_state(session: Session, name: str) -> State:
    """Return how a column is drawn and edited."""
    view = session.rows_view
    column = view.table.schema[name]
    rows = range(min(len(view.table), WIDTH_ROWS))
    letters = sorted(len(text) for text in view.text(name).at(list(rows)) if text is not None)
    # Longer cells than most are cut.
    width = letters[int(0.95 * (len(letters) - 1))] if letters else 0
    if column.missing and column.role == "feature":
        width += PREDICTION_LETTERS
    return {
        "name": name,
        "letters": min(MAX_WIDTH, max(MIN_WIDTH, width)),
        "number": column.is_number,
        "used": column.role != "ignored",
        "target": column.role == "feature",
    }


def _head(session: Session) -> State:
    table = session.loaded()
    names = list(table.schema)[:STATIC_COLUMNS]
    rows = list(range(min(len(table), STATIC_ROWS)))
    cells = [session.rows_view.text(name).at(rows) for name in names]
    return {
        "columns": [*names, *(["…"] if len(table.schema) > len(names) else [])],
        "rows": [list(row) for row in zip(*cells, strict=True)],
    }


def _selected(session: Session) -> State | None:
    """Return the newest selected row: its known cells, and those that were edited."""
    if not session.selection:
        return None
    position = session.selection[-1]
    table, view = session.loaded(), session.rows_view
    return {
        "position": position,
        "positions": list(session.selection),
        "index": view.index_of(position),
        "values": {name: plain(value) for name, value in table.row(position).items()},
        "edits": {name: _edited_text(value) for name, value in session.edits.items()},
    }


def _edited_text(value: Any) -> str | None:
    return None if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _given(session: Session) -> State:
    if not session.selection:
        return {}
    return {name: evidence_to_json(value) for name, value in session.row_evidence().items()}


# Numbers of the models that have answered, so that a page can drop what an older one said.
_numbers: weakref.WeakKeyDictionary[Session, tuple[Any, int]] = weakref.WeakKeyDictionary()


def _model_number(session: Session) -> int:
    """Return a number that grows with each model of a session; 0 before there is one."""
    if session.current_model is None or not session.current_model.ready:
        return 0
    key, (known, number) = session.scored_by(), _numbers.get(session, (None, 0))
    if key != known:
        number += 1
        _numbers[session] = (key, number)
    return number

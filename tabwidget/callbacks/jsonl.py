"""JSONLCallback: one JSON object per event and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tabwidget.callbacks.base import Callback
from tabwidget.events import Event, TrainingState, to_dict
from tabwidget.table.values import plain

__all__ = ["JSONLCallback"]


class JSONLCallback(Callback):
    r"""Appends every event to a file as ``{"event": "TrainReport", "seconds": …}``.

    `tabwidget.events.from_dict` restores the event of a line.

    Parameters
    ----------
    path : str or Path
        Appended to; never truncated.

    Examples
    --------
    >>> import tempfile
    >>> from tabwidget.events import RowEnd
    >>> path = Path(tempfile.mkdtemp()) / "fit.jsonl"
    >>> JSONLCallback(path).on_event(TrainingState(), RowEnd(0.5, 20))
    >>> path.read_text()
    '{"event": "RowEnd", "seconds": 0.5, "rows_done": 20}\n'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def on_event(self, state: TrainingState, event: Event) -> None:
        """Write one event."""
        text = json.dumps(_safe(to_dict(event)), ensure_ascii=False, allow_nan=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")


def _safe(value: Any) -> Any:
    """Return a value in strict JSON types; NaN and infinity (unknown losses) become None."""
    if isinstance(value, dict):
        return {key: _safe(item) for key, item in value.items()}
    return [_safe(item) for item in value] if isinstance(value, tuple) else plain(value)

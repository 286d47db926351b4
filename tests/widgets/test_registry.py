"""The registry: a new panel is one file in the folder, and nothing else in Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tabwidget.session import Session
from tabwidget.widgets import Workbench, panels
from tabwidget.widgets.registry import handlers, panel_classes
from tabwidget.widgets.static_html import static_html, static_text

TOPICS = {"table", "choices", "run", "answer", "rows", "selection", "cells"}  # of a session

COUNT = """
from tabwidget.widgets.panel import Panel

__all__ = ["CountPanel"]


def _row(request):
    frame = request.session.loaded().frame
    return {"cells": frame.iloc[int(request.payload["row"])].to_dict()}


class CountPanel(Panel):
    name = "count"
    order = 9
    topics = frozenset({"table"})
    handlers = {"row": _row}

    @classmethod
    def slice(cls, feed):
        return {"count": len(feed.session.loaded())}

    @classmethod
    def static(cls, slices):
        return f"<p>{slices['count']['count']} rows here</p>"

    @classmethod
    def summary(cls, slices):
        return "a panel of rows"
"""


@pytest.fixture
def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a panel into a folder of its own, beside those of the package."""
    (tmp_path / "count.py").write_text(COUNT, encoding="utf-8")
    monkeypatch.setattr(panels, "__path__", [*panels.__path__, str(tmp_path)])
    for cached in (panel_classes, handlers):
        cached.cache_clear()
    yield
    for cached in (panel_classes, handlers):
        cached.cache_clear()


def test_a_new_panel_is_one_file(count: None) -> None:
    bench = Workbench(Session("iris"))
    assert bench.panels[-1] == "count"
    assert bench.slices["count"] == {"count": 150}
    sent: list[dict[str, object]] = []
    bench.send = lambda content, buffers=None: sent.append(content)
    bench._handle_custom_msg({"id": "1", "kind": "row", "payload": {"row": 0}}, [])
    assert sent[0]["ok"]["cells"]["species"] == "setosa"  # type: ignore[index]
    assert "150 rows here" in static_html(bench.slices)
    assert "a panel of rows" in static_text(bench.slices)
    bench.close()


def test_every_panel_declares_what_the_workbench_needs() -> None:
    for name, panel in panel_classes().items():
        assert panel.name == name
        assert panel.topics <= TOPICS
    assert sum(panel.asks for panel in panel_classes().values()) == 2

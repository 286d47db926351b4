"""The widgets as Python objects: what they send, what they show without a kernel."""

from __future__ import annotations

import html.parser
import json
import subprocess
import sys
from typing import Any

import pandas as pd
import pytest

from tabwidget.session import Session
from tabwidget.widgets import (
    ColumnsPanel,
    DataPanel,
    LabelsPanel,
    QueryPanel,
    TaskPanel,
    TrainPanel,
    Workbench,
)
from tabwidget.widgets.static_html import static_html, static_text

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"
FRAME = pd.DataFrame({HOSTILE: [1.0, 2.0, 3.0, 4.0], "g": ["a", "b", "a", HOSTILE]})


class Tags(html.parser.HTMLParser):
    """Collects the tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)


def heard(panel: Workbench, content: dict[str, Any]) -> list[dict[str, Any]]:
    """Let the panel handle a message, and return what it sends."""
    sent: list[dict[str, Any]] = []
    panel.send = lambda content, buffers=None: sent.append(content)
    panel._handle_custom_msg(content, [])
    return sent


@pytest.mark.parametrize(
    ("panel", "drawn"),
    [
        (ColumnsPanel, ["columns"]),
        (DataPanel, ["data", "columns"]),
        (TaskPanel, ["task"]),
        (TrainPanel, ["train"]),
        (QueryPanel, ["query", "labels", "columns"]),
        (LabelsPanel, ["labels"]),
        (Workbench, ["data", "task", "train", "columns", "query", "labels", "rows"]),
    ],
)
def test_each_panel_draws_its_part_of_one_session(panel: type[Workbench], drawn: list[str]) -> None:
    session = Session("penguins")
    widget = panel(session)
    assert widget.session is session
    assert widget.panels == drawn
    assert widget.slices["data"]["table"]["name"] == "penguins"
    json.dumps(widget.slices, allow_nan=False)
    widget.close()


def test_a_request_is_answered_over_the_wire() -> None:
    bench = Workbench("penguins")
    asked = {"id": "1", "kind": "choose", "payload": {"serializer": "nonsense"}}
    (reply,) = heard(bench, asked)
    assert reply["type"] == "reply"
    assert "nonsense" in reply["error"]
    assert heard(bench, {"kind": "anywidget-command", "id": "1"}) == []
    bench.close()


def test_no_table_at_all_is_shown_as_such() -> None:
    bench = Workbench()
    assert bench.slices["data"]["table"] is None
    assert "no table" in bench._repr_mimebundle_()[0]["text/html"]
    bench.close()


def test_the_static_picture_is_escaped_bounded_and_without_script() -> None:
    bench = Workbench(FRAME)
    data, _ = bench._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "penguins" not in data["text/html"]
    tags = Tags(data["text/html"])
    assert not tags.tags & {"script", "img", "iframe", "style"}
    assert "&lt;script&gt;" in data["text/html"]
    bench.close()


def test_the_static_picture_stays_under_50_kb_for_a_wide_table() -> None:
    name = "<" * 200
    wide = pd.DataFrame({f"{name}{i}": [1.0, 2.0, 3.5] for i in range(300)})
    bench = Workbench(wide)
    picture = static_html(bench.slices, "abc")
    assert len(picture.encode()) < 50_000
    assert "more columns" in picture
    assert len(static_text(bench.slices)) <= 300
    bench.close()


def test_closing_leaves_the_session_free() -> None:
    session = Session("penguins")
    first, second = Workbench(session), DataPanel(session)
    assert first._feed is second._feed
    feed = first._feed
    first.close()
    second.close()
    assert feed._listeners == []


def test_importing_the_widgets_imports_neither_torch_nor_altair() -> None:
    code = "import sys, tabwidget.widgets; print({'torch', 'altair'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_notebook_that_is_executed_and_saved_shows_the_end_of_the_run() -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    cells = [
        "from tabwidget.widgets import TrainPanel\n"
        "panel = TrainPanel('iris', max_seconds=0.5)\npanel",
        "panel.session.start().wait(100)",
    ]
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=made)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    pages = [output["data"].get("text/html", "") for output in notebook.cells[0].outputs]
    assert any("Training:" in page for page in pages)
    assert not any("running" in page for page in pages)
    widgets = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    runs = [
        w["state"]["train_slice"]["run"] for w in widgets.values() if "train_slice" in w["state"]
    ]
    assert [run["status"] for run in runs] == ["done"]


def test_a_closed_panel_is_displayed_as_a_notice(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Workbench("penguins")
    bench._ipython_display_()
    bench.close()
    bench.close()
    data, metadata = bench._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"] == "This Workbench was closed: make a new one, Workbench(session)."
    assert metadata == {}
    capsys.readouterr()
    bench._ipython_display_()
    assert "was closed" in capsys.readouterr().out
    # What the feed was about to send arrives nowhere, and is no error.
    bench.receive_batch(({"type": "batch"}, []))
    bench.receive_slices(bench.slices, "")
    bench.refresh_picture()


def test_of_two_workbenches_over_a_session_one_can_be_closed() -> None:
    session = Session("penguins")
    first, second = Workbench(session), Workbench(session)
    first.close()
    session.choose(target="island")
    second._feed.tick()
    assert second.slices["task"]["settings"]["target"] == "island"
    third = Workbench(session)
    assert third.slices["task"]["settings"]["target"] == "island"
    asked = {"id": "1", "kind": "choose", "payload": {"target": "sex"}}
    assert "ok" in heard(third, asked)[0]
    second._feed.tick()
    assert second.slices["task"]["settings"]["target"] == "sex"
    second.close()
    third.close()

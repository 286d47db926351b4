"""The built bundle alone: a page with no JupyterLab, no eval allowed, and a model of straw."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.lab import HERE, watched_page

STATIC = HERE / "tabwidget" / "widgets" / "static"
ORIGIN = "http://localhost"
POLICY = (
    "default-src 'none'; script-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src data:"
)
HTML = """<!doctype html><html><head><link rel="icon" href="data:,">
<link rel="stylesheet" href="/workbench.css"></head>
<body style="background:BACKGROUND;color:COLOUR"><div id="root"></div>
<script type="module" src="/page.js"></script></body></html>"""
PAGE = """
import widget from "/workbench.js";
const state = STATE;
const handlers = {};
const chart = CHART;
const buffers = [new DataView(new TextEncoder().encode(SCRIPT).buffer)];
const COST = { n_parameters: 9, n_trained: 9, tokens_per_row: 3, seconds_per_epoch: 1, memory: 2e6,
  free: 1e9, advice: "" };
const model = {
  get: (key) => state[key],
  on: (name, handler) => (handlers[name] ??= []).push(handler),
  off: () => {},
  set: () => {},
  save_changes: () => {},
  send: ({ id, kind, payload }) => {
    const ok = kind === "loss-chart" ? { spec: chart }
      : kind === "survey" ? { formula: "g", columns: {}, rest: [] }
      : kind === "cost" ? { cost: COST }
      : { text: '{"g": "a"}', spans: [{ column: "g", name: [1, 4], value: [6, 9] }], row: 0,
          tokens: [[4, false], [9, true], [10, false]], labels: null, read: 10 };
    const reply = { type: "reply", id, ok };
    setTimeout(() => handlers["msg:custom"].forEach((h) => h(reply, buffers)));
  },
};
widget.render({ model, el: document.getElementById("root") });
"""


def bar_chart(name: str, x: str, y: str) -> dict[str, object]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"name": name},
        "mark": "bar",
        "encoding": {
            "x": {"field": x, "type": "quantitative", "axis": {"labelExpr": "datum.value * 1"}},
            "y": {"field": y, "type": "nominal"},
        },
        "datasets": {name: []},
    }


def state() -> dict[str, object]:
    columns = [
        {
            **{"name": name, "kind": "categorical", "role": "feature", "dtype": "object"},
            **{"missing": 0, "n_unique": 2, "note": "", "integer": False},
            **{"low": None, "high": None, "levels": ["a", "b"]},
            "histogram": [{"label": "a", "low": None, "high": None, "count": 3}],
        }
        for name in ("g", "h")
    ]
    records = [{"value": "a", "probability": 0.7}, {"value": "b", "probability": 0.3}]
    answer = {
        **{"number": 1, "target": "g", "kind": "categorical", "records": records},
        **{"headline": "a 70.0%", "detail": "then b 30.0%", "seconds": 0.004},
        **{"python": "lm.conditional('g')", "formula": "g", "second": None, "joint": None},
        "matching": {
            **{"rows": 3, "matching": 3, "shares": [0.7, 0.3]},
            **{"low": [0.3, 0.1], "high": [0.9, 0.6]},
        },
    }
    run = {
        **{"number": 1, "next": 0, "curve": [], "examples": [], "status": "done", "error": None},
        **{"step": 3, "epoch": 1, "seconds": 1, "metrics": {}, "phase": "", "note": ""},
    }
    backend = {"name": "minilm", "title": "text", "pretrained": False, "text": True}
    settings = {
        **{"target": "g", "serializer": "json", "backend": "minilm"},
        **{"model": "", "rank": None, "quantization": None},
    }
    offers = {"serializers": ["json"], "backends": [{**backend, "standard": "", "command": ""}]}
    task = {
        **{"tasks": ["classification"], "task": "classification", "kind": "rows"},
        **{"panel": "query", "roles": {"g": "target"}, "hint": "", "max_seconds": 10},
        **{"settings": settings, "offers": offers},
    }
    question: dict[str, object] = {"formula": "g", "target": "g", "second": None, "given": {}}
    slices = {
        "data": {
            "table": {"name": "straw", "rows": 3, "columns": columns},
            "samples": ["penguins"],
        },
        "task": task,
        "train": {"ready": True, "run": run, "sources": ["pretrained"], "gains": []},
        "columns": {"alerts": {}},
        "query": {"question": question, "answer": answer},
        "labels": {},
        "rows": {"table": None},
    }
    return {
        "panels": list(slices),
        **{"framed": False, "seen": 0, "static_id": "abc", "python": ""},
        **{f"{name}_slice": part for name, part in slices.items()},
    }


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    dark = getattr(request, "param", False)
    chart = bar_chart("losses", "loss", "split")
    script = PAGE.replace("STATE", json.dumps(state())).replace("CHART", json.dumps(chart))
    bundle = (STATIC / "charts.js").read_text(encoding="utf-8")
    script = script.replace("SCRIPT", json.dumps(bundle))
    colors = {"BACKGROUND": "#111" if dark else "#fff", "COLOUR": "#eee" if dark else "#111"}
    html = HTML
    for name, color in colors.items():
        html = html.replace(name, color)

    def serve(route: Route) -> None:
        name = route.request.url.removeprefix(f"{ORIGIN}/")
        if name == "bench":
            headers = {"Content-Security-Policy": POLICY}
            route.fulfill(body=html, content_type="text/html", headers=headers)
        elif name == "page.js":
            route.fulfill(body=script, content_type="text/javascript")
        else:
            route.fulfill(path=STATIC / name)

    watched = watched_page(browser, width=1100, height=1200)
    watched.page.route(f"{ORIGIN}/*", serve)
    watched.page.goto(f"{ORIGIN}/bench")
    yield watched.page
    watched.page.close()
    assert watched.complaints == []
    assert watched.strangers == []


@pytest.mark.parametrize("page", [False, True], ids=["light", "dark"], indirect=True)
def test_it_draws_without_eval_in_a_page_that_is_not_jupyterlab(
    page: Page, request: pytest.FixtureRequest
) -> None:
    theme = "dark" if "dark" in request.node.name else "light"
    expect(page.locator(".tw-root")).to_have_attribute("data-tw-theme", theme)
    expect(page.get_by_label("Distribution of g").locator(".tw-level-bar")).to_have_count(2)
    expect(page.get_by_label("Loss curve").locator("svg")).to_be_visible()
    expect(page.get_by_label("Serialized row")).to_have_text('{"g": "a"}')
    widths = page.locator(".tw-root").evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert widths[0] <= widths[1]

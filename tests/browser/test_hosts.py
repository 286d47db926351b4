"""Notebook 7 and marimo: a table is loaded, trained on, and its answer follows the mouse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.lab import KNOWN_NOISE, execute, open_notebook, running_lab, watched_page

# What Notebook 7 itself says of a notebook that holds nothing but 1 + 1.
NOTEBOOK_NOISE = (
    *KNOWN_NOISE,
    "Menu entry for command 'filemenu:close-and-cleanup' is duplicated.",
    "Menu entry for command 'debugger:show-panel' is duplicated.",
    "Menu entry for command 'toc:show-panel' is duplicated.",
    "[yjs#509] Not same Y.Doc",
    "page error: Cannot read properties of undefined (reading 'schema')",
)
WORKBENCH = "Workbench('penguins', target='species', max_seconds=2)"
MARIMO = f"""
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    from tabwidget.widgets import Workbench

    bench = mo.ui.anywidget({WORKBENCH})
    bench
    return bench, mo


@app.cell
def _(bench, mo):
    mo.md(f"the value is a {{type(bench.value).__name__}}")
    return


if __name__ == "__main__":
    app.run()
"""


def train_and_drag(root: Locator) -> None:
    """Train, then drag a slider with the mouse until the answer has moved."""
    answer = root.get_by_label("Answer", exact=True)
    expect(answer).to_contain_text(re.compile(r"\d%"), timeout=60_000)
    root.get_by_role("button", name="Train", exact=True).click()
    stop = root.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_enabled(timeout=60_000)
    expect(stop).to_be_disabled(timeout=60_000)

    slider = root.get_by_label("flipper_length_mm slider")
    # In a narrow host the answer is on top of what scrolls below it.
    root.locator(".tw-rail").evaluate("rail => rail.scrollIntoView({ block: 'end' })")
    slider.scroll_into_view_if_needed()
    for end, species in ((0.95, "Gentoo"), (0.05, "Adelie")):
        drag(root.page, slider, end)
        expect(answer).to_contain_text(re.compile(f"^{species}"))
        expect(root.get_by_label("Formula")).to_have_value(
            re.compile(r"^species \| flipper_length_mm=")
        )
    expect(root.get_by_label("Distribution of species")).to_be_visible()


def drag(page: Page, slider: Locator, end: float) -> None:
    """Drag a slider from its middle to a share of its length."""
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, middle, steps=10)
    page.mouse.up()


def test_notebook_7(browser: Browser, tmp_path: Path) -> None:
    pytest.importorskip("notebook", reason="notebook is not installed")
    with running_lab(tmp_path, app="notebook") as lab:
        watched = watched_page(browser)
        watched.forgiven = NOTEBOOK_NOISE
        lab.write("host.ipynb", [f"from tabwidget.widgets import Workbench\n{WORKBENCH}"])
        open_notebook(watched.page, lab, "host.ipynb")
        execute(watched.page, "notebook:run-all-cells")
        train_and_drag(watched.page.locator(".tw-root"))
        watched.page.close()
    assert watched.complaints == []
    assert watched.strangers == []


def test_marimo(browser: Browser, tmp_path: Path) -> None:
    pytest.importorskip("marimo", reason="marimo is not installed")
    from tests.browser.marimo_app import MARIMO_NOISE, running_marimo

    with running_marimo(tmp_path, MARIMO) as address:
        watched = watched_page(browser)
        watched.forgiven = MARIMO_NOISE
        watched.page.goto(address)
        train_and_drag(watched.page.locator(".tw-root"))
        expect(watched.page.get_by_text("the value is a dict", exact=True)).to_be_visible()
        watched.page.close()
    assert watched.complaints == []
    assert watched.strangers == []

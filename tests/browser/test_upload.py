"""A file larger than one message of Jupyter arrives, and the kernel stays connected."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, expect

from tests.browser.lab import Lab, Watched, execute, open_notebook, watched_page

NOTEBOOK = "upload.ipynb"
N_ROWS = 330_000  # of 90 bytes: three times the largest message

NOTE_CONNECTION = """() => {
  const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
  window.connections = [kernel.connectionStatus];
  kernel.connectionStatusChanged.connect((_, status) => window.connections.push(status));
}"""


@pytest.fixture
def watched(lab: Lab, browser: Browser) -> Iterator[Watched]:
    watched = watched_page(browser)
    lab.write(NOTEBOOK, ["from tabwidget.widgets import DataPanel\npanel = DataPanel()\npanel"])
    open_notebook(watched.page, lab, NOTEBOOK)
    execute(watched.page, "notebook:run-all-cells")
    yield watched
    watched.page.close()
    assert watched.complaints == []
    assert watched.strangers == []


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    numbers = {f"x{i}": rng.normal(size=N_ROWS) for i in range(4)}
    frame = pd.DataFrame({**numbers, "g": rng.choice(["yes", "no"], N_ROWS)})
    path = tmp_path_factory.mktemp("upload") / "large.csv"
    frame.to_csv(path, index=False)
    assert path.stat().st_size > 25 * 2**20
    return path


def test_a_large_file_arrives_and_the_kernel_stays_connected(watched: Watched, large: Path) -> None:
    page = watched.page
    root = page.locator(".tw-root")
    page.evaluate(NOTE_CONNECTION)
    root.get_by_text("upload", exact=True).click()
    began = time.perf_counter()
    root.get_by_label("File", exact=True).set_input_files(large)
    expect(root.get_by_label("Upload of large.csv")).to_be_visible()
    expect(root.get_by_role("region", name="Data", exact=True)).to_contain_text(
        f"{N_ROWS:,} rows", timeout=180_000
    )
    print(f"{large.stat().st_size / 1e6:.1f} MB in {time.perf_counter() - began:.1f} s")
    expect(root.get_by_label("Upload of large.csv")).to_have_count(0)
    assert page.evaluate("window.connections") == ["connected"]


def test_a_canceled_upload_leaves_the_panel_as_it_was(watched: Watched, large: Path) -> None:
    page = watched.page
    root = page.locator(".tw-root")
    page.evaluate(NOTE_CONNECTION)
    root.get_by_text("upload", exact=True).click()
    root.get_by_label("File", exact=True).set_input_files(large)
    root.get_by_role("button", name="Cancel", exact=True).click()
    expect(root.get_by_label("Upload of large.csv")).to_have_count(0)
    expect(root).to_contain_text("no table yet")
    assert page.evaluate("window.connections") == ["connected"]

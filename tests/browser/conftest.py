"""One server, one browser and one page for all browser tests."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.lab import Lab, Watched

REQUIRED = os.environ.get("TABWIDGET_REQUIRE_BROWSER") == "1"
if REQUIRED and importlib.util.find_spec("playwright") is None:
    raise RuntimeError("TABWIDGET_REQUIRE_BROWSER=1, but playwright is not installed")
NOTEBOOK = "story.ipynb"
CELLS = [
    "import pandas as pd\nfrom tabwidget.widgets import DataPanel, QueryPanel, Workbench\n"
    "toy = pd.DataFrame({'a': [1, 2, 3, 4] * 5, 'b': list('xyxy') * 5})",
    "bench = Workbench('penguins', target='species', max_seconds=40)\nbench",
    "bench",
    "QueryPanel(bench.session)",
    "DataPanel()",
]


def _missing() -> str:
    """Return why these tests cannot run, or an empty string."""
    try:
        import jupyterlab  # noqa: F401
        import playwright  # noqa: F401
    except ImportError as error:
        return f"{error.name} is not installed: pip install 'tabwidget[test]'"
    from tests.browser.lab import HERE, chromium

    if chromium() is None:
        return "there is no chromium: install it with the system's package manager"
    if not (HERE / "tabwidget" / "widgets" / "static" / "workbench.js").is_file():
        return "the front end is not built: npm ci && npm run build in js/"
    return ""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reason = _missing()
    if reason and REQUIRED:
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="session")
def lab(folder: Path) -> Iterator[Lab]:
    from tests.browser.lab import running_lab

    with running_lab(folder) as lab:
        yield lab


@pytest.fixture(scope="session")
def browser(folder: Path) -> Iterator[Browser]:
    from tests.browser.lab import running_browser

    with running_browser(folder) as browser:
        yield browser


@pytest.fixture(scope="session")
def watched(lab: Lab, browser: Browser) -> Iterator[Watched]:
    from tests.browser.lab import execute, open_notebook, watched_page

    watched = watched_page(browser)
    lab.write(NOTEBOOK, CELLS)
    open_notebook(watched.page, lab, NOTEBOOK)
    execute(watched.page, "notebook:run-all-cells")
    yield watched
    watched.page.close()

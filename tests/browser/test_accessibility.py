"""axe finds nothing wrong with the workbench, in any theme, on a small table and on a wide one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import available, violations
from tests.browser.conftest import REQUIRED
from tests.browser.lab import Lab, execute, open_notebook, watched_page

WIDE = (
    "from tests.benchmarks.mixed_frames import mixed_frame\n"
    "wide = mixed_frame(37)\n"
    "wide.columns = [f'{name}_{\"with_a_name_of_forty_six_letters_in_all\"}'[:46].ljust(46, 'x')\n"
    "                for name in wide.columns]\n"
)
TABLES = {
    "penguins": "table, target = 'penguins', 'species'\n",
    "37 columns": WIDE + "table, target = wide, wide.columns[0]\n",
}
SHOW = "from tabwidget.widgets import Workbench\nWorkbench(table, target=target, max_seconds=2)"

# JupyterLab's theme, and what the person's system asks for.
LOOKS = {
    "light": ("Light", {}),
    "dark": ("Dark", {}),
    "forced colors": ("Light", {"forced_colors": "active"}),
    "reduced motion": ("Light", {"reduced_motion": "reduce"}),
}
AS_USUAL = {"forced_colors": "none", "reduced_motion": "no-preference"}


@pytest.fixture(scope="module", params=TABLES)
def page(request: pytest.FixtureRequest, lab: Lab, browser: Browser) -> Iterator[Page]:
    if not available():
        reason = "axe-core is not installed: npm ci in js/"
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)
    watched = watched_page(browser)
    page = watched.page
    lab.write("axe.ipynb", [TABLES[request.param] + SHOW])
    open_notebook(page, lab, "axe.ipynb")
    execute(page, "notebook:run-all-cells")
    answer = page.locator(".tw-root").get_by_label("Answer", exact=True)
    expect(answer).to_contain_text(re.compile(r"\d%"), timeout=60_000)
    expect(page.locator('.tw-root [aria-label^="Distribution of"]').first).to_be_visible()
    yield page
    page.close()
    assert watched.complaints == []


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(page: Page, look: str) -> None:
    theme, media = LOOKS[look]
    page.emulate_media(**{**AS_USUAL, **media})  # type: ignore[arg-type]
    execute(page, "apputils:change-theme", {"theme": f"JupyterLab {theme}"})
    expect(page.locator(".tw-root")).to_have_attribute("data-tw-theme", theme.lower())
    page.wait_for_timeout(1000)  # colors fade into each other
    found = violations(page)
    assert not found, "\n" + "\n".join(found)


def test_axe_finds_nothing_after_training(page: Page) -> None:
    root = page.locator(".tw-root")
    stop = root.get_by_role("button", name="Stop", exact=True)
    root.get_by_role("button", name="Train", exact=True).click()
    expect(stop).to_be_enabled(timeout=60_000)
    expect(stop).to_be_disabled(timeout=60_000)
    found = violations(page)
    assert not found, "\n" + "\n".join(found)

"""The rows of a table of 50,000 × 19 in a real JupyterLab; the tests run in this order."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.lab import Lab, Watched, execute, open_notebook, watched_page

NOTEBOOK = "rows.ipynb"
CELLS = [
    "import numpy as np, pandas as pd\n"
    "from tabwidget.session import Session\n"
    "from tabwidget.widgets.panels.rows import RowsPanel\n"
    "rng, n = np.random.default_rng(0), 50_000\n"
    "frame = pd.DataFrame({f'n{i}': rng.normal(i, 1, n).round(2) for i in range(17)})\n"
    "frame.insert(0, 'id', np.arange(n) % 1000)\n"
    "frame['group'] = np.where(frame['n0'] > 0, 'high', 'low')\n"
    "frame.loc[3, 'group'] = None\n"
    "session = Session(frame, target='group', backend='pretrained')\n"
    "RowsPanel(session)",
    "RowsPanel(session)",
]
WAITING = ".tw-rows-wait"


@pytest.fixture(scope="module")
def shown(lab: Lab, browser: Browser) -> Iterator[Watched]:
    watched = watched_page(browser, 1400, 1300)
    lab.write(NOTEBOOK, CELLS)
    open_notebook(watched.page, lab, NOTEBOOK)
    execute(watched.page, "notebook:run-all-cells")
    yield watched
    watched.page.close()


@pytest.fixture
def page(shown: Watched) -> Iterator[Page]:
    shown.complaints.clear()
    yield shown.page
    assert shown.complaints == []
    assert shown.strangers == []


def grid(page: Page, which: int = 0) -> Locator:
    return page.get_by_role("grid", name="Rows").nth(which)


def row(page: Page, index: int, which: int = 0) -> Locator:
    """Return the row shown at a place, from 0."""
    return grid(page, which).locator(f'[role="row"][aria-rowindex="{index + 2}"]')


def cell(page: Page, index: int, column: int, which: int = 0) -> Locator:
    """Return a cell by the places of its row and column, from 0."""
    return row(page, index, which).locator(f'[aria-colindex="{column + 1}"]')


def test_only_what_is_on_screen_is_drawn(page: Page) -> None:
    expect(cell(page, 0, 0)).to_have_text("0", timeout=90_000)
    expect(grid(page)).to_have_attribute("aria-rowcount", "50001")
    expect(grid(page)).to_have_attribute("aria-colcount", "19")
    assert grid(page).get_by_role("row").count() < 80
    assert grid(page).locator("*").count() < 2500


def test_a_missing_cell_shows_a_prediction(page: Page) -> None:
    grid(page).evaluate("grid => { grid.scrollLeft = 10_000; }")
    expect(cell(page, 3, 18)).to_have_text(re.compile(r"^~ (high|low) >?\d+%$"), timeout=90_000)
    grid(page).evaluate("grid => { grid.scrollLeft = 0; }")


def test_scrolling_to_the_end_and_back_shows_the_rows(page: Page) -> None:
    for place in (0.5, 1.0, 0.25, 0.0):
        index = grid(page).evaluate(
            """(grid, place) => {
              grid.scrollTop = place * (grid.scrollHeight - grid.clientHeight);
              return Math.ceil(grid.scrollTop / 28) + 3;
            }""",
            place,
        )
        expect(cell(page, index, 0)).to_have_text(str(index % 1000))
    expect(grid(page).locator(WAITING)).to_have_count(0)


def test_steady_scrolling_never_shows_a_blank_for_long(page: Page) -> None:
    blank = grid(page).evaluate(
        """async (grid) => {
          const frame = () => new Promise(requestAnimationFrame);
          let blank = 0, frames = 0;
          for (; frames < 120; frames++) {
            grid.scrollTop += 56;
            await frame();
            blank += grid.querySelector('.tw-rows-wait') !== null;
          }
          return blank / frames;
        }"""
    )
    assert blank < 0.2
    grid(page).evaluate("grid => { grid.scrollTop = 0; }")


def test_a_click_sorts_in_both_panels(page: Page) -> None:
    button = grid(page).get_by_label("Sort by n0", exact=True)
    button.click()
    button.click()
    header = grid(page).get_by_role("columnheader").nth(1)
    expect(header).to_have_attribute("aria-sort", "descending")
    values = [float(cell(page, i, 1).inner_text()) for i in range(5)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 3
    expect(cell(page, 0, 1, which=1)).to_have_text(cell(page, 0, 1).inner_text())
    button.click()
    expect(header).to_have_attribute("aria-sort", "none")
    expect(cell(page, 1, 0)).to_have_text("1")


def test_a_search_leaves_the_rows_that_contain_it(page: Page) -> None:
    search = page.get_by_label("Search rows").first
    search.fill("HIGH")
    count = page.locator(".tw-rows-count").first
    expect(count).to_have_text(re.compile(r"^2\d,\d\d\d of 50,000 rows$"))
    search.fill("")
    expect(count).to_have_text("50,000 rows")


def test_a_selected_row_is_the_evidence_everywhere(page: Page) -> None:
    cell(page, 4, 1).click()
    for which in (0, 1):
        expect(row(page, 4, which)).to_have_attribute("aria-selected", "true")
    label = page.get_by_text(re.compile(r"matching rows only \(\d+ of 50,000\)"))
    expect(label.first).to_be_visible(timeout=60_000)


def test_an_edited_cell_is_a_what_if(page: Page) -> None:
    before = cell(page, 4, 2).inner_text()
    cell(page, 4, 2).dblclick()
    page.keyboard.press("Control+a")
    page.keyboard.type("2.5")
    page.keyboard.press("Enter")
    for which in (0, 1):
        expect(cell(page, 4, 2, which)).to_have_text("2.5")
        expect(cell(page, 4, 2, which)).to_have_class(re.compile("tw-rows-edited"))
    page.keyboard.type("tall")
    page.keyboard.press("Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("'n1' is numeric, but 'tall' is not a number")
    cell(page, 5, 2).click()
    expect(cell(page, 4, 2)).to_have_text(before)


def test_the_keyboard_goes_to_the_last_row(page: Page) -> None:
    grid(page).focus()
    page.keyboard.press("Control+End")
    expect(cell(page, 49_999, 18)).to_have_class(re.compile("tw-rows-active"))
    expect(cell(page, 49_999, 18)).to_have_text(re.compile("high|low"))
    page.keyboard.press("Control+Home")
    expect(cell(page, 0, 0)).to_have_text("0")


def test_surprise_shades_the_cells_on_screen(page: Page) -> None:
    page.get_by_label("surprise", exact=True).first.check()
    shaded = grid(page).locator(".tw-rows-bits")
    expect(shaded.first).to_be_visible(timeout=120_000)
    expect(page.locator(".tw-rows-count").first).to_have_text(re.compile("surprise"))
    page.get_by_label("surprise", exact=True).first.uncheck()
    expect(shaded).to_have_count(0)

"""A table that is loaded in a real JupyterLab is answered at once, and follows the mouse."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, Locator, expect

from tests.browser.lab import Lab, Watched, execute, open_notebook, watched_page

NOTEBOOK = "first.ipynb"
EVENTS_PER_SECOND = 60
SECONDS = 4.0

# Counts the changes of the drawn distribution, without forcing frames of its own.
COUNT_REDRAWS = """() => {
  const count = { redraws: 0, began: performance.now() };
  new MutationObserver(() => { count.redraws += 1; }).observe(
    document.querySelector('[aria-label^="Distribution of"]'),
    { subtree: true, childList: true, attributes: true, attributeFilter: ["d", "style"] },
  );
  window.redrawCount = count;
}"""


@pytest.fixture
def watched(lab: Lab, browser: Browser) -> Iterator[Watched]:
    watched = watched_page(browser)
    lab.write(NOTEBOOK, ["from tabwidget.widgets import Workbench\nbench = Workbench()\nbench"])
    open_notebook(watched.page, lab, NOTEBOOK)
    execute(watched.page, "notebook:run-all-cells")
    yield watched
    watched.page.close()
    assert watched.complaints == []
    assert watched.strangers == []


def drag(slider: Locator, seconds: float) -> None:
    """Drag a slider to and fro with 60 mouse events a second."""
    page = slider.page
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    began = time.perf_counter()
    for event in range(int(seconds * EVENTS_PER_SECOND)):
        share = abs((event / EVENTS_PER_SECOND) % 2 - 1)  # a second for each way
        page.mouse.move(box["x"] + box["width"] * (0.05 + 0.9 * share), middle)
        left = began + event / EVENTS_PER_SECOND - time.perf_counter()
        if left > 0:
            time.sleep(left)
    page.mouse.up()


def test_a_slider_moves_the_answer_as_soon_as_a_table_is_loaded(
    watched: Watched,
) -> None:
    page = watched.page
    root = page.locator(".tw-root")
    query = root.get_by_role("region", name="Query", exact=True)
    # Without a table the drawer that loads one is open.
    expect(query).to_contain_text("Once a table is loaded")
    began = time.perf_counter()
    root.get_by_label("Sample", exact=True).select_option("penguins")
    answer = root.get_by_label("Answer", exact=True)
    expect(answer).to_contain_text(re.compile(r"\d%"), timeout=30_000)
    print(f"first answer {time.perf_counter() - began:.2f} s after loading")  # shown by -rP
    expect(root.locator(".tw-bar").get_by_label("Answers: pretrained")).to_contain_text(
        "pretrained"
    )
    drawn = root.get_by_label("Distribution of species").locator(".tw-level-bar").first
    expect(drawn).to_be_visible(timeout=30_000)
    print(f"drawn {time.perf_counter() - began:.2f} s after loading")

    before = answer.inner_text()
    page.evaluate(COUNT_REDRAWS)
    drag(root.get_by_label("bill_length_mm slider"), SECONDS)
    count = page.evaluate("() => ({...window.redrawCount, now: performance.now()})")
    seconds = (count["now"] - count["began"]) / 1000
    print(f"{count['redraws'] / seconds:.1f} redraws per second")
    assert count["redraws"] > 2, "the distribution did not move while the slider was dragged"
    expect(answer).not_to_have_text(before)
    expect(root.get_by_label("Formula")).to_have_value(re.compile(r"^species \| bill_length_mm="))
    curve = root.get_by_label("species over the range of bill_length_mm")
    expect(curve.locator("path")).to_have_count(3)
    root.get_by_role("button", name="Show Train", exact=True).click()
    train = root.get_by_role("region", name="Train", exact=True)
    expect(train.locator(".tw-note")).to_have_text("not started")
    expect(train).to_contain_text("Press Train to improve the answers on your table.")

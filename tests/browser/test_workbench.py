"""The whole path in a real JupyterLab; the tests share one page and run in this order."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Watched, execute, wait_for_kernel

GONE = "widget model not found"


@pytest.fixture
def page(watched: Watched) -> Iterator[Page]:
    watched.complaints.clear()
    yield watched.page
    assert watched.complaints == []
    assert watched.strangers == []


def view(page: Page, which: int = 0) -> Locator:
    return page.locator(".tw-root").nth(which)


def opened(root: Locator, name: str) -> Locator:
    """Return a drawer of the bar, opened if it is not."""
    button = root.get_by_role("button", name=f"Show {name}", exact=True)
    if button.get_attribute("aria-expanded") != "true":
        button.click()
    return root.get_by_role("region", name=name, exact=True)


def status(root: Locator) -> Locator:
    return opened(root, "Train").locator(".tw-note")


def points(root: Locator) -> int:
    chart = root.get_by_label("Loss curve")
    return int(chart.get_attribute("data-count") or 0) if chart.count() else 0


def bars(root: Locator) -> list[str]:
    """Return the drawn distribution: the lengths of its bars, or the path of a density."""
    marks = root.locator(".tw-level-bar, .tw-density-model")
    drawn = "all => all.map((mark) => mark.getAttribute('d') ?? mark.style.width)"
    return [str(mark) for mark in marks.evaluate_all(drawn)]


def until(condition: object, seconds: float = 10) -> float:
    """Wait until `condition()` holds; return how long that took."""
    assert callable(condition)
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, "it did not come true in time"
        time.sleep(0.05)
    return time.monotonic() - began


def normalize(locator: Locator) -> str:
    """Return the text once it has not changed for a second: the end of a fit refreshes answers."""
    text, since = locator.inner_text(), time.monotonic()
    while time.monotonic() < since + 1:
        time.sleep(0.1)
        now = locator.inner_text()
        if now != text:
            text, since = now, time.monotonic()
    return text


def test_running_all_cells_draws_columns_answer_and_rows(page: Page) -> None:
    expect(page.locator(".tw-root")).to_have_count(4)
    root = view(page)
    for region in ("Columns", "Query", "Rows of the table"):
        expect(root.get_by_role("region", name=region, exact=True)).to_be_visible()
    for drawer in ("Data", "Task", "Train"):
        button = root.get_by_role("button", name=f"Show {drawer}", exact=True)
        expect(button).to_have_attribute("aria-expanded", "false")
    columns = root.get_by_label("Columns", exact=True).locator("li.tw-column")
    expect(columns.filter(has_text="bill_length_mm")).to_contain_text("number")
    expect(columns.filter(has_text="species")).to_contain_text("asked")
    expect(root.get_by_label("Answer", exact=True)).to_contain_text("%")
    expect(page.locator(".tabwidget-static").first).to_be_hidden()


def test_a_backend_of_cells_shows_no_row_format_and_one_of_text_does(page: Page) -> None:
    root = view(page)
    task = opened(root, "Task")
    expect(task.get_by_label("Training cost")).to_contain_text("parameters")
    expect(task.get_by_label("Serializer", exact=True)).to_have_count(0)
    task.get_by_label("Backend").select_option("minilm-text")
    row = task.get_by_label("Serialized row")
    expect(row).to_contain_text("species")
    expect(task.locator(".tw-token-learned").first).to_be_visible()
    before = row.inner_text()
    task.get_by_role("button", name="Shuffle").click()
    expect(row).not_to_have_text(before)
    task.get_by_text("bracket", exact=True).click()
    expect(row).to_contain_text("species[")
    task.get_by_text("json", exact=True).click()
    expect(row).to_contain_text('"species"')


def test_a_model_of_text_is_trained_and_stopped(page: Page) -> None:
    root = view(page)
    root.get_by_role("button", name="Train", exact=True).click()
    expect(root.get_by_role("region", name="Train", exact=True)).to_be_visible()
    until(lambda: points(root) >= 5, seconds=60)
    root.get_by_role("button", name="Stop", exact=True).click()
    until(lambda: "stopped" in status(root).inner_text(), seconds=30)
    expect(root.get_by_label("Answer", exact=True)).to_contain_text("%")
    task = opened(root, "Task")
    task.get_by_label("Backend").select_option("minilm")
    expect(task.locator(".tw-token")).to_have_count(0)


def test_training_streams_answers_and_stops_at_once(page: Page) -> None:
    root = view(page)
    root.get_by_role("button", name="Train", exact=True).click()
    expect(status(root)).to_have_text("training")
    until(lambda: points(root) >= 5, seconds=60)
    expect(status(root)).to_have_text("training")
    expect(root.get_by_label("Training rows").locator("li").first).not_to_be_empty()

    expect(root.get_by_label("Answer", exact=True)).to_contain_text("%")
    formula = root.get_by_label("Formula")
    formula.fill("species | island=Torgersen")
    formula.press("Enter")
    expect(root.get_by_label("island = Torgersen")).to_have_attribute("aria-pressed", "true")
    expect(root.get_by_label("Answer", exact=True)).to_contain_text(re.compile("^Adelie"))
    expect(status(root)).to_have_text("training")

    root.get_by_role("button", name="Stop", exact=True).click()
    took = until(lambda: "stopped" in status(root).inner_text(), seconds=5)
    assert took < 3, f"Stop took {took:.2f} s"


def test_a_formula_error_is_shown_with_its_caret_and_loses_nothing(page: Page) -> None:
    root = view(page)
    answer = root.get_by_label("Answer", exact=True)
    before = normalize(answer)
    formula = root.get_by_label("Formula")
    formula.fill("species | islnd=Dream")
    formula.press("Enter")
    alert = root.get_by_role("region", name="Query", exact=True).get_by_role("alert")
    expect(alert).to_contain_text("island")
    expect(alert).to_contain_text("^")
    expect(answer).to_have_text(before)


def test_dragging_a_slider_moves_the_distribution(page: Page) -> None:
    root = view(page)
    before = bars(root)
    assert before
    slider = root.get_by_label("flipper_length_mm slider")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    seen = set()
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    for i in range(12):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.04 * i), middle)
        page.wait_for_timeout(60)
        seen.add(tuple(bars(root)))
    page.mouse.up()
    expect(root.get_by_label("Formula")).to_have_value(re.compile("flipper_length_mm="))
    until(lambda: bars(root) != before)
    assert len(seen) > 2, "the distribution did not move while the slider was dragged"


def test_a_slider_moves_by_keyboard_and_jupyterlab_keeps_its_hands_off(page: Page) -> None:
    root = view(page)
    slider = root.get_by_label("flipper_length_mm slider")
    before = root.get_by_label("Formula").input_value()
    active = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    slider.focus()
    for key in ("ArrowLeft", "ArrowLeft", "d", "d", "b"):
        page.keyboard.press(key)
    expect(root.get_by_label("Formula")).not_to_have_value(before)
    after = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    assert after == active
    expect(page.locator(".tw-root")).to_have_count(4)


def test_chips_make_sets_and_clear(page: Page) -> None:
    root = view(page)
    root.get_by_role("button", name="Clear all").click()
    expect(root.get_by_label("Formula")).to_have_value("species")
    root.get_by_label("island = Dream").click()
    expect(root.get_by_label("Formula")).to_have_value("species | island=Dream")
    root.get_by_label("island = Biscoe").click()
    expect(root.get_by_label("Formula")).to_have_value(re.compile(r"island in \{"))
    root.get_by_label("Clear island").click()
    expect(root.get_by_label("Formula")).to_have_value("species")


def test_two_displays_and_another_panel_stay_in_step(page: Page) -> None:
    first, second, panel = view(page, 0), view(page, 1), view(page, 2)
    first.get_by_label("island = Dream").click()
    for other in (second, panel):
        expect(other.get_by_label("Formula")).to_have_value("species | island=Dream")
        expect(other.get_by_label("island = Dream")).to_have_attribute("aria-pressed", "true")
    second.get_by_label("Query target").select_option("body_mass_g")
    expect(first.get_by_label("Distribution of body_mass_g")).to_be_visible()
    expect(first.get_by_label("Formula")).to_have_value("body_mass_g | island=Dream")


def test_copy_as_python_falls_back_to_a_box(page: Page) -> None:
    root = view(page)
    root.get_by_role("button", name="Copy as Python", exact=True).click()
    # Headless Chromium refuses the clipboard; a person's browser may allow it.
    until(
        lambda: (
            root.get_by_label("Python", exact=True).count() or root.get_by_text("Copied").count()
        )
    )


def test_a_dataframe_of_the_notebook_can_be_named(page: Page) -> None:
    root = view(page)
    opened(root, "Data").get_by_text("variable", exact=True).click()
    options = root.get_by_label("Variable").locator("option")
    expect(options.filter(has_text="toy (20 × 2)")).to_have_count(1)


def test_a_file_of_this_computer_can_be_uploaded(page: Page) -> None:
    root = view(page, 3)
    root.get_by_text("upload", exact=True).click()
    content = b"height,color\n" + b"1.5,red\n2.5,blue\n" * 20
    file = {"name": "mine.csv", "mimeType": "text/csv", "buffer": content}
    root.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
    expect(root.get_by_label("Columns", exact=True).locator("li.tw-column")).to_have_count(2)
    expect(root.get_by_text("mine", exact=True)).to_be_visible()
    broken = {"name": "broken.parquet", "mimeType": "", "buffer": b"nothing"}
    root.get_by_label("File").set_input_files(broken)  # type: ignore[arg-type]
    expect(root.get_by_role("alert")).to_contain_text("broken")
    expect(root.get_by_label("Columns", exact=True).locator("li.tw-column")).to_have_count(2)


def test_the_theme_follows_jupyterlab(page: Page) -> None:
    headline = view(page).locator(".tw-headline strong")
    color = "node => getComputedStyle(node).color"
    light = headline.evaluate(color)
    for theme, expected in (("Dark", "dark"), ("Light", "light")):
        execute(page, "apputils:change-theme", {"theme": f"JupyterLab {theme}"})
        expect(view(page)).to_have_attribute("data-tw-theme", expected)
        until(lambda: (headline.evaluate(color) == light) == (expected == "light"))  # noqa: B023


def test_reloading_the_page_keeps_the_state(page: Page) -> None:
    answer = view(page).get_by_label("Answer", exact=True).inner_text()
    execute(page, "docmanager:save")
    page.reload()
    wait_for_kernel(page)
    root = view(page)
    expect(root.get_by_label("Formula")).to_have_value("body_mass_g | island=Dream")
    expect(root.get_by_label("Answer", exact=True)).to_have_text(answer)
    expect(status(root)).to_contain_text("stopped")
    until(lambda: points(root) >= 5, seconds=30)
    expect(page.locator(".tabwidget-static").first).to_be_hidden()
    # The static picture must follow what happens after the reload, too.
    root.get_by_label("Clear island").click()
    expect(root.get_by_label("Formula")).to_have_value("body_mass_g")
    picture = page.locator(".tabwidget-static").first
    expect(picture.locator("code")).to_have_text("body_mass_g")


def test_the_view_stays_when_the_kernel_restarts(page: Page) -> None:
    execute(page, "docmanager:save")
    page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        ".then(() => null)"
    )
    root = view(page)
    expect(root.get_by_role("status").filter(has_text="static view")).to_be_visible()
    expect(root.get_by_label("Formula")).to_have_value("body_mass_g")
    expect(root.get_by_role("button", name="Train", exact=True)).to_be_disabled()


def test_a_page_loaded_without_the_model_shows_the_static_picture(watched: Watched) -> None:
    page = watched.page
    execute(page, "docmanager:save")
    watched.complaints.clear()
    page.reload()
    wait_for_kernel(page)
    picture = page.locator(".tabwidget-static").first
    expect(picture).to_be_visible()
    expect(picture).to_contain_text("penguins")
    expect(picture.locator("code")).to_have_text("body_mass_g")
    # JupyterLab logs the missing model; the page must not show it.
    page.wait_for_timeout(3500)
    expect(picture).to_be_visible()
    assert page.get_by_text("Error displaying widget").locator("visible=true").count() == 0
    assert [c for c in watched.complaints if GONE not in c] == []
    assert watched.strangers == []

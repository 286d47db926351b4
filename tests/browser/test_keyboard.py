"""The keyboard alone does everything, and a control takes no more keys than it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.lab import Lab, Watched, execute, open_notebook, watched_page

NOTEBOOK = "keyboard.ipynb"
CELLS = [
    "from tabwidget.widgets import Workbench\n"
    "bench = Workbench('penguins', target='species', max_seconds=20)",
    "bench",
    "1 + 1",
]
SHOWN = 1  # the cell with the workbench
CHOSEN = ["flipper_length_mm slider", "island = Dream"]
TYPED = ["flipper_length_mm value", "Formula"]

STATE = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const { widgets, activeCellIndex, mode } = panel.content;
  return {
    cells: widgets.map((cell) => cell.model.sharedModel.getSource()),
    active: activeCellIndex,
    mode,
    runs: widgets.map((cell) => cell.model.executionCount),
  };
}"""
COUNT_SAVES = """() => {
  window.saves = 0;
  window.jupyterapp.shell.currentWidget.context.saveState.connect((_, state) => {
    if (state === "completed") window.saves += 1;
  });
}"""
NAME = """() => {
  const node = document.activeElement;
  return node.getAttribute("aria-label") ?? node.textContent.trim();
}"""


@pytest.fixture(scope="module")
def opened(lab: Lab, browser: Browser) -> Iterator[Watched]:
    watched = watched_page(browser)
    lab.write(NOTEBOOK, CELLS)
    open_notebook(watched.page, lab, NOTEBOOK)
    execute(watched.page, "notebook:run-all-cells")
    answer = watched.page.locator(".tw-root").get_by_label("Answer", exact=True)
    expect(answer).to_contain_text(re.compile(r"\d%"), timeout=60_000)
    yield watched
    watched.page.close()


@pytest.fixture
def page(opened: Watched) -> Iterator[Page]:
    opened.complaints.clear()
    yield opened.page
    assert opened.complaints == []


def root(page: Page) -> Locator:
    return page.locator(".tw-root")


def state(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(STATE)
    return found


def focus(page: Page, label: str) -> Locator:
    """Focus a control, as a click would, with its cell active."""
    execute(page, "notebook:enter-command-mode")
    page.evaluate(
        f"() => {{ window.jupyterapp.shell.currentWidget.content.activeCellIndex = {SHOWN}; }}"
    )
    control = root(page).get_by_label(label, exact=True)
    control.focus()
    expect(control).to_be_focused()
    return control


def tab_to(page: Page, name: str, most: int = 150) -> None:
    """Press Tab until the control with this name has the focus."""
    passed = []
    for _ in range(most):
        now = page.evaluate(NAME)
        if now == name:
            return
        passed.append(now)
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reached {name!r}, but {passed}")


def ask(page: Page, formula: str) -> None:
    """Ask by the formula box."""
    box = root(page).get_by_label("Formula", exact=True)
    box.fill(formula)
    box.press("Enter")
    # Until the answer arrives the controls show the evidence of the last question.
    given = formula.partition(" | ")[2]
    expect(root(page).locator("[data-question]")).to_have_attribute("data-question", given)
    expect(box).to_have_value(formula)


@pytest.mark.parametrize("label", [*CHOSEN, *TYPED])
def test_letters_and_arrows_in_a_control_leave_the_notebook_alone(page: Page, label: str) -> None:
    ask(page, "species")
    before = state(page)
    focus(page, label)
    for key in ("d", "d", "a", "b", "x", "m", "ArrowUp", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    after = state(page)
    assert after["cells"] == before["cells"]
    assert after["active"] == SHOWN
    assert after["mode"] == "command"
    expect(root(page).get_by_label(label, exact=True)).to_be_focused()
    page.keyboard.press("Escape")  # takes back what was typed


def test_arrows_move_a_focused_slider(page: Page) -> None:
    ask(page, "species")
    slider = focus(page, "flipper_length_mm slider")
    for key, grows in (("ArrowRight", True), ("ArrowLeft", False), ("End", True), ("Home", False)):
        before = float(slider.input_value())
        slider.press(key)
        after = float(slider.input_value())
        assert after > before if grows else after < before, key
    formula = root(page).get_by_label("Formula", exact=True)
    expect(formula).to_have_value("species | flipper_length_mm=172")


def test_enter_commits_a_typed_value_and_emptying_clears_it(page: Page) -> None:
    ask(page, "species")
    box = focus(page, "flipper_length_mm value")
    page.keyboard.type("201")
    page.keyboard.press("Enter")
    formula = root(page).get_by_label("Formula", exact=True)
    expect(formula).to_have_value("species | flipper_length_mm=201")
    box.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    expect(formula).to_have_value("species")


def test_tab_reaches_slider_and_chip_and_keys_work_them(page: Page) -> None:
    ask(page, "species")
    formula = root(page).get_by_label("Formula", exact=True)
    root(page).evaluate("node => { node.tabIndex = -1; node.focus(); }")
    tab_to(page, "island = Dream")
    page.keyboard.press("Space")
    expect(formula).to_have_value("species | island=Dream")
    page.keyboard.press("Enter")
    expect(formula).to_have_value("species")
    root(page).focus()
    tab_to(page, "flipper_length_mm slider")
    page.keyboard.press("End")
    expect(formula).to_have_value("species | flipper_length_mm=231")


@pytest.mark.parametrize("label", [*CHOSEN, *TYPED])
def test_control_s_saves_the_notebook(page: Page, label: str) -> None:
    focus(page, label)
    page.evaluate(COUNT_SAVES)
    page.keyboard.press("Control+s")
    page.wait_for_function("() => window.saves > 0", timeout=10_000)


@pytest.mark.parametrize("label", [*CHOSEN, *TYPED])
def test_control_shift_c_opens_the_command_palette(page: Page, label: str) -> None:
    focus(page, label)
    page.keyboard.press("Control+Shift+c")
    palette = page.locator(".jp-ModalCommandPalette")
    expect(palette).to_be_visible(timeout=5_000)
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


@pytest.mark.parametrize("label", [*CHOSEN, *TYPED])
def test_escape_gives_the_focus_back_to_the_cell(page: Page, label: str) -> None:
    focus(page, label)
    page.keyboard.press("Escape")
    cell = page.locator(".jp-Notebook .jp-Cell").nth(SHOWN)
    expect(cell).to_be_focused(timeout=5_000)
    page.keyboard.press("ArrowDown")
    page.wait_for_function(
        f"() => window.jupyterapp.shell.currentWidget.content.activeCellIndex === {SHOWN + 1}",
        timeout=5_000,
    )


@pytest.mark.parametrize("label", [*CHOSEN, *TYPED])
def test_shift_enter_runs_the_cell_and_types_nothing(page: Page, label: str) -> None:
    ask(page, "species")
    formula = root(page).get_by_label("Formula", exact=True)
    before = state(page)
    focus(page, label)
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(
        f"""count => {{
          const cell = window.jupyterapp.shell.currentWidget.content.widgets[{SHOWN}];
          return cell.model.executionCount > count;
        }}""",
        arg=before["runs"][SHOWN],
        timeout=10_000,
    )
    after = state(page)
    assert after["cells"] == before["cells"]
    assert after["active"] == SHOWN + 1
    expect(formula).to_have_value("species")


def test_train_and_stop_by_keyboard(page: Page) -> None:
    stop = root(page).get_by_role("button", name="Stop", exact=True)
    root(page).evaluate("node => { node.tabIndex = -1; node.focus(); }")
    tab_to(page, "Train")
    page.keyboard.press("Enter")
    expect(stop).to_be_enabled(timeout=30_000)
    tab_to(page, "Stop")
    page.keyboard.press("Space")
    expect(stop).to_be_disabled(timeout=30_000)

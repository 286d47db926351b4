"""Texts labeled in a real JupyterLab; the tests share one page and run in this order."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, Locator, Page, expect

from tests.backends.text.fakes import save_tiny
from tests.browser.lab import Lab, execute, open_notebook, watched_page
from tests.textclass.fakes import WORDS, toy_texts

if TYPE_CHECKING:
    from tests.browser.lab import Watched

CELLS = ["from tabwidget.widgets import Workbench\nWorkbench('toys.csv', max_seconds=5)"]


def write_toys(path: Path) -> None:
    """Write texts that name their labels, several of them separated by a bar."""
    toys = toy_texts(120)
    assert toys.targets is not None
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["said", "tags"])
        for text, row in zip(toys.texts, toys.targets, strict=True):
            writer.writerow([text, "|".join(np.array(WORDS)[row])])


@pytest.fixture(scope="module")
def page_of_texts(lab: Lab, browser: Browser) -> Iterator[Watched]:
    write_toys(lab.root / "toys.csv")
    save_tiny(lab.root / "tiny")
    watched = watched_page(browser)
    lab.write("texts.ipynb", CELLS)
    open_notebook(watched.page, lab, "texts.ipynb")
    execute(watched.page, "notebook:run-all-cells")
    yield watched
    watched.page.close()


@pytest.fixture
def page(page_of_texts: Watched) -> Iterator[Page]:
    page_of_texts.complaints.clear()
    yield page_of_texts.page
    assert page_of_texts.complaints == []
    assert page_of_texts.strangers == []


@pytest.fixture
def root(page: Page) -> Locator:
    return page.locator(".tw-root").first


def test_the_task_is_chosen_with_its_columns(root: Locator) -> None:
    root.get_by_role("button", name="Show Task", exact=True).click()
    root.get_by_role("radio", name="text labels").check(force=True)
    expect(root.get_by_role("region", name="Labels", exact=True)).to_be_visible()
    expect(root.get_by_label("Text column said")).to_have_attribute("aria-pressed", "true")
    root.get_by_label("Labels split by").fill("|")
    root.get_by_label("Labels split by").press("Enter")
    root.get_by_label("Base model").fill("tiny")
    root.get_by_label("Base model").press("Enter")
    root.get_by_label("Fine-tune").select_option("")
    text = root.get_by_label("Input text")
    # The first tokens wait for the kernel to import what cuts them.
    expect(root.get_by_text(re.compile(r"^\d+ tokens$"))).to_be_visible(timeout=60_000)
    before = text.inner_text()
    root.get_by_role("button", name="Another row").click()
    expect(text).not_to_have_text(before)
    labels = root.get_by_label("Labels of the row").inner_text().split()
    assert sorted(labels) == [word for word in WORDS if word in text.inner_text()]


def test_it_learns_and_shows_how_well(root: Locator) -> None:
    root.get_by_role("button", name="Train", exact=True).click()
    note = root.get_by_role("region", name="Train", exact=True).locator(".tw-note")
    expect(note).to_have_text("fitted", timeout=60_000)
    table = root.get_by_role("table", name="Metrics by label")
    for word in WORDS:
        expect(table.get_by_role("row").filter(has_text=word)).to_be_visible()
    # Labels that are words of the texts are learned in seconds, also by a tiny model.
    assert float(root.get_by_label("F1 micro").inner_text()) > 0.5


def test_a_dragged_threshold_decides(root: Locator) -> None:
    figure = root.get_by_label("F1 micro")
    before = float(figure.inner_text())
    row = root.get_by_role("table", name="Metrics by label").get_by_role("row")
    slider = root.get_by_label("apple threshold slider")
    slider.fill("1")
    expect(root.get_by_label("apple threshold value")).to_have_value("1.000")
    # Recall is the third figure.
    expect(row.filter(has_text="apple").get_by_role("cell").nth(2)).to_have_text("0.00")
    expect(figure).not_to_have_text(f"{before:.3f}")
    root.get_by_role("button", name="Tuned").click()
    expect(figure).to_have_text(f"{before:.3f}")


def test_a_text_is_labelled_and_its_words_weighed(root: Locator) -> None:
    root.get_by_label("Text", exact=True).fill("so 🙂 cloud so")
    bars = root.get_by_label("Label probabilities").get_by_role("button")
    expect(bars).to_have_count(3)
    bars.filter(has_text="cloud").click()
    words = root.get_by_role("listbox", name="Word attributions for cloud")
    expect(words.get_by_role("option")).to_have_count(4)
    expect(words.get_by_role("option").nth(2)).to_have_text("cloud")
    told = words.get_by_role("option").nth(2).get_attribute("aria-label")
    assert told is not None
    assert "without ‘cloud’" in told


def test_an_example_shows_its_true_labels(root: Locator) -> None:
    text = root.get_by_label("Text", exact=True)
    before = text.input_value()
    root.get_by_role("button", name="Next example").click()
    expect(text).not_to_have_value(before)
    true = [word for word in WORDS if word in text.input_value()]
    if true:
        expect(root.get_by_label("True labels")).to_contain_text(true[0])

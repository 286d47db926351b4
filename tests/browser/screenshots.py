"""Make the pictures of the docs: ``python -m tests.browser.screenshots OUTDIR [--model FOLDER]``.

The picture of texts and labels is made only with a folder that holds a pretrained model; its texts
are those of the benchmark ``tests.benchmarks.text_classes --set debian``.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Locator, expect

from tests.benchmarks.text_classes import debian_texts
from tests.browser.lab import (
    Lab,
    execute,
    open_notebook,
    running_browser,
    running_lab,
    watched_page,
)

NOTEBOOK = "picture-{}.ipynb"  # one a picture, and with it a kernel
ROWS = (
    "from tabwidget.widgets import Workbench\n"
    "Workbench('penguins', target='species', max_seconds={seconds})"
)
TEXTS = (
    "from tabwidget.widgets import Workbench\n"
    "chosen = dict(texts=['description'], labels=['tags'], delimiter=';', model='{model}')\n"
    "Workbench('packages.csv', task='text labels', max_seconds={seconds}, **chosen)"
)
N_TEXTS = 1_000
EXAMPLE = "Terminal tool that converts between music formats and plays them"
SIZES = {1366: 768, 1710: 1000}
TALL = 1500  # for an open drawer above the answer
NARROW = (700, 1100)
SCALE = 1.25


def shot(
    browser: Browser,
    lab: Lab,
    source: str,
    path: Path,
    act: Callable[[Locator], None],
    size: tuple[int, int],
) -> None:
    """Run a cell, do something with what it shows, and save a picture of it."""
    watched = watched_page(browser, *size, SCALE)
    page = watched.page
    name = NOTEBOOK.format(path.stem)
    lab.write(name, [source])
    open_notebook(page, lab, name)
    execute(page, "notebook:run-all-cells")
    act(page.locator(".tw-root").first)
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    page.locator(".tw-root").first.screenshot(path=path)
    for complaint in watched.complaints:
        raise SystemExit(f"the page complained: {complaint}")
    page.close()
    lab.shut_down_kernels()


def answered(root: Locator) -> None:
    """Wait for the first answer, and for how good the answers are."""
    expect(root.get_by_label("Answer", exact=True)).to_contain_text("%")
    expect(root.get_by_text("better than chance")).to_be_visible(timeout=60_000)


def ask(root: Locator) -> None:
    """Set evidence by a chip and a slider."""
    answered(root)
    root.get_by_label("island = Dream").click()
    slider = root.get_by_label("bill_length_mm slider")
    slider.focus()
    slider.fill("43.4")
    formula = "species | island=Dream, bill_length_mm=43.4"
    expect(root.get_by_label("Formula")).to_have_value(formula)
    expect(root.get_by_label("species over the range of bill_length_mm")).to_be_visible()


def train(root: Locator) -> None:
    """Train, and wait for the end."""
    ask(root)
    root.get_by_role("button", name="Train", exact=True).click()
    region = root.get_by_role("region", name="Train", exact=True)
    expect(region.locator(".tw-note")).to_have_text("fitted", timeout=120_000)
    expect(region.get_by_label("Added by training", exact=True)).to_be_visible()


def number(root: Locator) -> None:
    """Ask for a number, the columns by influence."""
    answered(root)
    root.get_by_label("Ask for body_mass_g").click()
    root.get_by_label("Sort columns").select_option("influence")
    root.get_by_label("sex = male").click()
    slider = root.get_by_label("flipper_length_mm slider")
    slider.focus()
    slider.fill("205")
    expect(root.get_by_label("body_mass_g over the range")).to_be_visible()
    expect(root.locator(".tw-bits").first).to_be_visible(timeout=60_000)


def joint(root: Locator) -> None:
    """Ask for two columns together."""
    answered(root)
    root.get_by_label("Ask for island").click(modifiers=["Shift"])
    expect(root.get_by_label("Distribution of species and island")).to_be_visible()


def surprise(root: Locator) -> None:
    """Shade the cells by their surprise, the most surprising first, and select a row."""
    answered(root)
    root.get_by_label("surprise", exact=True).check()
    under_way = root.get_by_text("surprise: ")
    expect(under_way).to_be_visible()
    expect(under_way).to_have_count(0, timeout=120_000)
    root.get_by_label("most surprising first").check()
    root.get_by_role("gridcell").nth(2).click()


def load(root: Locator) -> None:
    """Open the drawer that loads a table."""
    answered(root)
    root.get_by_role("button", name="Show Data", exact=True).click()


STATES = {
    "answer": ask,
    "training": train,
    "number": number,
    "joint": joint,
    "surprise": surprise,
    "data": load,
}


def label(root: Locator) -> None:
    """Train on texts, have one labeled, and wait for its words."""
    root.get_by_role("button", name="Train", exact=True).click()
    region = root.get_by_role("region", name="Train", exact=True)
    expect(region.locator(".tw-note")).to_have_text("fitted", timeout=600_000)
    root.get_by_role("button", name="Show Train", exact=True).click()
    root.get_by_label("Text", exact=True).fill(EXAMPLE)
    words = root.get_by_role("listbox").get_by_role("option")
    expect(words).to_have_count(len(EXAMPLE.split()), timeout=60_000)
    expect(root.get_by_role("listbox")).to_have_attribute("aria-busy", "false", timeout=60_000)


def write_texts(lab: Lab, model: Path) -> str:
    """Put texts and a model where the notebook is, and return the model's name."""
    with (lab.root / "packages.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["package", "description", "tags"])
        rows = debian_texts()[:N_TEXTS]
        writer.writerows([name, text, ";".join(tags)] for name, text, tags in rows)
    (lab.root / model.name).symlink_to(model.resolve(), target_is_directory=True)
    return model.name


def main() -> None:
    """Save the pictures, light and dark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=10, help="to train on penguins")
    parser.add_argument("--states", default=",".join(STATES), help="of the workbench")
    parser.add_argument("--model", type=Path, help="a folder with a pretrained model")
    parser.add_argument("--text-seconds", type=int, default=180, help="to train on texts")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    rows = ROWS.format(seconds=given.seconds)
    for shade in ("Light", "Dark"):
        with tempfile.TemporaryDirectory(prefix="tabwidget-lab-") as name:
            folder = Path(name)
            with (
                running_lab(folder, f"JupyterLab {shade}") as lab,
                running_browser(folder) as browser,
            ):
                for state in filter(None, given.states.split(",")):
                    for width, height in SIZES.items():
                        path = given.folder / f"{state}-{width}-{shade.lower()}.png"
                        size = (width, TALL if state == "training" else height)
                        shot(browser, lab, rows, path, STATES[state], size)
                path = given.folder / f"narrow-{NARROW[0]}-{shade.lower()}.png"
                shot(browser, lab, rows, path, ask, NARROW)
                if given.model is not None:
                    model = write_texts(lab, given.model)
                    texts = TEXTS.format(model=model, seconds=given.text_seconds)
                    path = given.folder / f"text-labels-{shade.lower()}.png"
                    shot(browser, lab, texts, path, label, (1366, 1400))


if __name__ == "__main__":
    main()

"""Make the README's pictures: ``python -m tests.browser.screenshots OUTDIR [--model FOLDER]``.

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

NOTEBOOK = "picture.ipynb"
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
WIDTH, HEIGHT, SCALE = 1320, 2400, 1.5


def take(
    browser: Browser,
    lab: Lab,
    source: str,
    seconds: int,
    path: Path,
    act: Callable[[Locator], None],
) -> None:
    """Run a cell, train what it shows, do something with it, and save a picture."""
    watched = watched_page(browser, WIDTH, HEIGHT, SCALE)
    page = watched.page
    lab.write(NOTEBOOK, [source])
    open_notebook(page, lab, NOTEBOOK)
    execute(page, "notebook:run-all-cells")
    root = page.locator(".tw-root")
    root.get_by_role("button", name="Train", exact=True).click()
    note = root.get_by_role("region", name="Train", exact=True).locator(".tw-note")
    expect(note).to_have_text("fitted", timeout=(seconds + 60) * 1000)
    act(root)
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    root.screenshot(path=path)
    for complaint in watched.complaints:
        raise SystemExit(f"the page complained: {complaint}")
    page.close()


def ask(root: Locator) -> None:
    """Ask with evidence."""
    root.get_by_label("island = Dream").click()
    slider = root.get_by_label("bill_length_mm slider")
    slider.fill("45")
    expect(root.get_by_label("Formula")).to_have_value("species | island=Dream, bill_length_mm=45")
    expect(root.get_by_label("bill_length_mm value")).to_have_value("45")


def label(root: Locator) -> None:
    """Have a text labeled, and wait for its words."""
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
    parser.add_argument("--model", type=Path, help="a folder with a pretrained model")
    parser.add_argument("--text-seconds", type=int, default=180, help="to train on texts")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for shade in ("Light", "Dark"):
        with tempfile.TemporaryDirectory(prefix="tabwidget-lab-") as name:
            folder = Path(name)
            with (
                running_lab(folder, f"JupyterLab {shade}") as lab,
                running_browser(folder) as browser,
            ):
                rows = ROWS.format(seconds=given.seconds)
                path = given.folder / f"workbench-{shade.lower()}.png"
                take(browser, lab, rows, given.seconds, path, ask)
                if given.model is not None:
                    model = write_texts(lab, given.model)
                    texts = TEXTS.format(model=model, seconds=given.text_seconds)
                    path = given.folder / f"text-labels-{shade.lower()}.png"
                    take(browser, lab, texts, given.text_seconds, path, label)


if __name__ == "__main__":
    main()

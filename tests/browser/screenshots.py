"""Make the README's pictures: ``python -m tests.browser.screenshots OUTDIR``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect

from .lab import Lab, execute, open_notebook, running_browser, running_lab, watched_page

NOTEBOOK = "picture.ipynb"
SOURCE = (
    "from tabwidget.widgets import Workbench\n"
    "Workbench('penguins', target='species', max_seconds={seconds})"
)
WIDTH, HEIGHT, SCALE = 1320, 2400, 1.5


def take(browser: Browser, lab: Lab, path: Path, seconds: int) -> None:
    """Train on penguins, ask with evidence, and save what the workbench shows."""
    watched = watched_page(browser, WIDTH, HEIGHT, SCALE)
    page = watched.page
    lab.write(NOTEBOOK, [SOURCE.format(seconds=seconds)])
    open_notebook(page, lab, NOTEBOOK)
    execute(page, "notebook:run-all-cells")
    root = page.locator(".tw-root")
    root.get_by_role("button", name="Train", exact=True).click()
    note = root.get_by_role("region", name="Train", exact=True).locator(".tw-note")
    expect(note).to_have_text("fitted", timeout=(seconds + 30) * 1000)
    root.get_by_label("island = Dream").click()
    slider = root.get_by_label("bill_length_mm slider")
    slider.fill("45")
    expect(root.get_by_label("Formula")).to_have_value("species | island=Dream, bill_length_mm=45")
    expect(root.get_by_label("bill_length_mm value")).to_have_value("45")
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    root.screenshot(path=path)
    for complaint in watched.complaints:
        raise SystemExit(f"the page complained: {complaint}")
    page.close()


def main() -> None:
    """Save workbench-light.png and workbench-dark.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=10, help="of training")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for shade in ("Light", "Dark"):
        with tempfile.TemporaryDirectory(prefix="tabwidget-lab-") as name:
            folder = Path(name)
            path = given.folder / f"workbench-{shade.lower()}.png"
            with (
                running_lab(folder, f"JupyterLab {shade}") as lab,
                running_browser(folder) as browser,
            ):
                take(browser, lab, path, given.seconds)


if __name__ == "__main__":
    main()

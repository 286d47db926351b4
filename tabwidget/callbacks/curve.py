"""The loss curve as text, drawn by plotext."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

from tabwidget.errors import require
from tabwidget.events import Point

__all__ = ["COLOURS", "loss_curve", "round_ticks"]

# Of the terminal's own palette, so that they suit its background.
COLOURS = {"train": "cyan", "validation": "orange"}
# plotext's kernel is shared by all figures.
_lock = threading.Lock()


def loss_curve(points: Sequence[Point], width: int, height: int) -> str:
    """Return the losses by step, in `height` lines of `width` cells with ANSI colors.

    Examples
    --------
    >>> points = [Point(seconds=0.1 * i, step=i, loss=1 / i, split="train") for i in range(1, 9)]
    >>> len(loss_curve(points, 40, 10).splitlines())
    10
    """
    plotext = require("plotext", "rich")
    points = [point for point in points if math.isfinite(point["loss"])]
    with _lock:
        # A terminal and a figure of our own: the user's are left as they are.
        terminal = type(plotext.terminal)()
        terminal.limit(False, False)
        figure = type(plotext.figure)(terminal)
        figure.plot_size(width, height)
        figure.theme("colorless")
        figure.axes(False, side=1)
        for split, color in COLOURS.items():
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


def round_ticks(values: Sequence[float], most: int) -> list[float]:
    """Return at most `most` round numbers within the range of some values.

    Examples
    --------
    >>> round_ticks([0.13, 0.97], 4)
    [0.2, 0.4, 0.6, 0.8]
    """
    low, high = min(values, default=0.0), max(values, default=0.0)
    if high <= low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / max(1, most)))
    for multiple in (1, 2, 5, 10, 20, 50):
        step = multiple * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def _thinned(points: list[Point], most: int) -> list[Point]:
    """Return `points` with some left out evenly; the last stays."""
    every = max(1, math.ceil(len(points) / most))
    return points[::-every][::-1]

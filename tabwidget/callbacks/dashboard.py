"""RichCallback: a live dashboard of a fit in the terminal."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from tabwidget.callbacks import screen
from tabwidget.callbacks.base import Callback
from tabwidget.callbacks.preview import Preview, visible
from tabwidget.errors import require
from tabwidget.events import (
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    PredictEnd,
    TrainExamples,
    TrainingState,
)

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["RichCallback"]

MIN_PERIOD = 1 / 8  # seconds between two drawings
MAX_SHARE = 0.05  # of the time, spent on drawing
PLAIN_PERIOD = 2.0  # seconds between two plain lines
DELAY = 0.3  # seconds; a shorter prediction is not shown


class RichCallback(Callback):
    r"""Shows a live dashboard: progress, losses and their curve, columns and training examples.

    The dashboard adapts to the size of the terminal, and its last state stays visible. Longer
    predictions show a bar. Without a terminal, in a worker process, or while another dashboard is
    open, it prints a line every few seconds instead.

    Parameters
    ----------
    n_train_examples : int, default 5
        Training examples to show, as the serializer writes them.
    console : rich.console.Console, optional
        Where to draw; rich's global console by default.

    Raises
    ------
    MissingExtraError
        Without rich and plotext.
    ConfigError
        If `n_train_examples` is not a count.

    Examples
    --------
    >>> import io
    >>> from rich.console import Console
    >>> callback = RichCallback(console=Console(file=io.StringIO()))
    >>> callback.on_event(TrainingState(), FitStart(0.0, 9, 2, 8, 1, 7, "minilm", None, 40))
    >>> callback.console.file.getvalue()
    'fit of 9 rows and 2 columns with minilm, 7 parameters\n'
    """

    _open: ClassVar[tuple[str, ...]] = ("_live", "_view", "_restore")
    _shared: ClassVar[tuple[str, ...]] = ("console",)

    def __init__(self, n_train_examples: int = 5, *, console: Console | None = None) -> None:
        require("rich", "rich")
        require("plotext", "rich")
        self.preview = Preview(n_train_examples)
        self.console = console
        self._rows: deque[str] = deque(maxlen=self.preview.n_train_examples)
        self._live: Any = None
        self._view: Any = None
        self._restore: contextlib.ExitStack | None = None
        self._due = 0.0

    def on_event(self, state: TrainingState, event: Event) -> None:
        """Update the display."""
        rows = self.preview.take(event)
        if isinstance(event, TrainExamples):
            self._rows.extend(event.examples)
        if isinstance(event, FitStart):
            self.close()
            self._rows.clear()
            self._due = 0.0
            self._start(state)
        if self._live is None:
            self._print_plainly(state, event, rows)
        elif isinstance(event, FitEnd) or (isinstance(event, PredictEnd) and not _fitting(state)):
            self._draw()
            self.close()
        elif time.monotonic() >= self._due:
            self._draw()

    def close(self) -> None:
        """Release the terminal; the last state of the dashboard stays visible."""
        if self._restore is not None:
            restore, self._restore = self._restore, None
            restore.close()
        self._live = self._view = None

    def _start(self, state: TrainingState, transient: bool = False) -> None:
        """Open the dashboard if the console supports one and the screen is free."""
        console = self._console()
        supported = (
            (console.is_terminal or console.is_jupyter)
            and not console.is_dumb_terminal
            and console.encoding.startswith("utf")
        )
        if not supported or not screen.acquire(self):
            return
        from rich.errors import LiveError
        from rich.live import Live

        from tabwidget.callbacks.dashboard_view import DashboardView

        with contextlib.ExitStack() as stack:
            stack.callback(screen.release, self)
            view = DashboardView(state)
            streams = {sys.stdout, sys.stderr}
            live = Live(view, console=console, auto_refresh=False, transient=transient)
            with contextlib.suppress(LiveError):  # another display is open on this console
                live.start()
                stack.callback(live.stop)
                stack.enter_context(_logging_above(streams))
                self._live, self._view, self._restore = live, view, stack.pop_all()

    def _draw(self) -> None:
        began = time.monotonic()
        self._view.rows = tuple(self._rows)
        self._view.refresh()
        self._live.refresh()
        now = time.monotonic()
        self._due = now + max(MIN_PERIOD, (now - began) / MAX_SHARE)

    def _print_plainly(self, state: TrainingState, event: Event, rows: list[str]) -> None:
        for row in rows:
            self._print(f"row: {row}")
        if isinstance(event, FitStart):
            self._print(
                f"fit of {event.n_rows:,} rows and {event.n_columns:,} columns with "
                f"{event.backend}, {event.n_parameters:,} parameters"
            )
        elif isinstance(event, EvalReport) and time.monotonic() >= self._due:
            self._due = time.monotonic() + PLAIN_PERIOD
            train = "" if state.loss is None else f"train {state.loss:.3f}, "
            self._print(
                f"{event.seconds:.1f} s, step {event.step:,}: {train}validation {event.loss:.3f}"
            )
        elif isinstance(event, FitEnd):
            self._print(
                f"ended after {event.seconds:.1f} s ({event.reason}), best validation"
                f" {event.best_loss:.3f} at step {event.best_step:,}"
            )
        elif state.predicting and not _fitting(state) and state.predict_seconds >= DELAY:
            self._start(state, transient=True)

    def _print(self, text: str) -> None:
        from rich.text import Text

        self._console().print(Text(visible(text)), soft_wrap=True)

    def _console(self) -> Console:
        import rich

        return self.console or rich.get_console()


def _fitting(state: TrainingState) -> bool:
    return state.start is not None and state.reason is None


@contextlib.contextmanager
def _logging_above(streams: set[TextIO]) -> Iterator[None]:
    """Route logging on these streams through rich's display, which prints it above itself."""
    moved = []
    names = [None, *logging.Logger.manager.loggerDict]
    for handler in [h for name in names for h in logging.getLogger(name).handlers]:
        if isinstance(handler, logging.StreamHandler) and handler.stream in streams:
            moved.append((handler, handler.stream))
            handler.setStream(sys.stderr)
    try:
        yield
    finally:
        for handler, stream in moved:
            handler.setStream(stream)

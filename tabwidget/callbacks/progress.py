"""TqdmCallback: progress bars of fits and predictions."""

from __future__ import annotations

from typing import Any, ClassVar, TextIO

from tabwidget.callbacks import screen
from tabwidget.callbacks.base import Callback
from tabwidget.callbacks.preview import Preview
from tabwidget.errors import require
from tabwidget.events import (
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    PredictEnd,
    PredictStart,
    RowEnd,
    TrainingState,
    TrainReport,
)

__all__ = ["TqdmCallback"]

DELAY = 0.3  # seconds; a shorter prediction shows no bar


class TqdmCallback(Callback):
    """Shows a progress bar with the losses of a fit, and one for each longer prediction.

    The bar is a widget in a notebook and a line on standard error elsewhere. It stays hidden beside
    a `RichCallback` dashboard and in worker processes.

    Parameters
    ----------
    n_train_examples : int, default 0
        Training examples to print at the start of each fit, as the serializer writes them.
    file : text stream, optional
        Where to draw instead of standard error.
    **options
        Passed to ``tqdm``, for example ``leave=False``.

    Raises
    ------
    MissingExtraError
        Without tqdm.
    ConfigError
        If `n_train_examples` is not a count.

    Examples
    --------
    >>> import io
    >>> bar = TqdmCallback(file=io.StringIO())
    >>> bar.on_event(TrainingState(), FitStart(0.0, 9, 2, 8, 1, 7, "fake", None, 40))
    >>> bar.close()
    """

    _open: ClassVar[tuple[str, ...]] = ("_fit", "_prediction")
    _shared: ClassVar[tuple[str, ...]] = ("file",)

    def __init__(
        self, n_train_examples: int = 0, *, file: TextIO | None = None, **options: Any
    ) -> None:
        require("tqdm", "tqdm")
        self.preview = Preview(n_train_examples)
        self.file = file
        self.options = options
        self._fit: Any = None
        self._prediction: Any = None
        self._unit = "step"

    def on_event(self, state: TrainingState, event: Event) -> None:
        """Update the bars."""
        for row in self.preview.take(event):
            self._print(row)
        if isinstance(event, FitStart):
            self._open_fit(event)
        elif isinstance(event, PredictStart):
            self._open_prediction(event)
        elif isinstance(event, (TrainReport, EvalReport)):
            self._advance_fit(state)
        elif isinstance(event, RowEnd):
            if self._prediction is not None:
                self._prediction.update(event.rows_done - self._prediction.n)
        elif isinstance(event, FitEnd):
            self._end_fit(event)
        elif isinstance(event, PredictEnd):
            self._prediction = _closed(self._prediction)

    def close(self) -> None:
        """Close the bars; their last state stays visible."""
        self._fit, self._prediction = _closed(self._fit), _closed(self._prediction)

    def hide(self) -> None:
        """Remove the bars from the terminal."""
        if not self._hidden():
            return
        for bar in (self._fit, self._prediction):
            if bar is not None:
                bar.leave = False
        self.close()

    def _open_fit(self, event: FitStart) -> None:
        self._fit = _closed(self._fit)
        totals = {
            "s": event.budget_seconds,
            "step": event.total_steps,
            "epoch": event.total_epochs,
        }
        limits = {unit: total for unit, total in totals.items() if total is not None}
        self._unit = next(iter(limits), "step")
        timed = self._unit == "s"
        layout = "{desc} |{bar}| {n:.1f}/{total:.1f} s{postfix}" if timed else None
        self._fit = self._bar(
            total=limits.get(self._unit), desc="fit", unit=self._unit, bar_format=layout
        )

    def _advance_fit(self, state: TrainingState) -> None:
        if self._fit is None:
            return
        done = {"s": state.seconds, "epoch": state.epoch}.get(self._unit, state.step)
        losses = {"train": state.loss, "validation": state.eval_loss}
        shown = {name: f"{loss:.3f}" for name, loss in losses.items() if loss is not None}
        self._fit.set_postfix(shown, refresh=False)
        self._fit.update(min(done, self._fit.total or done) - self._fit.n)

    def _end_fit(self, event: FitEnd) -> None:
        if self._fit is None:
            return
        # A fit that converged early is complete, whatever share of the limit it used.
        if event.reason not in ("stopped", "failed"):
            self._fit.n = self._fit.total or self._fit.n
        self._fit.set_description(f"fit ({event.reason} after {event.seconds:.1f} s)")
        self._fit = _closed(self._fit)

    def _open_prediction(self, event: PredictStart) -> None:
        self._prediction = _closed(self._prediction)
        self._prediction = self._bar(total=event.n_rows, desc=event.kind, unit="row", delay=DELAY)

    def _bar(self, **options: Any) -> Any:
        from tqdm.auto import tqdm

        if self._hidden():
            return None
        screen.add_bar(self)
        # Redraw even without progress, so that the newest losses are visible.
        return tqdm(**{**options, "file": self.file, "miniters": 0, **self.options})

    def _hidden(self) -> bool:
        on_screen = self.file is None or self.file.isatty()
        return on_screen and not screen.is_free()

    def _print(self, row: str) -> None:
        from tqdm.auto import tqdm

        if not self.options.get("disable") and not self._hidden():
            tqdm.write(row, file=self.file)


def _closed(bar: Any) -> Any:
    """Close a bar if there is one; return None."""
    if bar is not None:
        bar.close()
    return None

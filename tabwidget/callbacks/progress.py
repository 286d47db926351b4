"""TqdmCallback: a progress bar with the losses."""

from __future__ import annotations

from typing import Any

from tabwidget.callbacks.base import Callback
from tabwidget.events import EvalReport, Event, FitEnd, FitStart, TrainingState, TrainReport

__all__ = ["TqdmCallback"]


class TqdmCallback(Callback):
    """Shows a bar that fills with the limit, seconds or steps, and the newest losses.

    Parameters
    ----------
    **options
        Passed on to ``tqdm``, for example ``leave=False``.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options
        self._bar: Any = None
        self._timed = False

    def on_event(self, state: TrainingState, event: Event) -> None:
        """Bring the bar up to date."""
        if isinstance(event, FitStart):
            self._open(event)
        elif self._bar is None:
            return
        elif isinstance(event, (TrainReport, EvalReport)):
            done = state.seconds if self._timed else state.step
            self._bar.n = min(done, self._bar.total or 1e18)
            losses = {"train": state.loss, "hold-out": state.eval_loss}
            shown = {name: f"{loss:.3f}" for name, loss in losses.items() if loss is not None}
            self._bar.set_postfix(shown, refresh=True)
        elif isinstance(event, FitEnd):
            # A fit that converged early is complete, whatever part of the limit it took.
            self._bar.n = self._bar.total or self._bar.n
            self._bar.set_description(f"fit ({event.reason} after {event.seconds:.1f} s)")
            self._bar.close()
            self._bar = None

    def _open(self, event: FitStart) -> None:
        from tqdm.auto import tqdm

        self._timed = event.budget_seconds is not None
        total = event.budget_seconds if self._timed else event.total_steps
        layout = "{desc} |{bar}| {n:.1f}/{total:.1f} s{postfix}" if self._timed else None
        options = {"desc": "fit", "unit": "step", "bar_format": layout, **self.options}
        self._bar = tqdm(total=total, **options)

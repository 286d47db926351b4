"""LoggingCallback: a fit's events as lines of the standard library's logging."""

from __future__ import annotations

import logging

from tabwidget.callbacks.base import Callback
from tabwidget.events import EvalReport, Event, FitEnd, FitStart, TrainingState

__all__ = ["LoggingCallback"]


class LoggingCallback(Callback):
    """Logs start, hold-out losses and end at level INFO.

    Parameters
    ----------
    logger : logging.Logger, optional
        ``logging.getLogger("tabwidget")`` by default.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self.logger = logger or logging.getLogger("tabwidget")

    def on_event(self, state: TrainingState, event: Event) -> None:
        """Log one event."""
        if isinstance(event, FitStart):
            self.logger.info(
                "fit of %d rows and %d columns with %s, %d parameters",
                event.n_rows,
                event.n_columns,
                event.engine,
                event.n_parameters,
            )
        elif isinstance(event, EvalReport):
            train = float("nan") if state.loss is None else state.loss
            self.logger.info(
                "%.1f s, step %d: train %.4f, hold-out %.4f%s",
                event.seconds,
                event.step,
                train,
                event.loss,
                " (best)" if event.best else "",
            )
        elif isinstance(event, FitEnd):
            self.logger.info(
                "ended after %.1f s (%s), best hold-out %.4f at step %d",
                event.seconds,
                event.reason,
                event.best_loss,
                event.best_step,
            )

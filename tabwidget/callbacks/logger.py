"""LoggingCallback: events as records of the standard `logging` module."""

from __future__ import annotations

import logging

from tabwidget.callbacks.base import Callback
from tabwidget.callbacks.preview import Preview
from tabwidget.events import (
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    Memory,
    PredictEnd,
    PredictStart,
    Retry,
    TrainingState,
)

__all__ = ["LoggingCallback"]


class LoggingCallback(Callback):
    """Logs starts, validation losses and ends at INFO, retries at WARNING, the rest at DEBUG.

    Parameters
    ----------
    n_train_examples : int, default 0
        Training examples to log at the start of each fit, as the serializer writes them.
    logger : logging.Logger, optional
        ``logging.getLogger("tabwidget")`` by default.

    Raises
    ------
    ConfigError
        If `n_train_examples` is not a count.

    Examples
    --------
    >>> import logging, sys
    >>> logger = logging.getLogger("fits")
    >>> logger.setLevel(logging.INFO)
    >>> logger.addHandler(logging.StreamHandler(sys.stdout))
    >>> callback = LoggingCallback(logger=logger)
    >>> callback.on_event(TrainingState(), PredictStart(0.0, "predict_proba", 30))
    predict_proba of 30 rows
    """

    def __init__(self, n_train_examples: int = 0, *, logger: logging.Logger | None = None) -> None:
        self.preview = Preview(n_train_examples)
        self.logger = logger or logging.getLogger("tabwidget")

    def on_event(self, state: TrainingState, event: Event) -> None:
        """Log one event."""
        for row in self.preview.take(event):
            self.logger.info("row: %s", row)
        if isinstance(event, FitStart):
            self.logger.info(
                "fit of %d rows and %d columns with %s, %d parameters",
                event.n_rows,
                event.n_columns,
                event.backend,
                event.n_parameters,
            )
        elif isinstance(event, EvalReport):
            train = float("nan") if state.loss is None else state.loss
            self.logger.info(
                "%.1f s, step %d: train %.4f, validation %.4f%s",
                event.seconds,
                event.step,
                train,
                event.loss,
                " (best)" if event.best else "",
            )
        elif isinstance(event, FitEnd):
            self.logger.info(
                "ended after %.1f s (%s), best validation %.4f at step %d",
                event.seconds,
                event.reason,
                event.best_loss,
                event.best_step,
            )
        elif isinstance(event, PredictStart):
            self.logger.info("%s of %d rows", event.kind, event.n_rows)
        elif isinstance(event, PredictEnd):
            self.logger.info(
                "%s of %d rows %s after %.1f s",
                state.kind,
                event.rows_done,
                event.reason,
                event.seconds,
            )
        elif isinstance(event, Retry):
            columns = ", ".join(event.columns)
            self.logger.warning(
                "row %d, %s: cannot parse %r, attempt %d",
                event.row,
                columns,
                event.text,
                event.attempt,
            )
        elif isinstance(event, Memory):
            self.logger.debug("%s memory: %.0f MB", event.device, event.used / 1e6)
        else:
            # The repr quotes line breaks in texts, so data cannot forge log lines.
            self.logger.debug("%r", event)

"""Callback: told of every event of a fit."""

from __future__ import annotations

from tabwidget.events import Event, TrainingState

__all__ = ["Callback"]


class Callback:
    """Told of every event of a fit, on the thread that trains.

    Examples
    --------
    >>> class Count(Callback):
    ...     seen = 0
    ...     def on_event(self, state, event):
    ...         self.seen += 1
    """

    def on_event(self, state: TrainingState, event: Event) -> None:
        """Take one event; `state` already holds it."""

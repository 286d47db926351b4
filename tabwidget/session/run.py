"""Run: one fit on a background thread; any other thread may observe and stop it."""

from __future__ import annotations

import atexit
import copy
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from tabwidget.callbacks import Callback
from tabwidget.events import Event, FitEnd, PhaseReport, Point, TrainingState, from_dict
from tabwidget.table.values import plain

__all__ = ["Notify", "Run"]

Notify = Callable[[Mapping[str, Any]], None]
Status = Literal["running", "done", "stopped", "failed"]


class _Stopped(Exception):
    """Ends the work that a run follows."""


class Run(Callback):
    """One fit: its events, losses and state.

    Attributes
    ----------
    status : {"running", "done", "stopped", "failed"}
        All events have arrived once it is no longer "running".
    error : str or None
        Message of the exception, if it failed.
    """

    def __init__(self) -> None:
        self.status: Status = "running"
        self.error: str | None = None
        self.exception: BaseException | None = None
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._phase_at = 0.0
        self._state = TrainingState()
        self._ended = threading.Event()

    def start(self, work: Callable[[], object], ended: Callable[[], None]) -> None:
        """Run `work`, a fit that sends its events here, on a thread; then call `ended`."""

        def body() -> None:
            try:
                from tabwidget.backends.threads import short_turns  # imports torch

                with short_turns():
                    work()
            except Exception as error:
                self.exception = error
                self.error = str(error) or type(error).__name__
            finally:
                with self._lock:
                    stopped = self._state.reason == "stopped"
                # Last of all: once the end is visible, everything else must be in place.
                self.status = "failed" if self.error else "stopped" if stopped else "done"
                self._ended.set()
                atexit.unregister(self._at_exit)
                ended()

        # A thread killed inside torch would abort the interpreter at exit.
        atexit.register(self._at_exit)
        threading.Thread(target=body, name="tabwidget-fit", daemon=True).start()

    def _at_exit(self) -> None:
        self.stop()
        self.wait(5.0)

    def watch(self, work: Callable[[Notify], object]) -> None:
        """Run `work` and receive its events as dicts; a stop raises out of it."""

        def on_event(fields: Mapping[str, Any]) -> None:
            self.receive(fields)
            if self.stopping.is_set():
                raise _Stopped

        try:
            work(on_event)
        except _Stopped:
            at = self.state
            best = float("nan") if at.best_loss is None else at.best_loss
            end = FitEnd(at.seconds, at.step, "stopped", at.best_step or 0, best)
            self.on_event(self._state, end)

    def receive(self, fields: Mapping[str, Any]) -> None:
        """Receive one event as a dict."""
        self.on_event(self._state, from_dict(fields))

    def on_event(self, state: TrainingState, event: Event) -> None:
        """Receive one event."""
        with self._lock:
            self._events.append(event)
            self._state.fold(event)
            if isinstance(event, PhaseReport):
                self._phase_at = time.monotonic()

    def since(self, n: int) -> tuple[list[Event], int]:
        """Return the events from number `n` on, and the number of the next."""
        with self._lock:
            return self._events[n:], len(self._events)

    def stop(self) -> None:
        """End the fit at its next step; returns at once. The best weights are kept."""
        self.stopping.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; return whether the fit has ended."""
        return self._ended.wait(timeout)

    @property
    def state(self) -> TrainingState:
        """A copy of the training state."""
        with self._lock:
            state = copy.copy(self._state)
            state.curve = list(state.curve)
            return state

    @property
    def curve(self) -> list[Point]:
        """The losses so far, at most 2,000 points ``{"seconds", "step", "loss", "split"}``."""
        return self.state.curve

    def snapshot(self) -> dict[str, Any]:
        """Return the current progress and metrics, JSON-safe.

        ``phase`` is empty before the first and once the fit is over, and ``phase_seconds_left`` is
        None where nobody knows. ``note`` explains the end of a fit that hardly trained.
        """
        state = self.state
        start = state.start
        running = self.status == "running"
        fields = {
            "status": self.status,
            "error": self.error,
            "step": state.step,
            "epoch": state.epoch,
            "seconds": state.seconds,
            "rows_per_second": state.rows_per_second,
            "seconds_left": state.seconds_left,
            "phase": state.phase.phase if running and state.phase is not None else "",
            "phase_seconds_left": self._phase_seconds_left(state) if running else None,
            "note": "" if running else _note(state),
            "budget": None if start is None else start.budget_seconds,
            "best_step": state.best_step,
            "best_loss": state.best_loss,
            "loss": state.loss,
            "eval_loss": state.eval_loss,
            "n_parameters": None if start is None else start.n_parameters,
        }
        # The loss of a diverging fit is NaN, which JSON does not have.
        shown = {name: plain(value) for name, value in fields.items()}
        shown["metrics"] = {
            name: plain(metric)
            for name, metric in state.metrics.items()
            if isinstance(metric, (int, float))
        }
        return shown

    def _phase_seconds_left(self, state: TrainingState) -> float | None:
        """Return the estimate of the current phase, less the time since it began."""
        if state.phase is None:
            return None
        if state.phase.seconds_left is None:
            # Without a time limit the pace of the steps tells.
            return state.seconds_left if state.phase.phase == "learning" else None
        return max(0.0, state.phase.seconds_left - (time.monotonic() - self._phase_at))


def _note(state: TrainingState) -> str:
    """Return a sentence on a fit that ended by its time limit before it could learn."""
    trains = state.start is not None and state.start.n_train > 0
    if not trains or state.reason != "budget" or state.step > 1:
        return ""
    return f"{'one step only' if state.step else 'no step was made'}: give it more seconds"

"""Feed: keeps every panel over a session up to date.

One thread per session, and only while there is something to send: it waits a moment, sends the
run's new events as one numbered batch with a float32 buffer, refreshes the slices of the state
that changed, and ends when the run has ended and nothing changes. The training thread itself
never touches a widget.
"""

from __future__ import annotations

import array
import logging
import math
import threading
import time
import weakref
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from tabwidget.errors import TabwidgetError
from tabwidget.events import EvalReport, TrainExamples, TrainReport
from tabwidget.widgets.protocol import State, to_json
from tabwidget.widgets.registry import panel_classes
from tabwidget.widgets.warm_up import warm_up, warm_up_training

if TYPE_CHECKING:
    from tabwidget.events import Event
    from tabwidget.inference.query import Query
    from tabwidget.session import Run, Session
    from tabwidget.session.results import Answer
    from tabwidget.widgets.panel import Panel

__all__ = ["Batch", "Feed", "Listener", "feed_of"]

_log = logging.getLogger(__name__)

Batch = tuple[State, list[bytes]]

PERIOD = 0.12  # seconds between batches: about 8 Hz
FIRST = 0.02  # a change alone is sent sooner
LIVE_PERIOD = 1.0  # between refreshes of live slices while training
PICTURE_PERIOD = 5.0  # between refreshes of the static picture while training
PICTURE_REST = 1.0  # without a change, at other times: JupyterLab draws it anew each time
ASK_PERIOD = 0.5  # between answers of a model that is still trained
MAX_EXAMPLES = 4
MAX_LETTERS = 400
MAX_POINTS = 400  # of a curve in a slice; more look the same and make it heavier

CODE_TOPICS = {"table", "choices", "run", "answer"}  # on which the session's code depends


class Listener(Protocol):
    """A panel, as a feed sees it."""

    def receive_batch(self, batch: Batch) -> None:
        """Take one numbered batch."""
        ...

    def receive_slices(self, slices: Mapping[str, State], python: str) -> None:
        """Take the slices of the state that changed, by panel, and the session's code."""
        ...

    def refresh_picture(self) -> None:
        """Bring the static picture up to date."""
        ...


# Sessions that have panels, by identity; a feed lives as long as its panels do.
_feeds: weakref.WeakValueDictionary[int, Feed] = weakref.WeakValueDictionary()
_feeds_lock = threading.Lock()


def feed_of(session: Session) -> Feed:
    """Return the feed that all panels over `session` share."""
    with _feeds_lock:
        feed = _feeds.get(id(session))
        if feed is None:
            feed = Feed(session, panel_classes())
            _feeds[id(session)] = feed
        return feed


class Feed:
    """Sends a session's changes and its run's events to listeners.

    Parameters
    ----------
    session : Session
        The session to follow, as long as there are listeners.
    panels : mapping of str to panel class
        Each contributes one slice of the state, by its name.

    Attributes
    ----------
    slices : dict of str to dict
        The newest slice of each panel.
    python : str
        The session as Python code.
    """

    def __init__(self, session: Session, panels: Mapping[str, type[Panel]]) -> None:
        self.session = session
        self.slices: dict[str, State] = {}
        self.python = ""
        self._panels = panels
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        # Held while the position in the run is read or moved.
        self._position = threading.RLock()
        # Held during a tick: a cell's end may send what the thread is about to send.
        self._ticking = threading.Lock()
        self._topics: set[str] = set()
        self._thread: threading.Thread | None = None
        self._unsubscribe: Any = None
        self._run: Run | None = None
        self._number = 0
        self._next = 0
        self._finished = True
        self._examples: tuple[str, ...] = ()
        self._run_state: State | None = None
        self._run_due = True
        self._answer: Answer | None = None
        self._answer_number = 0
        self._complaints: set[str] = set()
        self._live_at = 0.0
        self._picture_at = 0.0
        self._changed_at = -math.inf
        self._outdated = False  # the picture
        self._ask_at = 0.0
        self._displayed = self._preparing = False

    def attach(self, listener: Listener) -> None:
        """Keep a listener up to date from now on."""
        # The session's lock comes first, always: a notification may arrive with it held.
        with self.session.lock, self._lock:
            self._listeners.append(listener)
            if self._unsubscribe is None:
                self._unsubscribe = self.session.subscribe(self.notify)
        run = self.session.run
        if run is not None and run.status == "running":
            self.notify("run")
        elif self._unanswered():
            self.notify("answer")

    def prepare(self) -> None:
        """Make the session's model on a thread: a panel is displayed."""
        self._displayed = True
        warm_up()
        warm_up_training()
        if self.session.unprepared and not self._preparing:
            self._preparing = True
            # Not a daemon: one killed inside torch would abort the interpreter at exit.
            threading.Thread(target=self._prepare, name="tabwidget-prepare").start()

    def _prepare(self) -> None:
        try:
            # Before the lock is taken: importing takes seconds.
            warm_up().join()
            self.session.prepare()
        finally:
            self._preparing = False
        self.notify("choices")

    def detach(self, listener: Listener) -> None:
        """Forget a listener; with the last one gone, forget the session."""
        with self.session.lock, self._lock:
            self._listeners = [other for other in self._listeners if other is not listener]
            if not self._listeners and self._unsubscribe is not None:
                self._unsubscribe()
                self._unsubscribe = None

    def notify(self, topic: str) -> None:
        """Note that something changed; returns at once, from any thread."""
        with self._lock:
            self._topics.add(topic)
            if self._thread is None and self._listeners:
                self._thread = threading.Thread(
                    target=self._run_thread, name="tabwidget-feed", daemon=True
                )
                self._thread.start()

    def run_number(self) -> int:
        """Return the number of the session's newest run; 0 if there is none."""
        with self._position:
            self._follow()
            return self._number

    def ask(self, query: str | Query) -> tuple[Answer, int]:
        """Ask the session, and return the answer with its number."""
        # Numbered before anyone else can ask, so that a later answer has a higher number.
        with self.session.lock:
            answer = self.session.ask(query)
            return answer, self.answer_number()

    def answer_number(self) -> int:
        """Return the number of the session's answer: a later answer has a higher one.

        Call it with the session's lock held.
        """
        if self.session.answer is not self._answer:
            self._answer = self.session.answer
            self._answer_number += 1
        return self._answer_number

    def refresh(self, names: Collection[str] | None = None, code: bool = True) -> dict[str, State]:
        """Make the slices of some panels anew, of all by default, and return them.

        Without `code`, the session's code stays as it is.
        """
        # One lock around all of them, so that the slices belong together.
        with self.session.lock:
            made = {
                name: panel.slice(self)
                for name, panel in self._panels.items()
                if names is None or name in names
            }
            self.slices.update(made)
            if code:
                self.python = self.session.python() if self.session.table is not None else ""
        return made

    def run_state(self) -> State | None:
        """Return the run with its curve up to where the stream is; None before the first fit.

        Between refreshes of live slices it is the last one: the curve is long, and the stream
        carries its new points anyway.
        """
        with self._position:
            self._follow()
            if self._run is None:
                self._run_state = None
            elif (
                self._run_due
                or self._run_state is None
                or self._run_state["number"] != self._number
            ):
                self._run_state = {
                    **to_json(self._run.snapshot()),
                    "number": self._number,
                    "next": self._next,
                    "curve": _thinned(self._run.curve),
                    "examples": list(self._examples),
                }
            return self._run_state

    def since(self, run_number: int, start: int) -> Batch | None:
        """Return the events from number `start` on, up to where the stream is; None if gone."""
        with self._position:
            self._follow()
            if self._run is None or run_number != self._number:
                return None
            events, _ = self._run.since(start)
            return self._batch(events[: max(0, self._next - start)], start, self._next)

    def flush(self) -> None:
        """Send what is new at once, and the picture with it.

        At the end of a cell: what comes later is not part of a notebook that is executed and saved.
        """
        if self._thread is not None:
            self._picture_at, self._changed_at = 0.0, -math.inf
            self.tick()

    def tick(self) -> bool:
        """Send once what is new; return whether there may be more to come."""
        with self._ticking:
            return self._tick()

    def _tick(self) -> bool:
        with self._lock:
            topics, self._topics = self._topics, set()
            listeners = list(self._listeners)
        if not listeners:
            return False
        batch = self._drain()
        if batch is not None:
            for listener in listeners:
                listener.receive_batch(batch)
        running = not self._finished
        now = time.monotonic()
        # The topic of an answer refreshed here is handled at the next tick.
        if batch is not None and (not running or now >= self._ask_at):
            self._ask_again()
        ended = batch is not None and not running
        live = ended or (running and now >= self._live_at + LIVE_PERIOD)
        names = {
            name
            for name, panel in self._panels.items()
            if panel.topics & topics or (panel.live and live)
        }
        code = bool(topics & CODE_TOPICS)
        if names or code:
            self._run_due = live or not running
            if live:
                self._live_at = now
            self._send(names, code, listeners)
        if self._displayed and self.session.unprepared:
            self.prepare()
        if topics and not running and self._unanswered():
            # A model that answers before training: the user sees its first answer at once.
            self._ask_again()
            self._send({name for name in self._panels if self._panels[name].asks}, True, listeners)
        rested = now >= self._changed_at + PICTURE_REST
        if names or batch is not None:
            self._changed_at, self._outdated = now, True
        if self._outdated and (ended or (now >= self._picture_at if running else rested)):
            self._picture_at = now + PICTURE_PERIOD
            self._outdated = False
            for listener in listeners:
                listener.refresh_picture()
        return running or bool(self._topics) or self._outdated

    def _send(self, names: Collection[str], code: bool, listeners: Sequence[Listener]) -> None:
        """Refresh the slices of some panels, and send them."""
        changed = self.refresh(names, code)
        for listener in listeners:
            listener.receive_slices(changed, self.python)

    def _unanswered(self) -> bool:
        """Return whether there is a question that a model could answer, and no answer."""
        session = self.session
        with session.lock:
            asked = session.question is not None and session.answer is None
            return asked and session.current_task.ready and not session.unprepared

    def _run_thread(self) -> None:
        time.sleep(FIRST)
        while True:
            try:
                more = self.tick()
            except Exception as error:
                # An error in one slice must stop neither the stream nor the next change.
                self._log_once(error)
                more = not self._finished
            with self._lock:
                if not more and not self._topics:
                    self._thread = None
                    return
            time.sleep(PERIOD)

    def _log_once(self, error: Exception) -> None:
        """Log an error once: the thread would meet it eight times a second."""
        if str(error) not in self._complaints:
            self._complaints.add(str(error))
            _log.error("a panel could not be brought up to date", exc_info=error)

    def _follow(self) -> None:
        """Move to the session's newest run."""
        run = self.session.run
        if run is not self._run:
            self._run = run
            self._number += 1
            self._next = 0
            self._finished = run is None
            self._examples = ()
            self._ask_at = 0.0

    def _drain(self) -> Batch | None:
        with self._position:
            self._follow()
            if self._run is None or self._finished:
                return None
            # The status is read first: of a run that has ended, `since` then gives all the rest.
            ended = self._run.status != "running"
            start = self._next
            events, self._next = self._run.since(start)
            self._finished = ended
            return self._batch(events, start, self._next)

    def _batch(self, events: list[Event], start: int, following: int) -> Batch:
        assert self._run is not None
        points = array.array("f")
        for event in events:
            if isinstance(event, TrainReport):
                points.extend((event.seconds, event.step, event.loss, 0.0))
            elif isinstance(event, EvalReport):
                points.extend((event.seconds, event.step, event.loss, 1.0))
            elif isinstance(event, TrainExamples):
                shown = event.examples[:MAX_EXAMPLES]
                self._examples = tuple(text[:MAX_LETTERS] for text in shown)
        message: State = {
            "type": "batch",
            "run": self._number,
            "from": start,
            "next": following,
            "stats": to_json(self._run.snapshot()),
            "examples": list(self._examples),
        }
        return message, [points.tobytes()]

    def _ask_again(self) -> None:
        """Answer the current question again by the model as it is now."""
        session, began = self.session, time.monotonic()
        try:
            # With the lock held throughout, so that no question asked in between is undone.
            with session.lock:
                session.current_task.refresh()
        except TabwidgetError:
            # Not trained far enough yet, or the question no longer fits: the user will ask again.
            return
        finally:
            took = time.monotonic() - began
            self._ask_at = time.monotonic() + max(ASK_PERIOD, 4 * took)


def _thinned(curve: Sequence[Mapping[str, Any]]) -> list[State]:
    """Return about `MAX_POINTS` points of a curve, with all those of the validation loss."""
    stride = max(1, len(curve) // MAX_POINTS)
    kept = [p for i, p in enumerate(curve) if i % stride == 0 or p["split"] == "validation"]
    points: list[State] = to_json([p for p in kept if math.isfinite(p["loss"])])
    return points

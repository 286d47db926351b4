"""Feed: carries what happens in a session to every panel over it.

One thread a session, and only while there is something to carry: it gathers for a moment, drains
the run's new events into one numbered batch with a float32 buffer, refreshes the snapshot traits
at a low rate, and ends when the run has ended and nothing changed. The training thread itself
never touches a widget.
"""

from __future__ import annotations

import array
import logging
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from tabwidget.errors import TabwidgetError
from tabwidget.session.tasks.base import TEXT_LABELS
from tabwidget.widgets import _state

if TYPE_CHECKING:
    from tabwidget.events import Event
    from tabwidget.inference.query import Query
    from tabwidget.session import Run, Session
    from tabwidget.session.results import Answer
    from tabwidget.table import Table

__all__ = ["Batch", "Feed", "Listener", "feed_of"]

_log = logging.getLogger(__name__)

Message = dict[str, Any]
Batch = tuple[Message, list[bytes]]

PERIOD = 0.12  # seconds between batches: about 8 Hz
FIRST = 0.02  # a change alone is carried sooner
SNAPSHOT_PERIOD = 1.0  # while training; any other change is carried at once
PICTURE_PERIOD = 5.0
ASK_PERIOD = 0.5  # how often the shown question is asked anew of a model that learns
MAX_EXAMPLES = 4
MAX_LETTERS = 400


class Listener(Protocol):
    """What a feed carries to: a panel."""

    def receive_batch(self, batch: Batch) -> None:
        """Take one numbered batch."""
        ...

    def receive_snapshot(self, snapshot: Message) -> None:
        """Take the newest snapshot."""
        ...

    def refresh_picture(self) -> None:
        """Bring the static picture up to date with the snapshot."""
        ...


# Sessions that have panels, by identity; a feed lives as long as its panels do.
_feeds: weakref.WeakValueDictionary[int, Feed] = weakref.WeakValueDictionary()
_feeds_lock = threading.Lock()


def feed_of(session: Session) -> Feed:
    """Return the feed that all panels over `session` share."""
    with _feeds_lock:
        feed = _feeds.get(id(session))
        if feed is None:
            feed = Feed(session)
            _feeds[id(session)] = feed
        return feed


class Feed:
    """Carries a session's changes and its run's events to listeners.

    Parameters
    ----------
    session : Session
        What to follow, as long as there are listeners.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        # Held by whoever reads or moves the position in the run.
        self._position = threading.RLock()
        self._topics: set[str] = set()
        self._thread: threading.Thread | None = None
        self._unsubscribe: Any = None
        self._run: Run | None = None
        self._number = 0
        self._next = 0
        self._finished = True
        self._examples: tuple[str, ...] = ()
        self._run_state: Message | None = None
        self._table: Table | None = None
        self._table_state: Message | None = None
        self._answer: Answer | None = None
        self._answer_number = 0
        self._complaints: set[str] = set()
        self._snapshot_at = 0.0
        self._picture_at = 0.0
        self._ask_at = 0.0

    def attach(self, listener: Listener) -> None:
        """Carry to `listener` from now on."""
        # The session's lock comes first, always: a notification may arrive with it held.
        with self.session.lock, self._lock:
            self._listeners.append(listener)
            if self._unsubscribe is None:
                self._unsubscribe = self.session.subscribe(self.notify)
        run = self.session.run
        if run is not None and run.status == "running":
            self.notify("run")

    def detach(self, listener: Listener) -> None:
        """Carry to `listener` no more; with the last one gone, forget the session."""
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
                    target=self._carry, name="tabwidget-feed", daemon=True
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
            return answer, self._number_of_answer()

    def _number_of_answer(self) -> int:
        """Number the session's answer, whose lock is held: a higher number is a later answer."""
        if self.session.answer is not self._answer:
            self._answer = self.session.answer
            self._answer_number += 1
        return self._answer_number

    def snapshot(self, *, with_run: bool = True) -> Message:
        """Return everything the panels draw, as it is now.

        Parameters
        ----------
        with_run : bool, default True
            False keeps the run as it was in the last snapshot: its curve is long, and the
            stream tells of it anyway.
        """
        with self._position:
            self._follow()
            if self._run is None:
                self._run_state = None
            elif with_run or self._run_state is None or self._run_state["number"] != self._number:
                self._run_state = _state.run_state(
                    self._run,
                    number=self._number,
                    following=self._next,
                    examples=self._examples,
                )
            run = self._run_state
            table = self.session.table
            if table is not self._table:
                self._table = table
                self._table_state = None if table is None else _state.table_state(table)
            shown = self._table_state
        with self.session.lock:
            number = self._number_of_answer()
            return _state.snapshot(self.session, table=shown, run=run, answer_number=number)

    def since(self, run_number: int, start: int) -> Batch | None:
        """Return the events from number `start` on, up to where the stream is; None if gone."""
        with self._position:
            self._follow()
            if self._run is None or run_number != self._number:
                return None
            events, _ = self._run.since(start)
            return self._batch(events[: max(0, self._next - start)], start, self._next)

    def tick(self) -> bool:
        """Carry once what is new; return whether there may be more to come."""
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
        # An answer refreshed here tells of itself as a topic at the next tick.
        if batch is not None and (not running or now >= self._ask_at):
            self._ask_anew()
        ended = batch is not None and not running
        due = ended or now >= self._snapshot_at + SNAPSHOT_PERIOD
        if topics - {"run"} or (topics and not running) or ended or (running and due):
            if due:
                self._snapshot_at = now
            snapshot = self.snapshot(with_run=due)
            for listener in listeners:
                listener.receive_snapshot(snapshot)
        more = running or bool(self._topics)
        if not more or now >= self._picture_at:
            self._picture_at = now + PICTURE_PERIOD
            for listener in listeners:
                listener.refresh_picture()
        return more

    def _carry(self) -> None:
        time.sleep(FIRST)
        while True:
            try:
                more = self.tick()
            except Exception as error:
                # What cannot be drawn must stop neither the stream nor the next change.
                self._complain(error)
                more = not self._finished
            with self._lock:
                if not more and not self._topics:
                    self._thread = None
                    return
            time.sleep(PERIOD)

    def _complain(self, error: Exception) -> None:
        """Log an error once: the thread would meet it again eight times a second."""
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
        from tabwidget.events import EvalReport, TrainExamples, TrainReport

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
        message: Message = {
            "type": "batch",
            "run": self._number,
            "from": start,
            "next": following,
            "stats": _state.run_stats(self._run),
            "examples": list(self._examples),
        }
        return message, [points.tobytes()]

    def _ask_anew(self) -> None:
        """Ask the shown question of the model as it is now."""
        session = self.session
        if session.model is None or session.question is None or session.task == TEXT_LABELS:
            return
        began = time.monotonic()
        try:
            # With the lock held the whole time, or it would undo a question asked in between.
            with session.lock:
                session.ask(session.question)
        except TabwidgetError:
            # Not fitted far enough yet, or the question no longer fits: the user will ask anew.
            return
        finally:
            took = time.monotonic() - began
            self._ask_at = time.monotonic() + max(ASK_PERIOD, 4 * took)

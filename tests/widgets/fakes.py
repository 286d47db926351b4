"""A session and a run that a test plays by hand: no thread, no model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

from tabwidget.backends.cost import Cost
from tabwidget.events import FitStart
from tabwidget.session.results import RowPreview
from tabwidget.session.tasks.base import Applied, Task
from tabwidget.session.tasks.text_labels import TextLabelTask


class FakeRun:
    """A run whose events a test appends."""

    def __init__(self) -> None:
        self.status = "running"
        self.error: str | None = None
        self.events: list[Any] = []
        self.curve: list[dict[str, Any]] = []

    def since(self, n: int) -> tuple[list[Any], int]:
        events = self.events[n:]
        return events, n + len(events)

    def snapshot(self) -> dict[str, Any]:
        budgets = [event.budget_seconds for event in self.events if isinstance(event, FitStart)]
        return {
            **{"status": self.status, "error": self.error, "step": len(self.events)},
            "budget": budgets[0] if budgets else None,
        }


class FakeTraining:
    """The training settings that a slice shows."""

    max_seconds = 10.0


class FakeTask(Task):
    """A task of nothing; counts how often it is refreshed."""

    names, kind, panel = ("classification",), "rows", "query"

    def __init__(self, session: Any) -> None:
        super().__init__(session)
        self.answers = False
        self.refreshed = 0

    @property
    def ready(self) -> bool:
        return self.answers

    @property
    def result(self) -> None:
        return None

    def choose(self, checked: Mapping[str, Any]) -> Applied:
        return Applied()

    def start(self, run: Any, resume: bool) -> Callable[[], object]:
        raise NotImplementedError

    def cost(self) -> Cost:
        raise NotImplementedError

    def preview(self, row: int, draw: int) -> RowPreview:
        raise NotImplementedError

    def python(self) -> str:
        return ""

    def snapshot(self) -> dict[str, Any]:
        return {"settings": {"serializer": self.session.serializer}, "offers": {}, "roles": {}}

    def refresh(self) -> None:
        self.refreshed += 1


class FakeSession:
    """The part of a session that a feed uses."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.table = None
        self.target: str | None = None
        self.task = "classification"
        self.current_task: Any = FakeTask(self)
        self.tasks = {
            "classification": self.current_task,
            "text labels": TextLabelTask(cast(Any, self)),
        }
        self.serializer = "json"
        self.training = FakeTraining()
        self.run: FakeRun | None = None
        self.question: Any = None
        self.answer: Any = None
        self.stage = ""
        self.skill = None
        self.unprepared = False
        self.subscribers: list[Callable[[str], None]] = []

    def subscribe(self, fn: Callable[[str], None]) -> Callable[[], None]:
        self.subscribers.append(fn)
        return lambda: self.subscribers.remove(fn)

    def python(self) -> str:
        return ""


class FakePanel:
    """Keeps what a feed sends to it."""

    def __init__(self) -> None:
        self.batches: list[tuple[dict[str, Any], list[bytes]]] = []
        self.received: list[dict[str, Any]] = []
        self.slices: dict[str, Any] = {}
        self.pictures = 0

    def receive_batch(self, batch: tuple[dict[str, Any], list[bytes]]) -> None:
        self.batches.append(batch)

    def receive_slices(self, slices: Mapping[str, dict[str, Any]], python: str) -> None:
        self.received.append(dict(slices))
        self.slices.update(slices)

    def refresh_picture(self) -> None:
        self.pictures += 1

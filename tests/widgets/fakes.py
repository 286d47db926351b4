"""A session and a run that a test plays by hand: no thread, no model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tabwidget.events import FitStart


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
    """The training choices that a snapshot shows."""

    max_seconds = 10.0


class FakeSession:
    """What a feed needs of a session."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.table = None
        self.target = None
        self.task = "classification"
        self.labeling = None
        self.serializer, self.backend, self.model_config = "json", "minilm", None
        self.training = FakeTraining()
        self.run: FakeRun | None = None
        self.model: object | None = None
        self.question: object | None = None
        self.answer: Any = None
        self.asked: list[object] = []
        self.subscribers: list[Callable[[str], None]] = []

    def subscribe(self, fn: Callable[[str], None]) -> Callable[[], None]:
        self.subscribers.append(fn)
        return lambda: self.subscribers.remove(fn)

    def ask(self, query: object) -> None:
        self.asked.append(query)

    def python(self) -> str:
        return ""


class FakePanel:
    """Keeps what a feed carries to it."""

    def __init__(self) -> None:
        self.batches: list[tuple[dict[str, Any], list[bytes]]] = []
        self.snapshots: list[dict[str, Any]] = []
        self.pictures = 0

    def receive_batch(self, batch: tuple[dict[str, Any], list[bytes]]) -> None:
        self.batches.append(batch)

    def receive_snapshot(self, snapshot: dict[str, Any]) -> None:
        self.snapshots.append(snapshot)

    def refresh_picture(self) -> None:
        self.pictures += 1

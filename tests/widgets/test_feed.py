"""The feed: numbered batches in order, nothing twice, nothing lost, nothing left behind."""

from __future__ import annotations

import array
import gc
import math
import threading
import time
from typing import Any, cast

import pytest

from tabwidget.events import EvalReport, FitStart, TrainExamples, TrainReport
from tabwidget.session import Session
from tabwidget.widgets import feed as feed_module
from tabwidget.widgets.feed import Feed, feed_of
from tabwidget.widgets.registry import panel_classes
from tests.widgets.fakes import FakePanel, FakeRun, FakeSession

TABLE_PANELS = {name for name, panel in panel_classes().items() if "table" in panel.topics}


def report(step: int, loss: float = 0.5) -> TrainReport:
    return TrainReport(
        seconds=step / 10, step=step, epoch=0, loss=loss, learning_rate=0.1, rows_per_second=100.0
    )


def evaluation(step: int) -> EvalReport:
    return EvalReport(seconds=step / 10, step=step, loss=0.25, column_losses={}, best=True)


def points(batch: tuple[dict[str, Any], list[bytes]]) -> list[tuple[float, ...]]:
    numbers = array.array("f", batch[1][0])
    return [tuple(numbers[i : i + 4]) for i in range(0, len(numbers), 4)]


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test tick by hand instead of the thread."""
    monkeypatch.setattr(Feed, "notify", lambda self, topic: self._topics.add(topic))


@pytest.fixture
def playing(quiet: None) -> tuple[FakeSession, Feed, FakePanel]:
    session, panel = FakeSession(), FakePanel()
    feed = Feed(session, panel_classes())  # type: ignore[arg-type]
    feed.attach(panel)
    return session, feed, panel


def test_batches_are_numbered_without_gaps_and_carry_every_point_once(
    playing: tuple[FakeSession, Feed, FakePanel],
) -> None:
    session, feed, panel = playing
    session.run = run = FakeRun()
    run.events += [report(1), report(2)]
    assert feed.tick()
    assert feed.tick()
    run.events += [evaluation(3), TrainExamples(seconds=0.3, examples=("a row",))]
    feed.tick()
    numbers = [(message["from"], message["next"]) for message, _ in panel.batches]
    assert numbers == [(0, 2), (2, 2), (2, 4)]
    steps = [(round(p[1]), p[3]) for batch in panel.batches for p in points(batch)]
    assert steps == [(1, 0.0), (2, 0.0), (3, 1.0)]
    assert panel.batches[-1][0]["examples"] == ["a row"]


def test_the_last_events_arrive_with_the_end_and_then_it_rests(
    playing: tuple[FakeSession, Feed, FakePanel],
) -> None:
    session, feed, panel = playing
    session.run = run = FakeRun()
    feed.tick()
    run.events.append(report(1))
    run.status = "done"
    assert not feed.tick()
    assert panel.batches[-1][0]["stats"]["status"] == "done"
    assert len(points(panel.batches[-1])) == 1
    assert panel.slices["train"]["run"]["status"] == "done"
    sent = len(panel.batches)
    assert not feed.tick()
    assert len(panel.batches) == sent


def test_a_loss_that_is_not_a_number_survives_the_journey(
    playing: tuple[FakeSession, Feed, FakePanel],
) -> None:
    session, feed, panel = playing
    session.run = run = FakeRun()
    run.events.append(report(1, loss=math.nan))
    feed.tick()
    assert math.isnan(points(panel.batches[0])[0][2])


def test_what_is_missing_can_be_asked_for(playing: tuple[FakeSession, Feed, FakePanel]) -> None:
    session, feed, _ = playing
    session.run = run = FakeRun()
    run.events += [report(1), report(2), report(3)]
    feed.tick()
    run.events.append(report(4))
    batch = feed.since(1, 1)
    assert batch is not None
    # Only up to where the stream is: the fourth comes with the next batch.
    assert (batch[0]["from"], batch[0]["next"]) == (1, 3)
    assert [round(p[1]) for p in points(batch)] == [2, 3]
    assert feed.since(7, 0) is None


def test_a_new_run_begins_a_new_number(playing: tuple[FakeSession, Feed, FakePanel]) -> None:
    session, feed, panel = playing
    session.run = FakeRun()
    session.run.events += [report(1), report(2)]
    feed.tick()
    session.run = FakeRun()
    session.run.events.append(
        FitStart(
            seconds=0.0,
            n_rows=1,
            n_columns=1,
            n_train=1,
            n_validation=0,
            n_parameters=1,
            backend="x",
            budget_seconds=7.0,
            total_steps=None,
        )
    )
    feed.tick()
    first, second = panel.batches[0][0], panel.batches[1][0]
    assert second["run"] == first["run"] + 1
    assert second["from"] == 0
    assert second["stats"]["budget"] == 7.0


def test_the_shown_question_is_asked_anew_while_it_trains_but_not_at_every_tick(
    playing: tuple[FakeSession, Feed, FakePanel],
) -> None:
    session, feed, _ = playing
    session.run = FakeRun()
    for _ in range(5):
        feed.tick()
    assert session.current_task.refreshed == 1
    session.run.status = "done"
    feed.tick()
    assert session.current_task.refreshed == 2


def test_asking_anew_cannot_undo_a_question_asked_in_between(
    playing: tuple[FakeSession, Feed, FakePanel], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, feed, _ = playing
    session.run = FakeRun()
    held: list[bool] = []

    def refresh() -> None:
        other = threading.Thread(target=lambda: held.append(not session.lock.acquire(timeout=0.05)))
        other.start()
        other.join()

    monkeypatch.setattr(session.current_task, "refresh", refresh)
    feed.tick()
    assert held == [True]


def test_a_picture_that_fails_does_not_stop_the_stream(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session, panel = FakeSession(), FakePanel()
    session.run = run = FakeRun()
    monkeypatch.setattr(feed_module, "PERIOD", 0.01)
    monkeypatch.setattr(panel, "receive_slices", lambda slices, python: 1 / 0)
    feed = Feed(session, panel_classes())  # type: ignore[arg-type]
    feed.attach(panel)
    for step in range(1, 4):
        run.events.append(report(step))
        time.sleep(0.05)
    run.status = "done"
    deadline = time.monotonic() + 5
    while feed._thread is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [round(p[1]) for batch in panel.batches for p in points(batch)] == [1, 2, 3]
    assert len(caplog.records) == 1


def test_an_answer_refreshes_what_depends_on_it_alone(
    playing: tuple[FakeSession, Feed, FakePanel],
) -> None:
    _, feed, panel = playing
    feed.notify("answer")
    feed.tick()
    assert [set(slices) for slices in panel.received] == [{"query", "rows"}]
    feed.notify("table")
    feed.tick()
    assert set(panel.received[-1]) == TABLE_PANELS


def test_a_change_is_carried_to_every_panel(playing: tuple[FakeSession, Feed, FakePanel]) -> None:
    session, feed, panel = playing
    other = FakePanel()
    feed.attach(other)
    session.serializer = "bracket"
    feed.notify("choices")
    feed.tick()
    for one in (panel, other):
        assert one.slices["task"]["settings"]["serializer"] == "bracket"
        assert one.pictures == 1


def test_a_question_is_answered_as_soon_as_a_model_is_there(
    playing: tuple[FakeSession, Feed, FakePanel],
) -> None:
    session, feed, panel = playing
    feed.notify("table")
    feed.tick()
    assert session.current_task.refreshed == 0
    session.question, session.current_task.answers = "x", True
    feed.notify("table")
    feed.tick()
    assert session.current_task.refreshed == 1
    assert [set(slices) for slices in panel.received[-2:]] == [
        TABLE_PANELS,
        {"query", "labels"},
    ]
    feed.tick()  # nothing new: not asked again
    assert session.current_task.refreshed == 1
    other = FakePanel()
    feed.attach(other)
    feed.tick()
    assert session.current_task.refreshed == 2


def test_live_refreshes_do_not_write_the_code_anew(
    quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, panel = Session("iris", backend="minilm"), FakePanel()
    session.run = run = cast(Any, FakeRun())
    written: list[str] = []

    def write() -> str:
        written.append("code")
        return "code"

    monkeypatch.setattr(session, "python", write)
    monkeypatch.setattr(feed_module, "LIVE_PERIOD", 0.0)
    feed = Feed(session, panel_classes())
    feed.attach(panel)
    for step in range(1, 4):
        run.events.append(report(step))
        feed.tick()
    assert sum("train" in slices for slices in panel.received) == 3
    assert written == ["code"]  # as the run began
    feed.notify("choices")
    feed.tick()
    assert written == ["code"] * 2


def test_the_picture_is_sent_once_a_slider_rests(
    playing: tuple[FakeSession, Feed, FakePanel], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, feed, panel = playing
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    more = []
    for _ in range(20):
        feed.notify("answer")
        more.append(feed.tick())
        now[0] += 0.1
    assert panel.pictures == 1  # of the first change
    assert more[-1]  # the last change is not in the picture yet
    now[0] += 1.0
    assert not feed.tick()
    assert panel.pictures == 2


def test_panels_over_one_session_share_a_feed_and_leave_nothing_behind() -> None:
    session, panel = FakeSession(), FakePanel()
    feed = feed_of(session)  # type: ignore[arg-type]
    assert feed_of(session) is feed  # type: ignore[arg-type]
    feed.attach(panel)
    assert len(session.subscribers) == 1
    feed.detach(panel)
    assert session.subscribers == []
    assert not feed.tick()
    del feed
    gc.collect()
    assert id(session) not in feed_module._feeds


def test_the_thread_carries_a_run_and_ends_with_it() -> None:
    session, panel = FakeSession(), FakePanel()
    session.run = run = FakeRun()
    feed = Feed(session, panel_classes())  # type: ignore[arg-type]
    feed.attach(panel)
    run.events.append(report(1))
    run.status = "stopped"
    for notify in session.subscribers:
        notify("run")
    deadline = time.monotonic() + 5
    while any(t.name == "tabwidget-feed" for t in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [round(p[1]) for batch in panel.batches for p in points(batch)] == [1]
    assert panel.slices["train"]["run"]["status"] == "stopped"


def test_a_flush_sends_the_picture_at_once_if_anything_is_new(
    playing: tuple[FakeSession, Feed, FakePanel], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, feed, panel = playing
    feed.flush()
    assert (panel.pictures, panel.batches) == (0, [])
    monkeypatch.setattr(feed, "_thread", threading.current_thread())
    session.run = run = FakeRun()
    feed.tick()
    pictures = panel.pictures
    run.status = "done"
    feed.flush()
    assert panel.batches[-1][0]["stats"]["status"] == "done"
    assert panel.pictures == pictures + 1

"""predicting: the events of a prediction."""

from __future__ import annotations

import pytest

from tabwidget.callbacks import predicting
from tabwidget.events import Event, PredictEnd, PredictStart, RowEnd


def test_start_rows_and_end_are_emitted() -> None:
    events: list[Event] = []
    with predicting(events.append, "sample", 5) as done:
        done(2)
        done(3)
    assert events[0] == PredictStart(0.0, "sample", 5)
    assert [event.rows_done for event in events if isinstance(event, RowEnd)] == [2, 5]
    assert [event.seconds for event in events] == sorted(event.seconds for event in events)
    assert isinstance(events[-1], PredictEnd)
    assert events[-1].reason == "done"


def test_a_failed_prediction_emits_its_end() -> None:
    events: list[Event] = []
    with pytest.raises(ZeroDivisionError), predicting(events.append, "sample", 5):
        _ = 1 / 0
    assert isinstance(events[-1], PredictEnd)
    assert (events[-1].reason, events[-1].rows_done) == ("failed", 0)

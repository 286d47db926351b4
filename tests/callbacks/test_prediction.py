"""predicting: what is told of an answer to many rows."""

from __future__ import annotations

import pytest

from tabwidget.callbacks import predicting
from tabwidget.events import Event, PredictEnd, PredictStart, RowEnd


def test_start_rows_and_end_are_told() -> None:
    told: list[Event] = []
    with predicting(told.append, "sample", 5) as done:
        done(2)
        done(3)
    assert told[0] == PredictStart(0.0, "sample", 5)
    assert [event.rows_done for event in told if isinstance(event, RowEnd)] == [2, 5]
    assert [event.seconds for event in told] == sorted(event.seconds for event in told)
    assert isinstance(told[-1], PredictEnd)
    assert told[-1].reason == "done"


def test_an_error_is_an_end_too() -> None:
    told: list[Event] = []
    with pytest.raises(ZeroDivisionError), predicting(told.append, "sample", 5):
        _ = 1 / 0
    assert isinstance(told[-1], PredictEnd)
    assert (told[-1].reason, told[-1].rows_done) == ("failed", 0)

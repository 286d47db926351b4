"""JSONLCallback: a line an event."""

from __future__ import annotations

import json
import math
from pathlib import Path

from tabwidget.callbacks import JSONLCallback
from tabwidget.events import FitEnd, from_dict
from tests.callbacks.play import EVENTS, FIT, PREDICTION, play


def test_it_writes_an_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    play(JSONLCallback(path), *EVENTS)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["event"] for line in lines] == [type(event).__name__ for event in EVENTS]
    assert lines[1]["examples"][0] == '{"größe": 1}'
    assert lines[2]["loss"] == 1.5


def test_a_line_is_read_back_as_the_event_it_was(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    known = [*FIT[:3], *FIT[4:], *PREDICTION]  # NaN, in FIT[3], equals nothing
    play(JSONLCallback(path), *known)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [from_dict(json.loads(line)) for line in lines] == known


def test_it_appends_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    play(JSONLCallback(path), *EVENTS[:2])
    play(JSONLCallback(path), *EVENTS[2:])
    assert len(path.read_text(encoding="utf-8").splitlines()) == len(EVENTS)


def test_a_loss_that_is_not_known_is_null(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    play(JSONLCallback(path), FIT[3], FitEnd(1.0, 0, "stopped", 0, math.inf))
    eval_line, end_line = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(eval_line)["column_losses"] == {"x": 1.0, "y": None}
    assert json.loads(end_line)["best_loss"] is None

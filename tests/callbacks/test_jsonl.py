"""JSONLCallback: one line per event."""

from __future__ import annotations

import json
import math
from pathlib import Path

from tabwidget.callbacks import JSONLCallback
from tabwidget.events import FitEnd, from_dict
from tests.callbacks.fakes import EVENTS, FIT, PREDICTION, play


def test_each_line_is_an_object(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    play(JSONLCallback(path), *EVENTS)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["event"] for line in lines] == [type(event).__name__ for event in EVENTS]
    assert lines[1]["examples"][0] == '{"größe": 1}'
    assert lines[2]["loss"] == 1.5


def test_lines_are_restored_as_events(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    known = [*FIT[:3], *FIT[4:], *PREDICTION]  # FIT[3] has a NaN, which never compares equal
    play(JSONLCallback(path), *known)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [from_dict(json.loads(line)) for line in lines] == known


def test_it_appends_to_an_existing_file(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    play(JSONLCallback(path), *EVENTS[:2])
    play(JSONLCallback(path), *EVENTS[2:])
    assert len(path.read_text(encoding="utf-8").splitlines()) == len(EVENTS)


def test_unknown_losses_are_null(tmp_path: Path) -> None:
    path = tmp_path / "fit.jsonl"
    play(JSONLCallback(path), FIT[3], FitEnd(1.0, 0, "stopped", 0, math.inf))
    eval_line, end_line = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(eval_line)["column_losses"] == {"x": 1.0, "y": None}
    assert json.loads(end_line)["best_loss"] is None

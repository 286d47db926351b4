"""The warm-up: what the first answer needs is imported once, on a thread."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tabwidget.session import Session
from tabwidget.widgets import DataPanel, Workbench
from tabwidget.widgets import feed as feed_module
from tabwidget.widgets.warm_up import warm_up

CODE = """
import sys
import tabwidget.widgets
from tabwidget.widgets.warm_up import warm_up, warm_up_training
assert not {"torch", "altair"} & set(sys.modules)
warm_up().join()
assert "torch" in sys.modules
assert "torch._dynamo" not in sys.modules
warm_up_training().join()
assert {"altair", "torch._dynamo"} <= set(sys.modules)
"""


def test_it_imports_what_the_first_answer_needs() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=120)


def test_it_runs_once_and_when_a_panel_is_displayed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert warm_up() is warm_up()
    begun: list[bool] = []
    later: list[bool] = []
    monkeypatch.setattr(feed_module, "warm_up", lambda: begun.append(True))
    monkeypatch.setattr(feed_module, "warm_up_training", lambda: later.append(True))
    panel = DataPanel()
    assert begun == []
    panel._ipython_display_()
    assert begun == later == [True]
    panel.close()


def test_a_model_is_made_when_it_is_needed_or_displayed() -> None:
    bench = Workbench("penguins")
    session = bench.session
    assert session.unprepared
    assert session.current_model is None
    train = bench.slices["train"]
    assert (train["ready"], train["preparing"], train["stage"]) == (True, True, "pretrained")
    bench._ipython_display_()
    deadline = time.monotonic() + 60
    while session.answer is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert session.current_model is not None
    assert bench._feed.refresh({"train"})["train"]["stage"] == "pretrained"
    session.load("iris")
    while session.answer is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert session.answer.query.targets[0] in session.loaded().schema
    bench.close()


def test_a_session_alone_makes_it_at_the_first_question() -> None:
    session = Session("penguins")
    assert session.unprepared
    assert session.stage == "pretrained"
    assert not session.unprepared
    assert session.choose(backend="minilm").invalidates == ("model", "answer")
    assert session.model is None
    session.choose(backend="pretrained")
    assert session.unprepared
    session.ask("species")
    assert session.current_model is not None

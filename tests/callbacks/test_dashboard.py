"""RichCallback: a live display on a terminal, plain lines elsewhere, and cleanup."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest
from rich.console import Console

from tabwidget.callbacks import RichCallback, TqdmCallback, dashboard, notify, screen
from tabwidget.events import FitEnd, PredictEnd, RowEnd, TrainingState, TrainReport
from tests.callbacks.fakes import FIT, PREDICTION, play

SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80, height=24)


def text(callback: RichCallback) -> str:
    assert callback.console is not None
    file = callback.console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.fixture
def live() -> Iterator[RichCallback]:
    """Yield a dashboard in the middle of a fit."""
    callback = RichCallback(console=terminal())
    play(callback, *FIT[:3])
    yield callback
    callback.close()


def test_the_dashboard_stays_on_the_screen_and_the_terminal_is_given_back() -> None:
    callback = RichCallback(console=terminal())
    play(callback, *FIT)
    assert "✔ done" in text(callback)
    assert text(callback).rindex(SHOW_CURSOR) > text(callback).rindex(HIDE_CURSOR)
    assert screen.is_free()


def test_closing_gives_the_terminal_back_without_an_end() -> None:
    streams = sys.stdout, sys.stderr
    callback = RichCallback(console=terminal())
    play(callback, *FIT[:3])
    assert not screen.is_free()
    for _ in range(2):
        callback.close()
        assert screen.is_free()
        assert (sys.stdout, sys.stderr) == streams
        assert text(callback).endswith(SHOW_CURSOR)


def test_a_failed_fit_is_marked(live: RichCallback) -> None:
    play(live, FIT[0], FitEnd(1.0, 1, "failed", 0, 1.0))
    assert "✖ failed" in text(live)
    assert screen.is_free()


def test_drawing_waits_until_it_is_due(live: RichCallback) -> None:
    state = TrainingState()
    for event in FIT[:2]:
        state.fold(event)
    before = text(live)
    live._due = 1e18
    for step in range(1000):
        notify([live], state, TrainReport(1.0, step, 0, 1.0, 1e-3, 500.0))
    assert text(live) == before


def test_newest_training_examples_are_shown() -> None:
    callback = RichCallback(n_train_examples=2, console=terminal())
    play(callback, *FIT)
    assert "[red]b[/]" in text(callback)
    assert '{"größe": 1}' not in text(callback)


def test_without_a_terminal_it_prints_lines() -> None:
    callback = RichCallback(n_train_examples=2, console=Console(file=io.StringIO(), width=40))
    play(callback, *FIT, *PREDICTION)
    assert text(callback).splitlines() == [
        "fit of 100 rows and 5 columns with fake, 1,234 parameters",
        'row: {"größe": 1}',
        "row: [red]b[/]",
        "1.1 s, step 10: train 1.500, validation 1.250",
        "ended after 2.0 s (converged), best validation 1.250 at step 10",
    ]


def test_a_second_dashboard_prints_lines(live: RichCallback) -> None:
    second = RichCallback(console=terminal())
    play(second, *FIT)
    assert HIDE_CURSOR not in text(second)
    assert "ended after" in text(second)


def test_a_dashboard_hides_open_and_later_bars(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bar, callback = TqdmCallback(3, mininterval=0), RichCallback(console=terminal())
    play(bar, FIT[0])
    play(callback, FIT[0])
    capsys.readouterr()
    play(bar, *FIT)
    callback.close()
    assert "fit" not in capsys.readouterr().err
    play(bar, *FIT)
    assert "fit (converged" in capsys.readouterr().err


def test_logging_goes_above_the_dashboard_and_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    handler = logging.StreamHandler()
    logger = logging.getLogger("above")
    logger.addHandler(handler)
    callback = RichCallback(console=terminal())
    play(callback, FIT[0])
    logger.warning("[red]hello")
    callback.close()
    logger.warning("later")
    logger.removeHandler(handler)
    assert "[red]hello" in text(callback)
    assert stream.getvalue() == "later\n"


def test_a_long_prediction_shows_a_bar_that_vanishes(monkeypatch: pytest.MonkeyPatch) -> None:
    callback = RichCallback(console=terminal())
    play(callback, *PREDICTION)
    assert "10 of 30 rows" in text(callback)
    assert text(callback).endswith("\x1b[2K")
    assert screen.is_free()


def test_a_short_prediction_shows_nothing() -> None:
    callback = RichCallback(console=terminal())
    soon = dashboard.DELAY / 2
    play(callback, PREDICTION[0], RowEnd(soon, 30), PredictEnd(soon, 30, "done"))
    assert text(callback) == ""

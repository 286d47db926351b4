"""LoggingCallback: records of the standard logging module."""

from __future__ import annotations

import logging

import pytest

from tabwidget.callbacks import LoggingCallback
from tests.callbacks.fakes import EVENTS, FIT, PREDICTION, play


def test_start_evaluations_and_end_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tabwidget"):
        play(LoggingCallback(), *FIT)
    assert caplog.messages == [
        "fit of 100 rows and 5 columns with fake, 1234 parameters",
        "1.1 s, step 10: train 1.5000, validation 1.2500 (best)",
        "ended after 2.0 s (converged), best validation 1.2500 at step 10",
    ]


def test_predictions_are_logged_and_retries_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tabwidget"):
        play(LoggingCallback(), *PREDICTION)
    assert caplog.messages == [
        "predict_proba of 30 rows",
        r"row 1, y: cannot parse 'one\nand a half', attempt 1",
        "predict_proba of 30 rows done after 2.0 s",
    ]
    assert caplog.records[1].levelname == "WARNING"


def test_every_event_is_logged_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "tabwidget"):
        play(LoggingCallback(), *EVENTS)
    assert len(caplog.messages) == len(EVENTS)
    assert not any("\n" in message for message in caplog.messages)


def test_the_first_rows_of_each_fit_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    callback = LoggingCallback(n_train_examples=2)
    with caplog.at_level(logging.INFO, "tabwidget"):
        for _ in range(2):
            play(callback, FIT[0], FIT[1], FIT[1])
    rows = [message for message in caplog.messages if message.startswith("row")]
    assert rows == ['row: {"größe": 1}', "row: [red]b[/]"] * 2


def test_the_given_logger_is_used(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "elsewhere"):
        play(LoggingCallback(logger=logging.getLogger("elsewhere")), *EVENTS)
    assert {record.name for record in caplog.records} == {"elsewhere"}

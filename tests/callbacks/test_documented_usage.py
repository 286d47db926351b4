"""The documented usage examples of callbacks, run as written."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pandas as pd
import pytest

from tabwidget.callbacks import Callback, LoggingCallback, RichCallback, TqdmCallback
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.estimators import LanguageModelClassifier
from tabwidget.events import Event, TrainingState, TrainReport

X = pd.DataFrame({"size": [1, 2, 3] * 8, "sold": [True, False] * 12})
Y = pd.Series(["low", "mid", "high"] * 8, name="price")


def fitted(clf: LanguageModelClassifier) -> LanguageModelClassifier:
    clf.set_params(
        training=TrainingConfig(max_steps=3), model_config=ModelConfig(width=16, members=1)
    )
    return clf.fit(X, Y)


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


def test_progress_bars_with_training_examples(capsys: pytest.CaptureFixture[str]) -> None:
    fitted(LanguageModelClassifier(callbacks=TqdmCallback(n_train_examples=5)))
    printed = capsys.readouterr()
    assert "price=" in printed.out + printed.err
    assert "fit (" in printed.err


def test_dashboard(capsys: pytest.CaptureFixture[str]) -> None:
    fitted(LanguageModelClassifier(callbacks=RichCallback()))
    assert "best validation" in capsys.readouterr().out


def test_logging_module(caplog: pytest.LogCaptureFixture) -> None:
    logging.basicConfig(level=logging.INFO)
    with caplog.at_level(logging.INFO):
        fitted(LanguageModelClassifier(callbacks=LoggingCallback()))
    assert any(message.startswith("fit of 24 rows") for message in caplog.messages)


def test_custom_callback(capsys: pytest.CaptureFixture[str]) -> None:
    class PrintLoss(Callback):
        def on_event(self, state: TrainingState, event: Event) -> None:
            if isinstance(event, TrainReport):
                print(f"step {state.step}: loss={state.loss:.4f} (epoch {state.epoch})")

    fitted(LanguageModelClassifier(callbacks=PrintLoss()))
    assert "step 3: loss=" in capsys.readouterr().out


def test_pattern_matching_on_events() -> None:
    seen = []

    class Match(Callback):
        def on_event(self, state: TrainingState, event: Event) -> None:
            match event:
                case TrainReport(step=step):
                    seen.append(step)

    clf = LanguageModelClassifier(callbacks=[Match()])
    fitted(clf)
    assert seen[-1] == 3

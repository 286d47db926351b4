"""Callbacks in a fit: stopping, exceptions, closing, cloning and pickling with the estimator."""

from __future__ import annotations

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from tabwidget.callbacks import Callback, RichCallback, Stop, TqdmCallback, screen
from tabwidget.callbacks.base import StopSignal
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError
from tabwidget.estimators import LanguageModelClassifier
from tabwidget.events import Event, FitEnd, FitStart, TrainingState, TrainReport
from tabwidget.model import TabularLanguageModel
from tests.backends.fakes import FakeBackend

FRAME = pd.DataFrame({"x": np.arange(60) % 3, "y": np.tile(["a", "b", "c"], 20)})


class At(Callback):
    """Returns a signal on events of one kind, or raises."""

    def __init__(
        self, kind: type[Event], signal: StopSignal | BaseException, step: int = 0
    ) -> None:
        self.kind, self.signal, self.step = kind, signal, step
        self.end: FitEnd | None = None

    def on_event(self, state: TrainingState, event: Event) -> StopSignal:
        if isinstance(event, FitEnd):
            self.end = event
        if not isinstance(event, self.kind) or state.step < self.step:
            return None
        if isinstance(self.signal, BaseException):
            raise self.signal
        return self.signal


class StopState(Callback):
    def on_event(self, state: TrainingState, event: Event) -> None:
        state.stop()


def fake(callbacks: object) -> TabularLanguageModel:
    training = TrainingConfig(max_steps=1000)
    return TabularLanguageModel(FakeBackend(), training=training, callbacks=callbacks)  # type: ignore[arg-type]


def dashboard() -> RichCallback:
    return RichCallback(console=Console(file=io.StringIO(), force_terminal=True))


@pytest.mark.parametrize(
    ("callback", "last_step"), [(At(TrainReport, Stop, step=5), 5), (StopState(), 1)]
)
def test_a_callback_stops_the_fit_and_leaves_a_fitted_model(
    callback: Callback, last_step: int
) -> None:
    lm = fake([dashboard(), callback]).fit(FRAME)
    assert (lm.state.reason, lm.state.step, lm.ready) == ("stopped", last_step, True)
    assert screen.is_free()


def test_the_next_fit_is_not_stopped() -> None:
    callback = At(TrainReport, Stop)
    lm = fake(callback).fit(FRAME)
    callback.signal = None
    assert lm.set_params(training__max_steps=3).fit(FRAME).state.reason == "steps"


def test_the_default_backend_keeps_its_best_weights() -> None:
    lm = TabularLanguageModel(
        training=TrainingConfig(max_steps=10_000),
        model_config=ModelConfig(width=16, members=1),
        callbacks=[At(TrainReport, Stop)],
        random_state=0,
    ).fit(FRAME)
    assert lm.state.reason == "stopped"
    assert lm.conditional("y", {"x": 1}).probabilities.sum() == pytest.approx(1)


@pytest.mark.parametrize("kind", [FitStart, TrainReport, FitEnd])
@pytest.mark.parametrize("error", [OSError("full disk"), KeyboardInterrupt()])
def test_a_callback_that_raises_leaves_no_display_open(
    kind: type[Event], error: BaseException
) -> None:
    bar = TqdmCallback(file=io.StringIO())
    with pytest.raises(type(error)):
        fake([bar, dashboard(), At(kind, error), dashboard()]).fit(FRAME)
    assert screen.is_free()
    assert bar._fit is None


def test_invalid_callbacks_are_rejected_before_training() -> None:
    lm = fake([TqdmCallback])
    with pytest.raises(ConfigError, match=r"callbacks\[0\] is the class TqdmCallback"):
        lm.fit(FRAME)
    assert not lm.ready


def test_an_estimator_is_cloned_and_pickled_with_its_callbacks_in_use() -> None:
    callbacks = [TqdmCallback(file=io.StringIO()), dashboard()]
    estimator = LanguageModelClassifier(callbacks=callbacks)
    for callback in callbacks:
        callback.on_event(TrainingState(), FitStart(0.0, 9, 2, 8, 1, 7, "fake", None, 40))
    copies = [clone(estimator), pickle.loads(pickle.dumps(estimator))]
    for callback in callbacks:
        callback.close()
    assert all([type(c) for c in copy.callbacks] == [type(c) for c in callbacks] for copy in copies)


def test_a_search_with_several_fits_at_once() -> None:
    estimator = LanguageModelClassifier(
        training=TrainingConfig(max_steps=2),
        model_config=ModelConfig(width=16, members=1),
        callbacks=[TqdmCallback(2, file=io.StringIO()), dashboard()],
        random_state=0,
    )
    search = GridSearchCV(estimator, {"training__max_steps": [1, 2]}, cv=2, n_jobs=2)
    # Threads, since each process would import torch; test_base tests pickling.
    with joblib.parallel_config("threading"):
        search.fit(FRAME[["x"]], FRAME["y"])
    assert screen.is_free()
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()

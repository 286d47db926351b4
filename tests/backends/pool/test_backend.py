"""The default backend: answers at once, and better ones after training."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabwidget import ModelConfig, TabularLanguageModel, TrainingConfig, datasets
from tabwidget.backends import Backend, resolve
from tabwidget.backends.minilm import MiniLMBackend
from tabwidget.backends.pool import PoolBackend
from tabwidget.callbacks import Callback
from tabwidget.errors import ConfigError
from tabwidget.events import (
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    Memory,
    PhaseReport,
    TrainingState,
    TrainReport,
)


def fit(
    frame: pd.DataFrame,
    *,
    stop: threading.Event | None = None,
    callback: Callback | None = None,
    **training: float,
) -> TabularLanguageModel:
    """Fit the default model with a seed."""
    config = TrainingConfig(**training)  # type: ignore[arg-type]
    model = TabularLanguageModel(training=config, random_state=0, callbacks=callback)
    return model.fit(frame, stop=stop)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Return a table of which y is an interaction that training finds."""
    rng = np.random.default_rng(0)
    a, b = rng.choice(["u", "v"], 240), rng.choice(["s", "t"], 240)
    return pd.DataFrame({"a": a, "b": b, "y": np.where((a == "u") == (b == "s"), "same", "other")})


@pytest.fixture(scope="module")
def trained(frame: pd.DataFrame) -> TabularLanguageModel:
    """Return a trained model of it."""
    return fit(frame, max_steps=150)


class Recorder(Callback):
    """Records events, and an answer to the first of them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.model: TabularLanguageModel | None = None
        self.answers: list[float] = []

    def on_event(self, state: TrainingState, event: Event) -> None:
        self.events.append(event)
        if self.model is not None and self.model.ready:
            self.answers.append(float(self.model.conditional("a", {"b": "s"}).probabilities[0]))


def test_it_is_the_default_backend() -> None:
    backend = resolve("auto")
    assert isinstance(backend, PoolBackend)
    assert isinstance(backend, Backend)


def test_without_seconds_the_context_answers_alone(frame: pd.DataFrame) -> None:
    alone = fit(frame, max_seconds=0)
    pretrained = TabularLanguageModel(backend="pretrained", random_state=0).fit(frame)
    assert not alone.trained
    assert alone.gains == {}
    for given in ({}, {"a": "u"}, {"a": "u", "b": "t"}):
        one, other = alone.conditional("y", given), pretrained.conditional("y", given)
        assert np.array_equal(one.probabilities, other.probabilities)


def test_the_size_of_the_network_is_no_mistake_before_training(frame: pd.DataFrame) -> None:
    config = ModelConfig(width=16)
    model = TabularLanguageModel(training=TrainingConfig(max_seconds=0), model_config=config)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(frame)
    assert not model.trained


def test_questions_are_answered_from_the_first_event_on(frame: pd.DataFrame) -> None:
    recorder = Recorder()
    model = TabularLanguageModel(
        training=TrainingConfig(max_steps=5), random_state=0, callbacks=recorder
    )
    recorder.model = model
    model.fit(frame)
    [start] = [event for event in recorder.events if isinstance(event, FitStart)]
    assert start.backend == "auto"
    assert isinstance(recorder.events[-1], FitEnd)
    assert sum(isinstance(event, FitEnd) for event in recorder.events) == 1
    assert len(recorder.answers) == len(recorder.events)


def test_training_joins_the_pool_where_it_helps(
    frame: pd.DataFrame, trained: TabularLanguageModel
) -> None:
    assert trained.trained
    assert set(trained.gains) == {"a", "b", "y"}
    before = fit(frame, max_seconds=0).conditional("y", {"a": "u", "b": "s"})
    after = trained.conditional("y", {"a": "u", "b": "s"})
    assert after.support[1] == "same"
    assert after.probabilities[1] > before.probabilities[1]
    assert trained.gains["y"] > 0


def test_nothing_known_gives_the_shares_also_after_training(
    frame: pd.DataFrame, trained: TabularLanguageModel
) -> None:
    found = trained.conditional("y", {})
    shares = frame["y"].value_counts(normalize=True)[found.support.tolist()]
    np.testing.assert_allclose(found.probabilities, shares, atol=0.01)


def test_two_fits_are_equal_to_the_last_bit(frame: pd.DataFrame) -> None:
    one, other = (fit(frame, max_steps=20) for _ in range(2))
    assert one.gains == other.gains
    for target in ("a", "y"):
        p, q = (m.conditional(target, {"b": "s"}).probabilities for m in (one, other))
        assert np.array_equal(p, q)


def test_a_saved_model_answers_equally(tmp_path: Path, trained: TabularLanguageModel) -> None:
    trained.save(tmp_path / "model")
    loaded = TabularLanguageModel.load(tmp_path / "model")
    assert loaded.trained
    assert loaded.gains == trained.gains
    given = {"a": "u", "b": "s"}
    one, other = trained.conditional("y", given), loaded.conditional("y", given)
    assert np.array_equal(one.probabilities, other.probabilities)
    assert np.array_equal(
        trained.log_likelihood(trained.table_.frame.head(3)),  # type: ignore[union-attr]
        loaded.log_likelihood(trained.table_.frame.head(3)),  # type: ignore[union-attr]
    )


def test_a_model_saved_without_rows_is_the_network_alone(
    tmp_path: Path, frame: pd.DataFrame, trained: TabularLanguageModel
) -> None:
    trained.save(tmp_path / "model", rows=False)
    loaded = TabularLanguageModel.load(tmp_path / "model")
    assert loaded.backend == "minilm"
    assert loaded.conditional("y", {"a": "u", "b": "s"}).mode() == "same"
    arrays = (tmp_path / "model").rglob("*.safetensors")
    assert not any(b"context.rows" in file.read_bytes() for file in arrays)
    with pytest.raises(ConfigError, match="train it, or save it with its rows"):
        fit(frame, max_seconds=0).save(tmp_path / "other", rows=False)


def test_stopping_at_once_leaves_the_pretrained_answers(frame: pd.DataFrame) -> None:
    stop = threading.Event()
    stop.set()
    model = fit(frame, max_seconds=30, stop=stop)
    assert model.conditional("y", {"a": "u"}).probabilities.sum() == pytest.approx(1)


def test_a_failed_fit_leaves_the_pretrained_answers(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(MiniLMBackend, "fit", fail)
    model = TabularLanguageModel(training=TrainingConfig(max_steps=5), random_state=0)
    with pytest.raises(RuntimeError, match="out of memory"):
        model.fit(frame)
    assert model.conditional("y", {"a": "u"}).probabilities.sum() == pytest.approx(1)


def test_a_time_limit_measures_between_steps_and_ends_in_time(frame: pd.DataFrame) -> None:
    recorder = Recorder()
    model = fit(frame, max_seconds=1.5, callback=recorder)
    assert model.trained
    [start] = [event for event in recorder.events if isinstance(event, FitStart)]
    assert start.budget_seconds == 1.5
    assert any(isinstance(event, TrainReport) for event in recorder.events)
    assert any(isinstance(event, EvalReport) for event in recorder.events)


def test_the_phases_of_a_fit_are_reported_and_its_end_comes_last(frame: pd.DataFrame) -> None:
    recorder = Recorder()
    fit(frame, max_seconds=1.0, callback=recorder)
    phases = [event for event in recorder.events if isinstance(event, PhaseReport)]
    named = list(dict.fromkeys(event.phase for event in phases))
    assert named == ["loading", "reading", "moments", "learning", "calibrating", "weighing"]
    [left] = [event.seconds_left for event in phases if event.phase == "learning"]
    assert left is not None
    assert 0 <= left < 1
    assert isinstance(recorder.events[-1], FitEnd)
    seconds = [event.seconds for event in recorder.events if not isinstance(event, Memory)]
    assert seconds == sorted(seconds)


def test_forests_are_a_phase_of_their_own() -> None:
    recorder = Recorder()
    rng = np.random.default_rng(0)
    large = pd.DataFrame(rng.normal(size=(1_000, 2)), columns=["a", "b"])
    fit(large, max_seconds=2.0, callback=recorder)
    phases = [event for event in recorder.events if isinstance(event, PhaseReport)]
    assert [event.phase for event in phases][-1] == "weighing"
    forests = [event for event in phases if event.phase == "forests"]
    # From the first forest on, their pace is known.
    assert [event.seconds_left for event in forests][0::2] == [1.0, 0.0]
    assert len(forests) == 3


def test_new_rows_and_levels_join_context_and_network() -> None:
    frame = datasets.load("iris")
    model = fit(frame[frame["species"] != "virginica"], max_steps=10)
    model.partial_fit(frame[frame["species"] == "virginica"])
    assert model.conditional("species", {"petal width (cm)": 2.2}).mode() == "virginica"

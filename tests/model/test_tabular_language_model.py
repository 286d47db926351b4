"""Fitting: requests, callbacks, interruption, resumption and errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from tabwidget.backends import MiniLMBackend
from tabwidget.callbacks import Callback
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import (
    ColumnError,
    ConfigError,
    DataFileError,
    TableError,
    TabwidgetError,
)
from tabwidget.events import EvalReport, Event, FitEnd, FitStart, TrainingState, TrainReport
from tabwidget.model import TabularLanguageModel
from tests.backends.fakes import FakeBackend
from tests.model.fakes import FRAME, few_steps


def test_the_backend_receives_the_request() -> None:
    backend, training = FakeBackend(), TrainingConfig(max_steps=2)
    lm = TabularLanguageModel(backend, "bracket", training, random_state=7)
    lm.fit(FRAME, target_cols=["colour"])
    [request] = backend.seen
    assert (request.targets, request.seed, request.resume) == (("colour",), 7, False)
    assert request.training == training
    assert "colour" in request.serializer.serialize({"colour": "red"}).text
    pd.testing.assert_frame_equal(request.table.frame, FRAME)


def test_a_target_may_be_a_name_alone() -> None:
    backend = FakeBackend()
    TabularLanguageModel(backend).fit(FRAME, target_cols="colour")
    assert backend.seen[0].targets == ("colour",)


def test_callbacks_receive_every_event_with_the_updated_state() -> None:
    class Record(Callback):
        def __init__(self) -> None:
            self.steps: list[tuple[type[Event], int]] = []

        def on_event(self, state: TrainingState, event: Event) -> None:
            self.steps.append((type(event), state.step))

    record = Record()
    lm = TabularLanguageModel(FakeBackend(), callbacks=[record], random_state=0).fit(FRAME)
    assert record.steps[0] == (FitStart, 0)
    assert record.steps[-1] == (FitEnd, 3)
    assert [step for kind, step in record.steps if kind is TrainReport] == [1, 2, 3]
    assert lm.state.reason == "steps"


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (FRAME.head(0), TableError, "empty.*at least two rows"),
        (FRAME[[]], TableError, "empty"),
        (FRAME.head(1), TableError, "one row.*at least two"),
        (pd.concat([FRAME, FRAME[["size"]]], axis=1), TableError, "'size'.*more than once.*rename"),
        (FRAME.map(lambda _: None), TableError, "no column is usable.*'size'"),
        (FRAME.to_numpy(), TableError, "DataFrame.*ndarray"),
        ("penguin", TabwidgetError, "Did you mean 'penguins'"),
        (Path("nowhere") / "table.csv", DataFileError, "no file.*table.csv"),
    ],
)
def test_an_unusable_table_is_an_error_of_one_line(
    frame: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        TabularLanguageModel(FakeBackend()).fit(frame)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_a_table_is_an_error_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"\x00\x01 no table")
    with pytest.raises(DataFileError, match=r"broken\.parquet.*not a table.*give a CSV") as caught:
        TabularLanguageModel(FakeBackend()).fit(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backend": "minlm"}, "Did you mean 'minilm'"),
        ({"serializer": "jsn"}, "Did you mean 'json'"),
        ({"training": TrainingConfig(epochs=0)}, "TrainingConfig.epochs must be"),
        ({"training": {"epochs": 3}}, "training must be a TrainingConfig, not dict"),
        ({"model_config": ModelConfig(width=30)}, "width=30"),
    ],
)
def test_a_wrong_setting_is_found_before_training(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TabularLanguageModel(**settings).fit(FRAME)


def test_a_target_that_is_not_a_column_is_found_before_training() -> None:
    backend = FakeBackend()
    with pytest.raises(ColumnError, match=r"no column 'color'. Did you mean 'colour'\?"):
        TabularLanguageModel(backend).fit(FRAME, target_cols=["color"])
    assert not backend.seen


def test_scikit_learn_can_clone_a_model() -> None:
    lm = TabularLanguageModel(FakeBackend(), training=TrainingConfig(max_seconds=3)).fit(FRAME)
    copy = clone(lm).set_params(training__max_seconds=5, random_state=1)
    assert not copy.ready
    assert copy.get_params()["training__max_seconds"] == 5
    assert (lm.training.max_seconds, lm.random_state) == (3, None)  # type: ignore[union-attr]


def test_params_set_after_a_fit_do_not_change_it() -> None:
    training = TrainingConfig(max_steps=2)
    backend = FakeBackend()
    lm = TabularLanguageModel(backend, training=training).fit(FRAME)
    training.set_params(max_steps=9)
    assert backend.seen[0].training.max_steps == 2
    assert lm.state.step == 2


def test_a_failing_callback_ends_the_fit_as_failed() -> None:
    class Fail(Callback):
        def on_event(self, state: TrainingState, event: Event) -> None:
            if isinstance(event, TrainReport):
                raise RuntimeError("full disk")

    lm = few_steps(callbacks=[Fail()])
    with pytest.raises(RuntimeError, match="full disk"):
        lm.fit(FRAME)
    assert lm.state.reason == "failed"


def test_a_diverging_fit_is_an_error() -> None:
    training = TrainingConfig(max_steps=3, learning_rate=1e30)
    with pytest.raises(ConfigError, match="training diverged"):
        few_steps(training=training).fit(FRAME)


class At(Callback):
    """Runs an action at the first event of a kind."""

    def __init__(self, kind: type[Event], action: Callable[[], None]) -> None:
        self.kind, self.action = kind, action

    def on_event(self, state: TrainingState, event: Event) -> None:
        if isinstance(event, self.kind):
            self.kind = type(None)  # type: ignore[assignment]
            self.action()


def interrupt() -> None:
    raise KeyboardInterrupt


def test_an_interrupt_leaves_a_usable_model() -> None:
    lm = few_steps(10_000, callbacks=[At(TrainReport, interrupt)])
    with pytest.raises(KeyboardInterrupt):
        lm.fit(FRAME)
    assert lm.state.reason == "stopped"
    assert lm.conditional("colour", {"size": 1}).probabilities.sum() == pytest.approx(1)


def test_a_stop_event_ends_the_fit_at_the_next_step() -> None:
    stop = threading.Event()
    lm = few_steps(10_000, callbacks=[At(EvalReport, stop.set)])
    began = time.perf_counter()
    lm.fit(FRAME, stop=stop)
    assert lm.state.reason == "stopped"
    assert time.perf_counter() - began < 20
    assert lm.ready


def test_resuming_continues_from_the_last_weights() -> None:
    lm = few_steps(20).fit(FRAME)
    before = lm.state.best_loss
    lm.set_params(training__max_steps=1).fit(FRAME, resume=True)
    anew = few_steps(1).fit(FRAME).state.best_loss
    assert before is not None
    assert anew is not None
    assert lm.state.best_loss == pytest.approx(before, abs=abs(anew - before) / 2)
    assert lm.state.step == 1


@pytest.mark.parametrize(
    "other",
    [FRAME.drop(columns="size"), FRAME.head(100), FRAME.assign(colour=FRAME["colour"] + "ish")],
)
def test_only_the_same_columns_and_values_can_be_resumed(other: pd.DataFrame) -> None:
    lm = TabularLanguageModel(FakeBackend()).fit(FRAME)
    with pytest.raises(ConfigError, match="fit without resume"):
        lm.fit(other, resume=True)
    assert lm.conditional("colour").support.tolist() == ["blue", "green", "red"]


def test_resuming_without_a_fit_is_a_first_fit() -> None:
    assert TabularLanguageModel(FakeBackend()).fit(FRAME, resume=True).ready


def test_a_new_fit_discards_the_old_table() -> None:
    backend = MiniLMBackend(ModelConfig(width=16, members=1))
    lm = TabularLanguageModel(backend, training=TrainingConfig(max_steps=2)).fit(FRAME)
    ready: list[bool] = []
    lm.set_params(callbacks=[At(FitStart, lambda: ready.append(lm.ready))])
    lm.fit(FRAME[["sold", "size"]])
    assert ready == [False]
    assert lm.conditional("sold").support.tolist() == [False, True]


def test_the_same_seed_gives_the_same_model() -> None:
    first, second, other = (few_steps(4, random_state=seed).fit(FRAME) for seed in (1, 1, 2))
    question = ("colour", {"size": 1})
    np.testing.assert_allclose(
        first.conditional(*question).probabilities,
        second.conditional(*question).probabilities,
        atol=1e-6,
    )
    assert first.conditional(*question).probabilities != pytest.approx(
        other.conditional(*question).probabilities, abs=1e-4
    )


def test_an_almost_empty_table_can_be_fitted() -> None:
    frame = pd.DataFrame(np.nan, index=range(60), columns=list("abcd")).astype(object)
    for i, name in enumerate(frame):
        frame.loc[[7 * i + 1, 7 * i + 2], name] = ["x", "y"] if i % 2 else [1.5, 2.5]
    lm = few_steps().fit(frame.infer_objects())
    assert lm.state.start is not None
    # Rows without any cell are in neither split.
    assert lm.state.start.n_train + lm.state.start.n_validation == 8
    assert lm.state.start.n_rows == 60
    assert lm.conditional("b", {"a": 1.5}).probabilities.sum() == pytest.approx(1)
    assert lm.predict_proba_many(frame.tail(3), "b").shape == (3, 2)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"x": [1, 2]}),
        pd.DataFrame({"x": ["a", "a", "a"], "y": [5, 5, 5]}),
        pd.DataFrame({"x": [1.0, None, None], "y": [None, "a", None]}),
    ],
    ids=["two cells", "constants", "never together"],
)
def test_the_smallest_tables_can_be_fitted(frame: pd.DataFrame) -> None:
    lm = few_steps(3).fit(frame)
    assert lm.conditional("x").probabilities.sum() == pytest.approx(1)
    assert len(lm.sample(2)) == 2
    assert np.isfinite(lm.log_likelihood(frame)).all()


def test_hundreds_of_columns_can_be_fitted() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=(120, 3))
    wide = pd.DataFrame(z @ rng.normal(size=(3, 90)) + rng.normal(0, 0.3, (120, 90)))
    wide = wide.mask(rng.random(wide.shape) < 0.05)
    wide["label"] = np.where(z[:, 0] > 0, "yes", "no")
    lm = TabularLanguageModel(training=TrainingConfig(max_steps=40), random_state=0)
    lm.fit(wide.iloc[:90])
    test = wide.iloc[90:]
    p = lm.predict_proba_many(test, "3")
    missed = p @ lm.schema["3"].grid - test[3]
    assert missed.var() < 0.5 * test[3].var()
    assert np.isfinite(lm.log_likelihood(test)).all()
    assert lm.sample(2).shape == (2, 91)

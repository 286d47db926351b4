"""Tests of MiniLMBackend on small tables, through the Backend protocol."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tabwidget.backends import Backend, FitRequest, MiniLMBackend, resolve
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.events import (
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    PhaseReport,
    TrainExamples,
    TrainReport,
)
from tabwidget.serializers import JSONSerializer
from tabwidget.table import Table

TINY = ModelConfig(width=16, layers=1, heads=2, members=2)


def toy(n: int = 200, seed: int = 0) -> Table:
    """Return a letter, a number that depends on the letter, and an independent coin."""
    rng = np.random.default_rng(seed)
    letter = rng.choice(list("ab"), n)
    number = np.where(letter == "a", 0.0, 10.0) + rng.normal(size=n)
    frame = pd.DataFrame({"letter": letter, "number": number, "coin": rng.random(n) < 0.5})
    frame.loc[::7, "number"] = np.nan
    return Table(frame, "toy")


def fitted(
    table: Table,
    backend: MiniLMBackend | None = None,
    *,
    resume: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    **training: Any,
) -> tuple[MiniLMBackend, list[Event]]:
    events: list[Event] = []
    backend = backend or MiniLMBackend(TINY)
    config = TrainingConfig(**{"max_steps": 60, **training})
    request = FitRequest(
        table, ("letter",), config, JSONSerializer(), 0, resume, events.append, stopped
    )
    backend.fit(request)
    return backend, events


@pytest.fixture(scope="module")
def toy_fit() -> tuple[MiniLMBackend, list[Event]]:
    return fitted(toy(), max_steps=150)


def contexts(
    *rows: tuple[float, float, float],
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array(rows, dtype=np.float64)


MISSING = math.nan
LETTER, NUMBER, COIN = 0, 1, 2


def test_it_is_a_backend() -> None:
    assert isinstance(resolve("auto"), Backend)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'minilm'"):
        resolve("minlm")


def test_it_learns_the_dependence_of_columns(toy_fit: tuple[MiniLMBackend, list[Event]]) -> None:
    backend, _ = toy_fit
    rows = contexts((MISSING, 0, MISSING), (MISSING, 10, MISSING), (MISSING, MISSING, MISSING))
    p = backend.predict(rows, [LETTER] * 3, orders=8).probabilities
    assert p[0, 0] > 0.9
    assert p[1, 1] > 0.9
    assert 0.3 < p[2, 0] < 0.7


def test_an_independent_column_stays_uncertain(
    toy_fit: tuple[MiniLMBackend, list[Event]],
) -> None:
    backend, _ = toy_fit
    p = backend.predict(contexts((0, 0.5, MISSING)), [COIN], orders=8).probabilities
    assert 0.25 < p[0, 0] < 0.75


def test_the_targets_own_cell_is_ignored(
    toy_fit: tuple[MiniLMBackend, list[Event]],
) -> None:
    backend, _ = toy_fit
    rows = contexts((0, 5, 1), (1, 5, 1), (MISSING, 5, 1))
    p = backend.predict(rows, [LETTER] * 3, orders=8).probabilities
    np.testing.assert_allclose(p[0], p[1])
    np.testing.assert_allclose(p[0], p[2])


def test_a_prediction_does_not_depend_on_other_rows(
    toy_fit: tuple[MiniLMBackend, list[Event]],
) -> None:
    backend, _ = toy_fit
    rows = contexts((0, MISSING, 1), (MISSING, 3, MISSING), (1, 2, MISSING), (MISSING,) * 3)
    targets = [NUMBER, LETTER, COIN, NUMBER]
    together = backend.predict(rows, targets, orders=8)
    for i in range(4):
        alone = backend.predict(rows[i : i + 1], targets[i : i + 1], orders=8)
        np.testing.assert_allclose(together.probabilities[i], alone.probabilities[0], atol=1e-6)
        assert together.spread[i] == pytest.approx(alone.spread[0], abs=1e-6)


def test_predictions_do_not_depend_on_the_batch_size(
    toy_fit: tuple[MiniLMBackend, list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, _ = toy_fit
    rows = np.random.default_rng(0).normal(size=(20, 3)) * 0
    whole = backend.predict(rows, [COIN] * 20, orders=4).probabilities
    chains = backend.chain(rows)
    monkeypatch.setattr("tabwidget.backends.minilm.backend.MAX_TOKENS", 50)
    np.testing.assert_allclose(
        backend.predict(rows, [COIN] * 20, 4).probabilities, whole, atol=1e-6
    )
    np.testing.assert_allclose(backend.chain(rows), chains, atol=1e-6)


def test_chain_agrees_with_predict(
    toy_fit: tuple[MiniLMBackend, list[Event]],
) -> None:
    backend, _ = toy_fit
    predicted = backend.chain(contexts((0, MISSING, MISSING), (MISSING, MISSING, MISSING)))
    alone = backend.predict(contexts((MISSING,) * 3), [LETTER], orders=1).probabilities
    assert predicted[0, LETTER] == pytest.approx(math.log(alone[0, 0]), abs=1e-5)
    assert predicted[1].tolist() == [0, 0, 0]


def test_events_cover_the_whole_fit(toy_fit: tuple[MiniLMBackend, list[Event]]) -> None:
    _, events = toy_fit
    [start] = [event for event in events if isinstance(event, FitStart)]
    assert start.n_train + start.n_validation == start.n_rows == 200
    phases = [event.phase for event in events if isinstance(event, PhaseReport)]
    assert phases == ["loading", "reading", "moments", "learning", "calibrating"]
    assert isinstance(events[-1], FitEnd)
    assert events[-1].step <= 150
    seconds = [event.seconds for event in events]
    assert seconds == sorted(seconds)
    evals = [event for event in events if isinstance(event, EvalReport)]
    assert min(event.loss for event in evals) == events[-1].best_loss
    assert set(evals[0].column_losses) == {"letter", "number", "coin"}
    assert any(isinstance(event, TrainReport) for event in events)
    [first, *_] = [event for event in events if isinstance(event, TrainExamples)]
    cells = [cell.split("=") for text in first.examples for cell in text.split(", ")]
    assert {name for name, _ in cells} == {"letter", "number", "coin"}


@pytest.mark.parametrize(
    ("training", "reason"),
    [({"max_steps": 5}, "steps"), ({"max_steps": None, "epochs": 1}, "epochs")],
)
def test_the_first_limit_ends_the_fit(training: dict[str, Any], reason: str) -> None:
    _, events = fitted(toy(), **training)
    assert isinstance(events[-1], FitEnd)
    assert events[-1].reason == reason


def test_without_a_limit_it_ends_when_converged() -> None:
    _, events = fitted(toy(40), max_steps=None)
    assert isinstance(events[-1], FitEnd)
    assert events[-1].reason == "converged"


def test_it_predicts_in_training_and_stops_at_the_next_step() -> None:
    backend, n_predictions = MiniLMBackend(TINY), 0

    def stopped() -> bool:
        nonlocal n_predictions
        if not backend.ready:
            return False
        n_predictions += 1
        backend.predict(contexts((MISSING,) * 3), [LETTER], orders=2)
        return n_predictions == 3

    _, events = fitted(toy(), backend, stopped=stopped, max_steps=None)
    assert isinstance(events[-1], FitEnd)
    assert events[-1].reason == "stopped"
    assert n_predictions == 3


def test_stopped_at_the_first_step_it_can_predict() -> None:
    backend, _ = fitted(toy(), stopped=lambda: True)
    assert backend.ready


def test_equal_seeds_give_equal_predictions_and_leave_torchs_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    predictions = [
        fitted(toy(60), max_steps=20)[0].predict(contexts((0, 1, MISSING)), [COIN], 4)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(predictions[0].probabilities, predictions[1].probabilities)
    assert torch.equal(before, torch.random.get_rng_state())


def test_resuming_never_ends_worse() -> None:
    backend, events = fitted(toy(), max_steps=40)
    _, more = fitted(toy(), backend, resume=True, max_steps=40)
    first, second = events[-1], more[-1]
    assert isinstance(first, FitEnd)
    assert isinstance(second, FitEnd)
    assert second.best_loss <= first.best_loss + 1e-6


def test_predict_needs_a_fit() -> None:
    with pytest.raises(NotFittedError, match="fit"):
        MiniLMBackend().predict(contexts((0, 0, 0)), [0], 1)


@pytest.mark.parametrize("n", [2, 3, 11])
def test_tiny_tables_fit(n: int) -> None:
    backend, _ = fitted(toy(n), max_steps=10)
    p = backend.predict(contexts((0, MISSING, MISSING)), [COIN], orders=2).probabilities
    assert p.sum() == pytest.approx(1)


def test_a_constant_column_has_no_weight_in_the_loss() -> None:
    table = Table(toy(80).frame.assign(same="x"))
    _, events = fitted(table, max_steps=40)
    losses = [event.loss for event in events if isinstance(event, TrainReport)]
    assert losses[-1] > 0.2


@pytest.mark.parametrize(
    "settings",
    [
        {"augmentation_factor": 3},
        {"grad_accumulation_steps": 4},
        {"warmup_ratio": 0.5},
        {"max_grad_norm": 1e-3},
        {"optimizer": "adamw"},
        {"loss_on_target_only": True},
    ],
)
def test_settings_with_an_effect_change_the_predictions(
    settings: dict[str, Any], toy_fit: tuple[MiniLMBackend, list[Event]]
) -> None:
    rows = contexts((MISSING, 5, MISSING), (MISSING, MISSING, MISSING))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        usual, other = fitted(toy(), max_steps=20)[0], fitted(toy(), max_steps=20, **settings)[0]
    predicted = [backend.predict(rows, [LETTER] * 2, 2).probabilities for backend in (usual, other)]
    assert not np.array_equal(predicted[0], predicted[1])


def test_settings_without_effect_are_named_in_one_warning() -> None:
    with pytest.warns(UserWarning, match="have no effect") as caught:
        fitted(toy(), max_steps=2, neftune_noise_alpha=5, label_smoothing=0.1)
    [warning] = [str(one.message) for one in caught]
    assert "TrainingConfig.label_smoothing=0.1" in warning
    assert "TrainingConfig.neftune_noise_alpha=5 have no effect with the backend" in warning


def test_a_pretrained_model_that_is_ignored_is_named() -> None:
    with pytest.warns(UserWarning, match="ModelConfig.model='distilgpt2' has no effect"):
        fitted(toy(), MiniLMBackend(ModelConfig(16, 1, 2, model="distilgpt2")), max_steps=2)


def test_a_restored_backend_predicts_the_same(toy_fit: tuple[MiniLMBackend, list[Event]]) -> None:
    backend, _ = toy_fit
    columns, (content, arrays) = toy().schema.inputs, backend.state()
    rows = contexts((0, MISSING, 1), (MISSING, 3, MISSING))
    expected = backend.predict(rows, [NUMBER, LETTER], 4).probabilities
    restored = MiniLMBackend()
    restored.restore(columns, content, arrays)
    predicted = restored.predict(rows, [NUMBER, LETTER], 4).probabilities
    np.testing.assert_array_equal(predicted, expected)

"""Resolving "auto" settings."""

from __future__ import annotations

from typing import Any

import pytest

from tabwidget.backends.text.fit_settings import FitDefaults, FitSettings
from tabwidget.config import TrainingConfig


def settings_of(n_rows: int = 100, *, processes: int = 1, **training: Any) -> FitSettings:
    config = TrainingConfig(**training)
    return FitSettings.of(config, FitDefaults(), n_rows=n_rows, adapters=False, processes=processes)


def test_auto_takes_the_defaults() -> None:
    defaults = FitDefaults(batch_size=16, learning_rate=0.1, adapter_learning_rate=0.2)
    for adapters, rate in ((False, 0.1), (True, 0.2)):
        found = FitSettings.of(TrainingConfig(), defaults, n_rows=64, adapters=adapters)
        assert (found.batch_size, found.learning_rate, found.steps_per_epoch) == (16, rate, 4)
        assert found.max_grad_norm == 1.0


def test_given_settings_take_precedence() -> None:
    found = settings_of(batch_size=10, learning_rate=0.5, max_grad_norm=3.0)
    assert (found.batch_size, found.learning_rate, found.max_grad_norm) == (10, 0.5, 3.0)
    assert settings_of(max_grad_norm=None).max_grad_norm == 0.0


def test_steps_share_batches_between_accumulation_and_processes() -> None:
    training: dict[str, Any] = {"batch_size": 5, "augmentation_factor": 2}
    assert settings_of(**training).steps_per_epoch == 40
    assert settings_of(grad_accumulation_steps=3, **training).steps_per_epoch == 14
    assert settings_of(grad_accumulation_steps=3, processes=2, **training).steps_per_epoch == 7


@pytest.mark.parametrize(("n_rows", "steps"), [(8, 5), (160, 20), (8_000, 50)])
def test_evaluations_are_an_epoch_apart_within_bounds(n_rows: int, steps: int) -> None:
    assert settings_of(n_rows).eval_steps == steps

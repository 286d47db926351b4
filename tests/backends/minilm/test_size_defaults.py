"""Tests of the defaults that depend on table size."""

from __future__ import annotations

from typing import Literal

import pytest

from tabwidget.backends.minilm.size_defaults import ModelSettings, recipe_of
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.minilm.cell_trainer import Recipe


def test_small_tables_get_several_members_and_large_ones_one() -> None:
    assert ModelSettings.of(150, 5).members > 1
    assert ModelSettings.of(5_000, 20).members == 1
    assert ModelSettings.of(100_000, 20).dropout == 0


def test_settings_that_are_not_auto_are_kept() -> None:
    model, training = ModelConfig(members=7, dropout=0.0), TrainingConfig(batch_size=3)
    assert ModelSettings.of(150, 5, model, training) == ModelSettings(7, 0.0, 3)
    assert ModelSettings.of(150, 5, ModelConfig(), TrainingConfig()) == ModelSettings.of(150, 5)


def test_auto_is_the_default_recipe() -> None:
    assert recipe_of(TrainingConfig(), 64) == Recipe()


def test_a_learning_rate_scales_both_optimizers() -> None:
    default = Recipe()
    recipe = recipe_of(TrainingConfig(learning_rate=default.learning_rate / 2), 64)
    assert recipe.matrix_learning_rate == pytest.approx(default.matrix_learning_rate / 2)


@pytest.mark.parametrize(("optimizer", "muon"), [("auto", True), ("muon", True), ("adamw", False)])
def test_the_optimizer_is_muon_unless_it_is_adamw(
    optimizer: Literal["auto", "muon", "adamw"], muon: bool
) -> None:
    assert recipe_of(TrainingConfig(optimizer=optimizer), 64).muon == muon

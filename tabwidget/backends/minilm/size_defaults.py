"""Defaults that depend on table size, used where a setting is "auto"."""

from __future__ import annotations

from dataclasses import dataclass

from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.minilm.cell_trainer import Recipe

__all__ = ["ModelSettings", "recipe_of"]


@dataclass(frozen=True)
class ModelSettings:
    """Settings of an ensemble, with every "auto" replaced.

    Small tables overfit within a hundred steps, so several short-lived members with different
    validation rows beat one long-lived model; large tables need every step for one.

    Examples
    --------
    >>> ModelSettings.of(150, 5)
    ModelSettings(members=4, dropout=0.2, batch_size=32)
    >>> ModelSettings.of(150, 5, ModelConfig(members=2), TrainingConfig(batch_size=8))
    ModelSettings(members=2, dropout=0.2, batch_size=8)
    """

    members: int
    dropout: float
    batch_size: int

    @classmethod
    def of(
        cls,
        n_rows: int,
        n_columns: int,
        model: ModelConfig | None = None,
        training: TrainingConfig | None = None,
    ) -> ModelSettings:
        """Return the settings for a table; the defaults where no config is given."""
        cells = n_rows * n_columns
        members = 4 if cells <= 3_000 else 3 if cells <= 20_000 else 1
        dropout = 0.2 if n_rows <= 2_000 else 0.1 if n_rows <= 20_000 else 0.0
        batch_size = 32 if n_rows <= 1_000 else 64 if n_rows <= 5_000 else 256
        if model is not None:
            members = members if model.members == "auto" else model.members
            dropout = dropout if model.dropout == "auto" else model.dropout
        if training is not None and training.batch_size != "auto":
            batch_size = training.batch_size
        return cls(members, dropout, batch_size)


def recipe_of(training: TrainingConfig, batch_size: int) -> Recipe:
    """Return the hyperparameters of a member.

    Examples
    --------
    >>> recipe = recipe_of(TrainingConfig(learning_rate=0.01, grad_accumulation_steps=2), 32)
    >>> recipe.batch_size, recipe.learning_rate, recipe.matrix_learning_rate
    (64, 0.01, 0.04)
    """
    default, rate = Recipe(), training.learning_rate
    return Recipe(
        # Accumulated gradients equal those of one larger batch.
        batch_size=training.grad_accumulation_steps * batch_size,
        learning_rate=default.learning_rate if rate == "auto" else rate,
        # The two learning rates keep their ratio.
        matrix_learning_rate=default.matrix_learning_rate
        * (1.0 if rate == "auto" else rate / default.learning_rate),
        schedule=training.lr_scheduler,
        warmup_steps=training.warmup_steps,
        warmup_share=training.warmup_ratio,
        max_grad_norm=None if training.max_grad_norm == "auto" else training.max_grad_norm,
        orders_per_row=training.augmentation_factor,
        muon=training.optimizer in ("auto", "muon"),
        weight_decay=training.weight_decay,
    )

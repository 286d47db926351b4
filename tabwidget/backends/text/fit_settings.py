"""FitSettings: the training settings of a text backend, "auto" resolved."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tabwidget.config import TrainingConfig

__all__ = ["FitDefaults", "FitSettings"]

MAX_GRAD_NORM = 1.0


@dataclass(frozen=True)
class FitDefaults:
    """What a backend uses where a setting is "auto".

    Attributes
    ----------
    batch_size : int
        Rows per batch.
    learning_rate, adapter_learning_rate : float
        Peak learning rates for all weights, and for LoRA adapters, which tolerate a higher one.
    eval_steps : tuple of int
        Least and most steps between evaluations; an epoch, if that lies between.
    """

    batch_size: int = 8
    learning_rate: float = 1e-4
    adapter_learning_rate: float = 1e-3
    eval_steps: tuple[int, int] = (5, 50)


@dataclass(frozen=True)
class FitSettings:
    """The settings of one fit.

    Attributes
    ----------
    batch_size : int
        Rows per batch.
    learning_rate : float
        The peak learning rate.
    max_grad_norm : float
        Gradients are clipped to this norm; 0 for no clipping.
    steps_per_epoch, eval_steps : int
        Optimizer steps per epoch, and between evaluations.

    Examples
    --------
    >>> found = FitSettings.of(TrainingConfig(), FitDefaults(), n_rows=100, adapters=False)
    >>> found.batch_size, found.steps_per_epoch, found.eval_steps
    (8, 13, 13)
    """

    batch_size: int
    learning_rate: float
    max_grad_norm: float
    steps_per_epoch: int
    eval_steps: int

    @classmethod
    def of(
        cls,
        training: TrainingConfig,
        defaults: FitDefaults,
        *,
        n_rows: int,
        adapters: bool,
        processes: int = 1,
    ) -> FitSettings:
        """Resolve the settings.

        Parameters
        ----------
        training : TrainingConfig
            The settings that were asked for.
        defaults : FitDefaults
            Used where these are "auto".
        n_rows : int
            Number of training rows.
        adapters : bool
            Whether only adapters are trained.
        processes : int, default 1
            Processes that share the batches of an epoch.
        """
        size, rate, norm = training.batch_size, training.learning_rate, training.max_grad_norm
        size = defaults.batch_size if size == "auto" else size
        default = defaults.adapter_learning_rate if adapters else defaults.learning_rate
        n_batches = math.ceil(n_rows * training.augmentation_factor / size)
        batches_per_step = training.grad_accumulation_steps * processes
        steps_per_epoch = math.ceil(n_batches / batches_per_step)
        least, most = defaults.eval_steps
        return cls(
            batch_size=size,
            learning_rate=default if rate == "auto" else rate,
            max_grad_norm=MAX_GRAD_NORM if norm == "auto" else norm or 0.0,
            steps_per_epoch=steps_per_epoch,
            eval_steps=min(max(least, steps_per_epoch), most),
        )

"""Ablation: log-loss of one fit with each part of the recipe removed.

    python -m tests.benchmarks.recipe [--tables tuning] [--steps 140] [--seeds 2] [--out FILE]
        [--variants "as it is,one member"]

Mean log-loss over the columns and the support (lower is better), each column given all others, and
given a random half of them. Steps are equal, not seconds; ``speed.py`` measures the time of the
parts. Recipes are tuned on the tuning tables and confirmed on the others.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from tabwidget import ModelConfig, TabularLanguageModel, TrainingConfig
from tests.benchmarks.frames import half_known, load, named, split
from tests.benchmarks.report import Report, parser

MAX_ROWS = 300  # of the test part


@dataclass(frozen=True)
class Variant:
    """A recipe with one part changed.

    Attributes
    ----------
    model : dict
        Settings of `ModelConfig`.
    training : dict
        Settings of `TrainingConfig`.
    patched : callable
        Returns a context that patches the backend.
    """

    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    patched: Callable[[], AbstractContextManager[object]] = nullcontext


FIT = "tabwidget.backends.minilm.fit."
VARIANTS = {
    "as it is": Variant(),
    "one member": Variant({"members": 1}),
    "eight members": Variant({"members": 8}),
    "no dropout": Variant({"dropout": 0.0}),
    "dropout 0.4": Variant({"dropout": 0.4}),
    "one layer": Variant({"layers": 1}),
    "three layers": Variant({"layers": 3}),
    "width 32": Variant({"width": 32}),
    "width 128": Variant({"width": 128}),
    "no weight decay": Variant(training={"weight_decay": 0.0}),
    "no Gaussian prior": Variant(
        patched=lambda: patch("tabwidget.minilm.cell_trainer.PRIOR_WEIGHTS", (0.0,))
    ),
    "Gaussian of learned rows": Variant(patched=lambda: patch(FIT + "N_FOLDS", 1)),
    "no temperatures": Variant(
        patched=lambda: patch.multiple(
            "tabwidget.backends.minilm.fit", TEMPERATURES=[1.0], ENSEMBLE_TEMPERATURE=1.0
        )
    ),
}


def losses(lm: TabularLanguageModel, test: pd.DataFrame, seed: int) -> tuple[float, float]:
    """Return the mean log-loss over columns, given all others, and given half of them."""
    found: list[list[float]] = [[], []]
    for name in lm.schema.targets:
        column = lm.schema[name]
        numbers = column.numbers(test[name])
        there = np.isfinite(numbers)
        if not there.any():
            continue
        rows = test[there]
        cells = column.nearest_codes(numbers[there])
        for into, given in zip(found, (rows, half_known(rows, name, seed)), strict=True):
            p = lm.predict_proba_many(given, name)[np.arange(len(rows)), cells]
            into.append(float(-np.log(np.maximum(p, 1e-9)).mean()))
    return float(np.mean(found[0])), float(np.mean(found[1]))


def main() -> None:
    """Run and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--tables", default="tuning")
    arguments.add_argument("--steps", type=int, default=140)
    arguments.add_argument("--seeds", type=int, default=2)
    arguments.add_argument("--variants", default=",".join(VARIANTS))
    options = arguments.parse_args()
    report = Report(options)
    report.table("table", "recipe", "given all", "given half")
    for table in named(options.tables):
        for name in options.variants.split(","):
            variant, found = VARIANTS[name], []
            for seed in range(options.seeds):
                train, test = split(load(table), seed)
                lm = TabularLanguageModel(
                    training=TrainingConfig(max_steps=options.steps, **variant.training),
                    model_config=ModelConfig(**variant.model),
                    random_state=seed,
                )
                with variant.patched():
                    lm.fit(train)
                found.append(losses(lm, test.head(MAX_ROWS), seed))
            report.row(table, name, *(float(mean) for mean in np.mean(found, axis=0)))


if __name__ == "__main__":
    main()

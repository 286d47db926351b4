"""A small table and a quick model of the default backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.model import TabularLanguageModel

_rng = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "colour": _rng.choice(["blue", "green", "red"], 200, p=[0.3, 0.2, 0.5]),
        "size": _rng.integers(1, 5, 200),
        "weight": _rng.normal(size=200),
        "sold": _rng.random(200) < 0.4,
    }
)
# A dependence to learn: red ones are heavier.
FRAME["weight"] += FRAME["colour"].eq("red")


def few_steps(n: int = 12, **settings: Any) -> TabularLanguageModel:
    """Return a model that trains for `n` steps."""
    settings = {"random_state": 0, "training": TrainingConfig(max_steps=n), **settings}
    return TabularLanguageModel(model_config=ModelConfig(width=16, members=1), **settings)

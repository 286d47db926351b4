"""Optimizers, dropout and learning of the small text model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tabwidget.backends.minilm_text.backend import MiniLMTextBackend
from tabwidget.config import ModelConfig
from tabwidget.table import Table
from tests.backends.minilm_text.fakes import fitted
from tests.backends.text.fakes import (
    fit,
    rows_of,
    weights_of,
)


def test_dropout_depends_only_on_the_seed() -> None:
    config = ModelConfig(width=16, layers=1, heads=2, dropout=0.3)
    found = []
    for seed, dropout in ((0, 0.3), (1, 0.3), (0, 0.0)):
        backend = MiniLMTextBackend(config.set_params(dropout=dropout))
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        fit(backend, max_steps=3)
        assert torch.equal(torch.get_rng_state(), before)
        found.append(weights_of(backend))
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])
    assert not all(np.array_equal(found[0][name], found[2][name]) for name in found[0])


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_optimizers_are_honored(optimizer: str, recwarn: pytest.WarningsRecorder) -> None:
    auto, named = weights_of(fitted()), weights_of(fitted(optimizer=optimizer))
    assert not [w for w in recwarn if "no effect" in str(w.message)]
    # "auto" is Muon.
    same = all(np.array_equal(auto[name], named[name]) for name in auto)
    assert same == (optimizer == "muon")


def test_it_learns_a_level_from_a_number() -> None:
    rng = np.random.default_rng(0)
    letter = rng.choice(list("ab"), 120)
    number = (np.where(letter == "a", 2.0, 7.0) + rng.normal(size=120)).round(1)
    table = Table(pd.DataFrame({"letter": letter, "number": number}))
    backend = MiniLMTextBackend(ModelConfig(width=32))
    settings: dict[str, Any] = {"learning_rate": "auto", "batch_size": "auto", "max_steps": 200}
    fit(backend, table=table, targets=("letter",), **settings)
    rows = rows_of(table)
    found = backend.predict(rows, np.zeros(120, dtype=int)).probabilities
    assert (found.argmax(axis=1) == rows[:, 0]).mean() > 0.9

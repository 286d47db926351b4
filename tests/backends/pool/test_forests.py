"""The forests of a table's targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabwidget import TabularLanguageModel, TrainingConfig
from tabwidget.backends.pool import PoolBackend
from tabwidget.backends.pool import forests as module
from tabwidget.backends.pool.forests import Forests


def table(n: int = 240) -> pd.DataFrame:
    """Return a table with a rule that a forest finds."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 8, n)
    level = np.where(x.astype(int) % 2 == 0, "even", "odd")
    return pd.DataFrame({"x": x, "level": level, "noise": rng.normal(size=n)})


def forests_of(frame: pd.DataFrame) -> Forests:
    """Return a frame's forests, none of them grown."""
    model = TabularLanguageModel(training=TrainingConfig(max_seconds=0), random_state=0).fit(frame)
    assert isinstance(model.backend_, PoolBackend)
    return Forests(model.backend_.pretrained.context)


def test_a_forest_predicts_levels_and_numbers() -> None:
    forests = forests_of(table())
    for target in (0, 1):
        forests.grow(target, max_trees=40, seconds=9.0)
    assert len(forests) == 2
    assert 1 in forests
    assert 2 not in forests
    rows = np.array([[4.5, np.nan, 0.0], [5.5, np.nan, 0.0], [np.nan, 1.0, 0.0]])
    found = forests.predict(rows, np.array([1, 1, 0])).probabilities
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    assert found[0, 0] > 0.6
    assert found[1, 1] > 0.6


def test_rows_of_the_table_are_predicted_out_of_bag() -> None:
    frame = table()
    forests = forests_of(frame)
    forests.grow(2, max_trees=40, seconds=9.0)
    rows, targets = forests.context.rows, np.full(len(frame), 2)
    codes = forests.context.columns[2].codes(rows[:, 2])
    own = forests.predict(rows, targets).probabilities[np.arange(len(rows)), codes].mean()
    outside = forests.predict(rows, targets, out_of_sample=True).probabilities
    assert outside[np.arange(len(rows)), codes].mean() < own / 2


def test_a_fit_of_many_rows_pools_forests_and_saves_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MIN_ROWS", 200)
    frame = table()
    model = TabularLanguageModel(training=TrainingConfig(max_steps=60), random_state=0).fit(frame)
    backend = model.backend_
    assert isinstance(backend, PoolBackend)
    assert backend._weights.at[1, 1, 2] > 0.3
    assert model.conditional("level", {"x": 4.5, "noise": 0.1}).probabilities[0] > 0.6
    assert model.calibration("level").attrs["ece"] < 0.3
    model.save(tmp_path / "model")
    loaded = TabularLanguageModel.load(tmp_path / "model")
    for given in ({"x": 4.5}, {"x": 2.5, "noise": 0.3}):
        one, other = model.conditional("level", given), loaded.conditional("level", given)
        assert np.array_equal(one.probabilities, other.probabilities)
    first, second = (m.log_likelihood(frame.head(5), per_cell=True) for m in (model, loaded))
    assert np.array_equal(np.asarray(first), np.asarray(second))
    model.partial_fit(frame.head(20))
    assert model.conditional("level", {"x": 4.5}).probabilities.sum() == pytest.approx(1)


def test_small_tables_grow_none() -> None:
    assert not forests_of(table(40)).worthwhile

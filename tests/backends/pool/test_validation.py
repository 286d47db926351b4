"""What the members predict for rows that none of them has seen."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabwidget import TabularLanguageModel, TrainingConfig
from tabwidget.backends.pool import PoolBackend
from tabwidget.backends.pool.forests import Forests
from tabwidget.backends.pool.validation import PoolValidation


def validation_of(frame: pd.DataFrame, targets: tuple[str, ...] = ()) -> PoolValidation:
    """Return the validation of a short fit."""
    model = TabularLanguageModel(training=TrainingConfig(max_steps=3), random_state=0).fit(frame)
    backend = model.backend_
    assert isinstance(backend, PoolBackend)
    assert model.table_ is not None
    return PoolValidation(model.table_, targets, backend.pretrained, backend.network, 0)


def frame(n: int = 60) -> pd.DataFrame:
    """Return a small table with a missing cell."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    x[3] = np.nan
    return pd.DataFrame({"x": x, "y": rng.choice(["a", "b"], n), "z": rng.normal(size=n)})


def test_columns_are_measured_one_at_a_time_targets_first() -> None:
    validation = validation_of(frame(), ("y",))
    assert validation.weights(Forests(validation.pretrained.context))[1] == {}
    assert validation.measure()
    assert list(validation.measured) == [1]
    weights, gains = validation.weights(Forests(validation.pretrained.context))
    assert list(gains) == [1]
    # Numbers have no column of their kind to learn from yet.
    assert weights.at[:, [0, 2], 0].tolist() == [[1, 1], [1, 1]]
    validation.measure()
    weights, _ = validation.weights(Forests(validation.pretrained.context))
    np.testing.assert_allclose(weights.at[:, 0], weights.at[:, 2])
    while validation.measure():
        pass
    assert sorted(validation.measured) == [0, 1, 2]
    assert validation.seconds > 0


def test_half_of_the_other_cells_are_hidden_and_the_target_always() -> None:
    validation = validation_of(frame())
    while validation.measure():
        pass
    for target, folds in validation.measured.items():
        for found in folds:
            half, whole = (np.isfinite(rows) for rows in found.rows)
            assert not half[:, target].any()
            assert not whole[:, target].any()
            assert (half.sum(1) <= 1).all()
            assert (whole.sum(1) >= 1).all()


def test_predictions_are_of_rows_that_the_contexts_lack() -> None:
    """A copy of the target gives it away, unless the row itself is what is looked up."""
    rng = np.random.default_rng(1)
    noise = rng.choice(["a", "b"], 80)
    validation = validation_of(pd.DataFrame({"id": np.arange(80) * 1.7, "noise": noise}))
    while validation.measure():
        pass
    right = [
        m.predictions[1][np.arange(len(m.codes)), m.codes].mean() for m in validation.measured[1]
    ]
    assert np.mean(right) < 0.65

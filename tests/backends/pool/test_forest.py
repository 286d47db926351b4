"""Random forests whose leaves hold distributions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from tabwidget.backends.pool.forest import Forest


def levels(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return evidence with unknown cells, and an interaction of two columns."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 3))
    codes = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).astype(int)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x, codes


def test_trees_are_walked_as_scikit_learn_walks_them() -> None:
    x, codes = levels()
    forest, unseen = Forest.grow(x, codes, None, 2, seed=3, max_trees=4, seconds=9.0)
    sklearn = RandomForestClassifier(
        4, min_samples_leaf=2, max_features="sqrt", random_state=3
    ).fit(x, codes)
    for number, tree in enumerate(sklearn.estimators_):
        leaves = tree.apply(x)
        expected = tree.predict_proba(x)[:, 1]
        only = np.zeros_like(unseen)
        only[:, number] = True
        got = forest.predict(x, only)[:, 1]
        for leaf in np.unique(leaves):
            assert len(np.unique(got[leaves == leaf])) == 1
        assert np.corrcoef(expected, got)[0, 1] > 0.99


def test_predictions_of_unseen_trees_are_out_of_bag() -> None:
    rng = np.random.default_rng(1)
    x, noise = rng.normal(size=(200, 2)), rng.integers(0, 2, 200)
    forest, unseen = Forest.grow(x, noise, None, 2, seed=0, max_trees=60, seconds=9.0)
    seen = forest.predict(x)[np.arange(200), noise].mean()
    out_of_bag = forest.predict(x, unseen)[np.arange(200), noise].mean()
    assert seen > 0.65
    assert out_of_bag < 0.56


def test_a_number_has_a_distribution_over_its_support() -> None:
    rng = np.random.default_rng(2)
    x = rng.uniform(size=(400, 1))
    codes = (x[:, 0] * 10).astype(int)
    forest, _ = Forest.grow(x, codes, codes.astype(float), 10, seed=0, max_trees=60, seconds=9.0)
    p = forest.predict(np.array([[0.05], [0.95], [np.nan]]))
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)
    assert p[0].argmax() == 0
    assert p[1].argmax() == 9
    assert (p > 0).all()


def test_time_limits_the_number_of_trees() -> None:
    x, codes = levels(60)
    few, _ = Forest.grow(x, codes, None, 2, seed=0, max_trees=40, seconds=0.0)
    many, _ = Forest.grow(x, codes, None, 2, seed=0, max_trees=40, seconds=60.0)
    assert len(few.roots) == 4
    assert len(many.roots) == 40


def test_saved_arrays_predict_equally() -> None:
    x, codes = levels()
    forest, _ = Forest.grow(x, codes, None, 2, seed=0, max_trees=4, seconds=9.0)
    again = Forest.of_arrays(forest.arrays())
    assert np.array_equal(forest.predict(x), again.predict(x))
    with pytest.raises(KeyError):
        Forest.of_arrays({})

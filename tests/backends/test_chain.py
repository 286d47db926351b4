"""The chain rule over the columns of a row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends.base import Prediction
from tabwidget.backends.chain import chain_rule
from tabwidget.table import Table


def test_each_cell_is_predicted_from_those_read_before_it() -> None:
    frame = pd.DataFrame({"a": ["x", "y", "x"], "b": ["u", "u", "v"], "c": [1.0, 2.0, None]})
    schema = Table(frame).schema
    rows = schema.rows(frame)
    asked = []

    def predict(read: np.ndarray, targets: np.ndarray) -> Prediction:
        asked.append((int(targets[0]), np.isfinite(read).sum(1).tolist()))
        return Prediction(np.full((len(read), 2), 0.5), np.zeros(len(read)))

    found = chain_rule(rows, schema.inputs, 0, predict)
    assert sorted(target for target, _ in asked) == [0, 1, 2]
    assert [counts[0] for _, counts in asked] == [0, 1, 2]
    np.testing.assert_allclose(found.sum(1), np.log(0.5) * np.array([3, 3, 2]))


def test_a_value_outside_the_support_has_probability_zero() -> None:
    frame = pd.DataFrame({"n": [1.0, 2.0]})
    schema = Table(frame).schema

    def predict(read: np.ndarray, targets: np.ndarray) -> Prediction:
        return Prediction(np.array([[0.5, 0.5]]), np.zeros(1))

    found = chain_rule(np.array([[3.0]]), schema.inputs, 0, predict)
    assert found[0, 0] == pytest.approx(-np.inf)

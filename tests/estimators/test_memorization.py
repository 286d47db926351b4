"""Memorization: distances of synthetic rows to the training rows, against other rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget import datasets
from tabwidget.errors import ColumnError, TableError
from tabwidget.estimators.memorization import memorization

FRAME = datasets.load("penguins").sample(frac=1, random_state=0, ignore_index=True)
TRAINING, VALIDATION, OTHERS = FRAME[:120], FRAME[120:220], FRAME[220:]


def test_rows_of_the_same_source_are_no_closer_than_validation_rows() -> None:
    found = memorization(OTHERS, TRAINING, VALIDATION)
    assert found.baseline == "validation"
    assert found.closer == pytest.approx(0.5, abs=0.1)
    assert found.median == pytest.approx(found.baseline_median, rel=0.2)
    assert (found.n_synthetic, found.n_training, found.n_baseline) == (124, 120, 100)


def test_copies_are_found() -> None:
    half = pd.concat([TRAINING[:62], OTHERS[:62]])
    found = memorization(half, TRAINING, VALIDATION)
    assert found.copies == pytest.approx(0.5, abs=0.02)
    assert found.fifth == 0
    assert found.closer > 0.7


def test_without_validation_rows_the_baseline_is_the_training_rows() -> None:
    found = memorization(OTHERS, TRAINING)
    assert found.baseline == "training"
    assert found.n_baseline == 120
    assert found.baseline_median > 0
    assert found.closer == pytest.approx(0.5, abs=0.1)


def test_distance_is_gowers() -> None:
    training = pd.DataFrame({"x": [0.0, 10.0], "g": ["a", "b"]})
    synthetic = pd.DataFrame({"x": [2.0, 2.0, 0.0], "g": ["a", "c", None]})
    for i, distance in enumerate([0.1, 0.6, 0.5]):
        assert memorization(synthetic[i : i + 1], training).median == pytest.approx(distance)


def test_missing_cells_are_at_distance_zero() -> None:
    training = pd.DataFrame({"x": [None, 1.0, 3.0], "g": [None, "a", "b"]})
    assert memorization(training[:1], training).copies == 1


def test_dates_and_new_levels_have_distances() -> None:
    training = pd.DataFrame({"t": pd.date_range("2020", periods=30), "g": ["a", "b"] * 15})
    found = memorization(training.assign(g="new"), training, training.assign(g="newer"))
    assert found.median == 0.5
    assert found.closer == 0.5


def test_report_is_a_table() -> None:
    text = str(memorization(TRAINING, TRAINING, VALIDATION))
    assert "exact copies" in text
    assert "100.0%" in text
    assert "120 training rows" in text


def test_frames_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(TableError, match="has no rows"):
        memorization(TRAINING[:0], TRAINING)
    with pytest.raises(ColumnError, match="share no target column"):
        memorization(pd.DataFrame({"other": np.arange(3)}), TRAINING)

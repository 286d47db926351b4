"""Calibration tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget.inference.calibration import calibration_table
from tabwidget.table.infer import infer_column

LEVELS = infer_column(pd.Series(["no", "yes"]), "y")
BINNED = infer_column(pd.Series(np.linspace(0, 1, 2401)), "x")


def test_calibrated_predictions_have_a_small_error() -> None:
    rng = np.random.default_rng(0)
    yes = rng.random(20_000)
    truth = (rng.random(20_000) < yes).astype(float)
    table = calibration_table(LEVELS, np.column_stack([1 - yes, yes]), truth)
    assert table["n"].sum() == 20_000
    assert table.attrs["ece"] < 0.02


def test_overconfident_predictions_have_a_large_error() -> None:
    p = np.array([[0.01, 0.99]] * 100)
    table = calibration_table(LEVELS, p, np.array([1.0] * 60 + [0.0] * 40))
    np.testing.assert_allclose(table.values, [[0.99, 0.6, 100]])
    assert table.attrs["ece"] == pytest.approx(0.39)


def test_intervals_of_a_correct_distribution_have_nominal_coverage() -> None:
    truth = np.random.default_rng(0).random(5000)
    p = np.tile(BINNED.widths, (5000, 1))
    table = calibration_table(BINNED, p, truth)
    np.testing.assert_allclose(table["observed"], table["share"], atol=0.03)


def test_too_narrow_a_distribution_has_low_coverage() -> None:
    p = np.zeros((1000, len(BINNED.grid)))
    p[:, len(BINNED.grid) // 2] = 1
    table = calibration_table(BINNED, p, np.random.default_rng(0).random(1000))
    assert (table["observed"] < 0.2).all()

"""Calibration: predicted probabilities against observed frequencies."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget._typing import Floats
from tabwidget.table import Column

__all__ = ["calibration_table"]


N_BINS = 15
SHARES = np.arange(1, 10) / 10  # probabilities of central intervals


def calibration_table(column: Column, probabilities: Floats, truth: Floats) -> pd.DataFrame:
    """Return a calibration table; see `TabularLanguageModel.calibration`.

    Parameters
    ----------
    column : Column
        The target column.
    probabilities : ndarray of shape (n, n_support)
        Predictions; rows sum to one.
    truth : ndarray of shape (n,)
        True values as `Column.numbers` returns them.

    Examples
    --------
    >>> from tabwidget.table import Table
    >>> column = Table(pd.DataFrame({"y": ["a", "b"]})).schema["y"]
    >>> predictions = np.array([[0.75, 0.25]] * 4)
    >>> calibration_table(column, predictions, np.array([0.0, 0, 0, 1])).values.tolist()
    [[0.75, 0.75, 4.0]]
    """
    table = (
        _coverage(column, probabilities, truth)
        if column.is_number
        else _accuracy_by_confidence(probabilities, truth.astype(np.int64))
    )
    predicted, observed = table.iloc[:, 0], table.iloc[:, 1]
    table.attrs["ece"] = float(np.average((predicted - observed).abs(), weights=table["n"]))
    return table


def _accuracy_by_confidence(probabilities: Floats, truth: NDArray[np.int64]) -> pd.DataFrame:
    """Return accuracy in bins of equal counts, as Nixon et al. 2019 advise for small samples."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == truth
    parts = [p for p in np.array_split(np.argsort(confidence, kind="stable"), N_BINS) if len(p)]
    predicted = [float(confidence[part].mean()) for part in parts]
    observed = [float(right[part].mean()) for part in parts]
    sizes = [len(part) for part in parts]
    found = pd.DataFrame({"predicted": predicted, "observed": observed, "n": sizes})
    # Bins of equal confidence are merged.
    return (
        found.assign(hits=found["observed"] * found["n"])
        .groupby("predicted", as_index=False)[["hits", "n"]]
        .sum()
        .assign(observed=lambda f: f["hits"] / f["n"])[["predicted", "observed", "n"]]
    )


def _coverage(column: Column, probabilities: Floats, truth: Floats) -> pd.DataFrame:
    """Return how often central intervals contain the true value."""
    total = np.concatenate([np.zeros((len(truth), 1)), probabilities.cumsum(1)], axis=1)
    codes = column.nearest_codes(truth)
    below = np.take_along_axis(total, codes[:, None], 1)[:, 0]
    above = np.take_along_axis(total, codes[:, None] + 1, 1)[:, 0]
    if column.edges is not None:
        widths = np.diff(column.edges)[codes]
        position = np.clip((truth - column.edges[codes]) / widths, 0, 1)
        rank = below + position * (above - below)
        below, above = (
            np.where(column.atoms[codes], below, rank),
            np.where(column.atoms[codes], above, rank),
        )
    # A listed value is inside an interval if any of its probability is.
    observed = [float(((above >= (1 - s) / 2) & (below <= (1 + s) / 2)).mean()) for s in SHARES]
    return pd.DataFrame({"share": SHARES, "observed": observed, "n": len(truth)})

"""Reliability: how far predicted probabilities come true."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget._typing import Floats
from tabwidget.table import Column

__all__ = ["reliability"]


N_BINS = 15
SHARES = np.arange(1, 10) / 10


def reliability(column: Column, probabilities: Floats, truth: Floats) -> pd.DataFrame:
    """Return a reliability table; see `TabularLanguageModel.calibration`.

    Parameters
    ----------
    column : Column
        What was asked for.
    probabilities : ndarray of shape (n, n_support)
        The answers; rows sum to one.
    truth : ndarray of shape (n,)
        What was the case, as `Column.numbers` writes it.

    Examples
    --------
    >>> from tabwidget.table import Table
    >>> column = Table(pd.DataFrame({"y": ["a", "b"]})).schema["y"]
    >>> answers = np.array([[0.75, 0.25]] * 4)
    >>> reliability(column, answers, np.array([0.0, 0, 0, 1])).values.tolist()
    [[0.75, 0.75, 4.0]]
    """
    table = (
        _of_numbers(column, probabilities, truth)
        if column.is_number
        else _of_levels(probabilities, truth.astype(np.int64))
    )
    said, seen = table.iloc[:, 0], table.iloc[:, 1]
    table.attrs["ece"] = float(np.average((said - seen).abs(), weights=table["n"]))
    return table


def _of_levels(probabilities: Floats, truth: NDArray[np.int64]) -> pd.DataFrame:
    """Bins of as many answers each, as Nixon et al. 2019 advise for small samples."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == truth
    parts = [p for p in np.array_split(np.argsort(confidence, kind="stable"), N_BINS) if len(p)]
    said = [float(confidence[part].mean()) for part in parts]
    seen = [float(right[part].mean()) for part in parts]
    sizes = [len(part) for part in parts]
    found = pd.DataFrame({"predicted": said, "observed": seen, "n": sizes})
    # Equal confidences, however many, are one bin.
    return (
        found.assign(hits=found["observed"] * found["n"])
        .groupby("predicted", as_index=False)[["hits", "n"]]
        .sum()
        .assign(observed=lambda f: f["hits"] / f["n"])[["predicted", "observed", "n"]]
    )


def _of_numbers(column: Column, probabilities: Floats, truth: Floats) -> pd.DataFrame:
    """Return how often the middle share of the probability holds the truth."""
    total = np.concatenate([np.zeros((len(truth), 1)), probabilities.cumsum(1)], axis=1)
    cells = column.nearest_codes(truth)
    below = np.take_along_axis(total, cells[:, None], 1)[:, 0]
    above = np.take_along_axis(total, cells[:, None] + 1, 1)[:, 0]
    if column.edges is not None:
        widths = np.diff(column.edges)[cells]
        place = np.clip((truth - column.edges[cells]) / widths, 0, 1)
        rank = below + place * (above - below)
        below, above = (
            np.where(column.atoms[cells], below, rank),
            np.where(column.atoms[cells], above, rank),
        )
    # A listed value lies within the interval if any of its probability does.
    seen = [float(((above >= (1 - s) / 2) & (below <= (1 + s) / 2)).mean()) for s in SHARES]
    return pd.DataFrame({"share": SHARES, "observed": seen, "n": len(truth)})

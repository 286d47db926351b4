"""Surprise: how unlikely observed values are under their predicted distributions, in bits."""

from __future__ import annotations

import math

import numpy as np

from tabwidget._typing import Floats, Ints
from tabwidget.table import Column

__all__ = ["relative_surprise", "surprise"]

# A place within a bin is known no better: nothing is infinitely far out in the outermost one.
MARGIN = 1 / 64
EXPECTED_TAIL = 1 / math.log(2)  # bits of the tail probability of a value that is like the others


def surprise(probabilities: Floats, codes: Ints) -> Floats:
    """Return -log2 p of each observed value, or of its bin.

    Parameters
    ----------
    probabilities : ndarray of shape (n, n_support)
        Predicted distributions.
    codes : ndarray of int of shape (n,)
        Support index of each value; -1 for a value that is not in the support.

    Returns
    -------
    ndarray of shape (n,)
        In bits; infinite where the probability is 0.

    Examples
    --------
    >>> surprise(np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([0, -1])).tolist()
    [2.0, inf]
    """
    found = np.where(codes >= 0, probabilities[np.arange(len(codes)), codes], 0.0)
    with np.errstate(divide="ignore"):
        bits: Floats = -np.log2(found)
    return bits


def relative_surprise(
    column: Column, probabilities: Floats, codes: Ints, numbers: Floats
) -> Floats:
    """Return by how many bits each value surprises more than was to be expected.

    The bits of a level and of a number's bin are not comparable: the finer the bins, the more bits
    has each. For a level this is -log2 p less the entropy; for a number -log2 of its two-sided
    tail probability (the S-value of Greenland, "Valid P-Values Behave Exactly as They Should",
    2019) less 1.44, its expectation if the distribution is true. Both are 0 on average.

    Parameters
    ----------
    column : Column
        The column.
    probabilities, codes
        As in `surprise`.
    numbers : ndarray of shape (n,)
        The values as `Column.numbers` returns them.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table.infer import infer_column
    >>> column = infer_column(pd.Series(np.linspace(0, 1, 1000)), "x")
    >>> even = np.tile(np.diff(column.edges), (2, 1)) / np.ptp(column.edges)
    >>> numbers = np.array([0.5, 0.999])
    >>> relative_surprise(column, even, column.codes(numbers), numbers).round(1).tolist()
    [-1.4, 7.5]
    """
    if not column.is_number:
        likely = np.where(probabilities > 0, probabilities, 1.0)
        entropy = -(likely * np.log2(likely)).sum(1)
        found: Floats = surprise(probabilities, codes) - entropy
        return found
    known = codes >= 0
    at, codes = np.arange(len(codes)), np.maximum(codes, 0)
    place = np.full(len(codes), 0.5)
    if column.edges is not None:
        left, right = column.edges[codes], column.edges[codes + 1]
        wide = (right > left) & (column.integer | ~column.atoms[codes])
        place[wide] = ((numbers - left)[wide] / (right - left)[wide]).clip(MARGIN, 1 - MARGIN)
    below = probabilities.cumsum(1)[at, codes] - (1 - place) * probabilities[at, codes]
    tail = np.where(known, 2 * np.minimum(below, 1 - below), 0.0)
    with np.errstate(divide="ignore"):
        bits: Floats = -np.log2(tail.clip(0, 1)) - EXPECTED_TAIL
    return bits

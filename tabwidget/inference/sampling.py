"""Sampling values from predicted probabilities."""

from __future__ import annotations

import numpy as np

from tabwidget._typing import Bools, Floats
from tabwidget.config import GenerationConfig
from tabwidget.table import Column

__all__ = ["draw", "tempered"]


def tempered(probabilities: Floats, generation: GenerationConfig | None) -> Floats:
    """Return probabilities after temperature, `top_k` and `top_p`.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_values)
        Rows sum to one.
    generation : GenerationConfig or None
        None changes nothing.

    Examples
    --------
    >>> tempered(np.array([[0.5, 0.3, 0.2]]), GenerationConfig(temperature=1, top_k=1)).tolist()
    [[1.0, 0.0, 0.0]]
    """
    if generation is None:
        return probabilities
    ranks = (-probabilities).argsort(axis=1, kind="stable").argsort(axis=1)
    if generation.temperature <= 0:
        return (ranks == 0).astype(np.float64)
    # Relative to the mode, so that the power does not underflow a whole row.
    relative = probabilities / probabilities.max(axis=1, keepdims=True)
    p = relative ** (1 / generation.temperature)
    if generation.top_k:
        p = np.where(ranks < generation.top_k, p, 0.0)
    p = p / p.sum(axis=1, keepdims=True)
    if generation.top_p < 1:
        ordered = -np.sort(-p, axis=1)
        before = np.take_along_axis(ordered.cumsum(axis=1) - ordered, ranks, axis=1)
        p = np.where(before < generation.top_p, p, 0.0)
        p = p / p.sum(axis=1, keepdims=True)
    return p


def draw(
    probabilities: Floats,
    column: Column,
    rng: np.random.Generator,
    generation: GenerationConfig | None = None,
) -> Floats:
    """Sample one number per row: a level's index, a listed value, or a point within a bin.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, at least the size of the column's support)
        Rows sum to one.
    column : Column
        The target column.
    rng : numpy Generator
        Random number generator.
    generation : GenerationConfig, optional
        Temperature and truncation. Temperature 0 or below returns the mode.
    """
    p = probabilities[:, : len(column.support)]
    if generation is not None and generation.temperature <= 0:
        # The mode of a number is the bin of highest density, not of highest probability.
        p = p / column.widths
    p = tempered(p, generation)
    total = p.cumsum(axis=1)
    shares = rng.random((len(p), 1)) * total[:, -1:]
    index = (total <= shares).sum(axis=1).clip(max=len(column.support) - 1)
    if column.edges is None or (generation is not None and generation.temperature <= 0):
        return np.asarray(column.grid[index], dtype=np.float64)
    numbers = column.within(index, rng.random(len(p)))

    def is_valid(rounded: Floats) -> Bools:
        in_range = (column.low <= rounded) & (rounded <= column.high)
        return np.asarray(in_range & (column.codes(rounded) == index))

    return column.round_to_resolution(numbers, is_valid)

"""Drawing values from predicted probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Floats
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
    # Relative to the likeliest, so that no power underflows all of a row.
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
    """Draw one number a row: a level's index, a listed value, or a place within a bin.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, at least the size of the column's support)
        Rows sum to one.
    column : Column
        What they are probabilities of.
    rng : numpy Generator
        Source of chance.
    generation : GenerationConfig, optional
        Temperature and truncation. At temperature 0 or below the mode is taken.
    """
    p = probabilities[:, : len(column.support)]
    if generation is not None and generation.temperature <= 0:
        # The mode of a number is where it is densest, not the bin that holds most.
        p = p / column.widths
    p = tempered(p, generation)
    total = p.cumsum(axis=1)
    shares = rng.random((len(p), 1)) * total[:, -1:]
    index = (total <= shares).sum(axis=1).clip(max=len(column.support) - 1)
    if column.edges is None or (generation is not None and generation.temperature <= 0):
        return np.asarray(column.grid[index], dtype=np.float64)
    numbers = column.within(index, rng.random(len(p)))

    def fits(told: Floats) -> NDArray[np.bool_]:
        within = (column.low <= told) & (told <= column.high)
        return np.asarray(within & (column.codes(told) == index))

    return column.round_to_resolution(numbers, fits)

"""Chance: MLX's random numbers by a seed of ours, those of others left as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import mlx.core as mx
import numpy as np

__all__ = ["preserved_rng"]


@contextlib.contextmanager
def preserved_rng(*seed: int) -> Iterator[None]:
    """Draw by a seed, of one number or several; the random state is this thread's own.

    Examples
    --------
    >>> with preserved_rng(0, 3):
    ...     first = mx.random.uniform().item()
    >>> with preserved_rng(0, 3):
    ...     first == mx.random.uniform().item()
    True
    """
    # The state can be read, but set only by a seed: that of 64 bits which it is.
    state: Any = mx.random.state
    high, low = state[0].tolist()
    mx.random.seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]))
    try:
        yield
    finally:
        mx.random.seed(high << 32 | low)

"""Seed MLX's random numbers without changing the global random state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import mlx.core as mx
import numpy as np

__all__ = ["preserved_rng"]


@contextlib.contextmanager
def preserved_rng(*seed: int) -> Iterator[None]:
    """Seed MLX's random state of this thread by one or more numbers; restore it afterwards.

    Examples
    --------
    >>> with preserved_rng(0, 3):
    ...     first = mx.random.uniform().item()
    >>> with preserved_rng(0, 3):
    ...     first == mx.random.uniform().item()
    True
    """
    # MLX sets the state only by a seed; the state itself is a 64-bit seed, as two words.
    state: Any = mx.random.state
    high, low = state[0].tolist()
    mx.random.seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]))
    try:
        yield
    finally:
        mx.random.seed(high << 32 | low)

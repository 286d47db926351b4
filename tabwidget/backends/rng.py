"""Random states: calls into other libraries leave the global ones unchanged."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch

__all__ = ["preserved_rng"]


@contextlib.contextmanager
def preserved_rng() -> Iterator[None]:
    """Restore the global random states of Python, NumPy and torch at the end of the block.

    Examples
    --------
    >>> torch.manual_seed(1) and None
    >>> with preserved_rng():
    ...     first = torch.rand(1)
    >>> bool(torch.rand(1) == first)
    True
    """
    python, legacy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)

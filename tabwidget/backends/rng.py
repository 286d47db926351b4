"""Chance: what is drawn by others leaves the global random states as they were."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch

__all__ = ["own_chance"]


@contextlib.contextmanager
def own_chance() -> Iterator[None]:
    """Leave the global random states as they were, whoever sets them.

    Examples
    --------
    >>> torch.manual_seed(1) and None
    >>> with own_chance():
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

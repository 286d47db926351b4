"""memory_of_process: the memory event."""

from __future__ import annotations

import numpy as np

from tabwidget.callbacks import memory_of_process


def test_allocated_memory_is_counted() -> None:
    before = memory_of_process(1.5)
    block = np.ones(10_000_000)  # 80 MB, written to
    after = memory_of_process(2.5)
    assert (before.seconds, before.device) == (1.5, "cpu")
    assert after.used - before.used > block.nbytes / 2

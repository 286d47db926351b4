"""What all tests share."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

# Threads that share a core with another worker wait for each other at every operation.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# On a busy machine a slow example says nothing.
settings.register_profile("tabwidget", deadline=None)
settings.load_profile("tabwidget")


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the repository."""
    return Path(__file__).resolve().parents[1]


def pytest_collection_finish() -> None:
    # What is imported by now stays: accelerate collects garbage several times a fit.
    gc.freeze()

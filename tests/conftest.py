"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# On a busy machine a slow example says nothing.
settings.register_profile("tabwidget", deadline=None)
settings.load_profile("tabwidget")


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the repository."""
    return Path(__file__).resolve().parents[1]

"""Fixtures of the tests of the small text backend."""

from __future__ import annotations

import pytest

from tabwidget.backends.minilm_text import MiniLMTextBackend
from tests.backends.minilm_text.fakes import fitted


@pytest.fixture(scope="session")
def toy_fit() -> MiniLMTextBackend:
    """Return a fitted backend."""
    return fitted()

"""Fixtures of the tests of the Hugging Face backend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tabwidget.backends import HFBackend
    from tabwidget.events import Event


@pytest.fixture(scope="session")
def toy_fit(tiny: Path) -> tuple[HFBackend, list[Event]]:
    """Return a fitted backend and the events of its fit."""
    from tests.backends.huggingface.fakes import fitted

    return fitted(tiny, targets=("letter",), max_steps=60)

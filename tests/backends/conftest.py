"""Fixtures of the tests of backends."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny pretrained model."""
    pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
    from tests.backends.text.fakes import save_tiny

    return save_tiny(tmp_path_factory.mktemp("tiny"))

"""The weights in the package."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tabwidget.backends.pretrained import weights
from tabwidget.backends.pretrained.weights import load_model, pretrained_model, save_model
from tabwidget.errors import DataFileError
from tests.backends.pretrained.tables import encoded, small_model


def test_a_saved_model_answers_as_before(tmp_path: Path) -> None:
    model = small_model()
    save_model(tmp_path / "model.safetensors", model)
    loaded = load_model(tmp_path / "model.safetensors")
    found, _ = encoded("number")
    assert loaded.config == model.config
    torch.testing.assert_close(loaded(found), model(found), atol=1e-2, rtol=1e-2)


def test_damaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "DIGEST", "0" * 64)
    with pytest.raises(DataFileError, match=r"weights\.safetensors .* is damaged"):
        pretrained_model.__wrapped__()


def test_the_weights_are_loaded_once_and_never_trained() -> None:
    assert pretrained_model() is pretrained_model()
    assert not any(weight.requires_grad for weight in pretrained_model().parameters())

"""The seam itself: what an engine has to offer, and how one is chosen by name."""

from __future__ import annotations

import numpy as np
import pytest

from tabwidget.backends import BACKENDS, Backend, MiniLMBackend, resolve
from tabwidget.config import ModelConfig
from tabwidget.errors import ConfigError, NotFittedError

from .fakes import FakeBackend


@pytest.mark.parametrize("backend", [MiniLMBackend(), FakeBackend()])
def test_every_engine_offers_what_the_seam_asks_for(backend: Backend) -> None:
    assert isinstance(backend, Backend)
    assert not backend.ready


def test_auto_is_the_engine_that_needs_no_download() -> None:
    assert isinstance(resolve("auto"), MiniLMBackend)


def test_an_engine_chosen_by_name_takes_the_model_config() -> None:
    config = ModelConfig(width=32)
    backend = resolve("minilm", config)
    assert isinstance(backend, MiniLMBackend)
    assert backend.model_config is config


def test_an_instance_is_taken_as_it_is() -> None:
    backend = FakeBackend()
    assert resolve(backend) is backend


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no backend 'minlm'.*Did you mean 'minilm'\?"):
        resolve("minlm")


def test_names_are_those_the_engines_give_themselves() -> None:
    assert {name: resolve(name).name for name in BACKENDS} == {name: name for name in BACKENDS}


def test_an_engine_without_weights_says_so() -> None:
    with pytest.raises(NotFittedError, match="call fit first"):
        MiniLMBackend().predict(np.full((1, 2), np.nan), [0])


def test_an_instance_takes_the_model_that_is_asked_for() -> None:
    backend = MiniLMBackend(ModelConfig(width=16))
    assert resolve(backend, ModelConfig(width=32)) is backend
    assert backend.model_config.width == 32
    assert resolve(backend).model_config.width == 32  # type: ignore[attr-defined]

"""The seam itself: what a backend has to offer, and how one is chosen by name."""

from __future__ import annotations

import numpy as np
import pytest

from tabwidget.backends import BACKENDS, Backend, MiniLMBackend, choose, resolve
from tabwidget.config import LoRAConfig, ModelConfig
from tabwidget.errors import ConfigError, MissingExtraError, NotFittedError
from tests.backends.fakes import FakeBackend


@pytest.mark.parametrize("backend", [MiniLMBackend(), FakeBackend()])
def test_every_backend_offers_what_the_seam_asks_for(backend: Backend) -> None:
    assert isinstance(backend, Backend)
    assert not backend.ready


def test_auto_is_the_backend_that_needs_no_download() -> None:
    assert isinstance(resolve("auto"), MiniLMBackend)


def installed(monkeypatch: pytest.MonkeyPatch, machine: str, *packages: str) -> None:
    """Let this be a machine with these packages."""
    system = "Darwin" if machine == "arm64" else "Linux"
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(
        "tabwidget.backends.registry.find_spec", lambda name: object() if name in packages else None
    )


@pytest.mark.parametrize(
    ("machine", "packages", "name"),
    [
        ("x86_64", ["transformers", "mlx_lm"], "huggingface"),
        ("x86_64", ["mlx_lm"], "mlx"),
        ("arm64", ["transformers", "mlx_lm"], "mlx"),
        ("arm64", ["transformers"], "huggingface"),
    ],
)
def test_auto_with_a_pretrained_model_goes_by_machine_and_packages_and_says_why(
    monkeypatch: pytest.MonkeyPatch, machine: str, packages: list[str], name: str
) -> None:
    installed(monkeypatch, machine, *packages)
    choice = choose("auto", ModelConfig(model="some/model"))
    assert choice.name == name
    package = {"huggingface": "transformers", "mlx": "mlx_lm"}[name]
    assert "model=" in choice.reason
    assert choice.reason.endswith(f"has {package}")
    assert choose("auto").name == "minilm"


@pytest.mark.parametrize(("machine", "extra"), [("x86_64", "hf"), ("arm64", "mlx")])
def test_auto_without_anything_that_runs_a_pretrained_model_prints_the_command(
    monkeypatch: pytest.MonkeyPatch, machine: str, extra: str
) -> None:
    installed(monkeypatch, machine)
    with pytest.raises(MissingExtraError, match=rf"lora= .* pip install 'tabwidget\[{extra}\]'"):
        resolve("auto", ModelConfig(lora=LoRAConfig()))


def test_an_backend_chosen_by_name_takes_the_model_config() -> None:
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


def test_names_are_those_the_backends_give_themselves() -> None:
    assert {name: resolve(name).name for name in BACKENDS} == {name: name for name in BACKENDS}


def test_an_backend_without_weights_says_so() -> None:
    with pytest.raises(NotFittedError, match="call fit first"):
        MiniLMBackend().predict(np.full((1, 2), np.nan), [0])


def test_an_instance_takes_the_model_that_is_asked_for() -> None:
    backend = MiniLMBackend(ModelConfig(width=16))
    assert resolve(backend, ModelConfig(width=32)) is backend
    assert backend.model_config.width == 32
    assert resolve(backend).model_config.width == 32  # type: ignore[attr-defined]

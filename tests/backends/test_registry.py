"""Tests of the registry: backends by name, and the choice of "auto"."""

from __future__ import annotations

import pytest

from tabwidget.backends import BACKENDS, MiniLMBackend, choose, resolve
from tabwidget.backends.pool import PoolBackend
from tabwidget.config import LoRAConfig, ModelConfig
from tabwidget.errors import ConfigError, MissingExtraError
from tests.backends.fakes import FakeBackend


def test_auto_needs_no_download() -> None:
    assert isinstance(resolve("auto"), PoolBackend)


def installed(monkeypatch: pytest.MonkeyPatch, machine: str, *packages: str) -> None:
    """Pretend to be a machine with these packages."""
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
def test_auto_with_a_pretrained_model_depends_on_machine_and_packages(
    monkeypatch: pytest.MonkeyPatch, machine: str, packages: list[str], name: str
) -> None:
    installed(monkeypatch, machine, *packages)
    choice = choose("auto", ModelConfig(model="some/model"))
    assert choice.name == name
    package = {"huggingface": "transformers", "mlx": "mlx_lm"}[name]
    assert "model=" in choice.reason
    assert choice.reason.endswith(f"has {package}")
    assert choose("auto").name == "auto"


@pytest.mark.parametrize(("machine", "extra"), [("x86_64", "hf"), ("arm64", "mlx")])
def test_auto_without_a_backend_for_pretrained_models_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, machine: str, extra: str
) -> None:
    installed(monkeypatch, machine)
    with pytest.raises(MissingExtraError, match=rf"lora= .* pip install 'tabwidget\[{extra}\]'"):
        resolve("auto", ModelConfig(lora=LoRAConfig()))


def test_a_backend_chosen_by_name_gets_the_model_config() -> None:
    config = ModelConfig(width=32)
    backend = resolve("minilm", config)
    assert isinstance(backend, MiniLMBackend)
    assert backend.model_config is config


def test_an_instance_is_returned_unchanged() -> None:
    backend = FakeBackend()
    assert resolve(backend) is backend


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no backend 'minlm'.*Did you mean 'minilm'\?"):
        resolve("minlm")


def test_names_equal_those_of_the_backends() -> None:
    assert {name: resolve(name).name for name in BACKENDS} == {name: name for name in BACKENDS}


def test_an_instance_gets_the_requested_model() -> None:
    backend = MiniLMBackend(ModelConfig(width=16))
    assert resolve(backend, ModelConfig(width=32)) is backend
    assert backend.model_config.width == 32
    assert resolve(backend).model_config.width == 32  # type: ignore[attr-defined]

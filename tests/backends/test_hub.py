"""Where pretrained models are, and what is said of those that are nowhere."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("huggingface_hub", reason="the extra 'hf' is not installed")

import huggingface_hub as hub

from tabwidget.backends.hub import source_of, tried
from tabwidget.errors import ConfigError


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be a hub that must not be reached."""

    class NoNetwork:
        def model_info(self, name: str, timeout: float) -> None:
            raise ConnectionError("no route to host")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(hub, "HfApi", NoNetwork)


def test_a_folder_is_here(tmp_path: Path) -> None:
    found = source_of(tmp_path)
    assert (found.where, found.here) == (str(tmp_path), True)
    assert found.options == {"local_files_only": True}


def test_a_gguf_file_is_told_from_its_folder(tmp_path: Path) -> None:
    pytest.importorskip("gguf", reason="the extra 'hf' is not installed")
    found = source_of(tmp_path / "model.Q4.gguf")
    assert (found.where, found.gguf_file) == (str(tmp_path), "model.Q4.gguf")


def test_a_folder_named_as_a_model_comes_before_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "distilgpt2").mkdir()
    assert source_of("distilgpt2").here


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere-at-all", ".\\x"])
def test_a_folder_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no folder .*config\.json"):
        source_of(name)


def test_a_hub_that_cannot_be_reached_is_said_at_once() -> None:
    with pytest.raises(ConfigError, match=r"'some/model'.*cannot be reached: no route.*a folder"):
        source_of("some/model")


def test_a_name_that_the_hub_does_not_know_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty:
        def model_info(self, name: str, timeout: float) -> None:
            error = hub.errors.RepositoryNotFoundError
            raise error("404", response=SimpleNamespace(headers={}, request=None))  # type: ignore[arg-type]

    monkeypatch.setattr(hub, "HfApi", Empty)
    with pytest.raises(ConfigError, match="the hub has no model 'some/model'"):
        source_of("some/model")


def test_offline_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE says not to download"):
        source_of("some/model")


def test_nothing_is_looked_up_where_nothing_may_be_downloaded() -> None:
    with pytest.raises(ConfigError, match="not on this machine yet: it is downloaded once"):
        source_of("some/model", download=False)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("No module named 'x'"), "needs a package more"),
        (OSError("no file config.json\nmore"), "no file config.json. Give a folder"),
    ],
)
def test_what_is_wrong_with_a_model_is_one_error(error: Exception, said: str) -> None:
    def loading() -> None:
        raise error

    with pytest.raises(ConfigError, match=said):
        tried(loading, "a/model")

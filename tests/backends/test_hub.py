"""Finding pretrained models, and errors for those that cannot be found or loaded."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("huggingface_hub", reason="the extra 'hf' is not installed")

import huggingface_hub as hub

from tabwidget.backends.hub import from_pretrained, loading_errors, source_of
from tabwidget.errors import ConfigError


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the hub by one that cannot be reached."""

    class NoNetwork:
        def model_info(self, name: str, timeout: float) -> None:
            raise ConnectionError("no route to host")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(hub, "HfApi", NoNetwork)


def test_a_folder_is_local(tmp_path: Path) -> None:
    found = source_of(tmp_path)
    assert (found.path, found.local) == (str(tmp_path), True)
    assert found.options == {"local_files_only": True}


def test_a_gguf_file_is_split_from_its_folder(tmp_path: Path) -> None:
    pytest.importorskip("gguf", reason="the extra 'hf' is not installed")
    found = source_of(tmp_path / "model.Q4.gguf")
    assert (found.path, found.gguf_file) == (str(tmp_path), "model.Q4.gguf")


def test_a_folder_takes_precedence_over_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "distilgpt2").mkdir()
    assert source_of("distilgpt2").local


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere-at-all", ".\\x"])
def test_a_missing_folder_is_an_error(name: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no folder .*config\.json"):
        source_of(name)


def test_an_unreachable_hub_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"'some/model'.*cannot be reached: no route.*a folder"):
        source_of("some/model")


def test_a_name_that_the_hub_lacks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty:
        def model_info(self, name: str, timeout: float) -> None:
            error = hub.errors.RepositoryNotFoundError
            raise error("404", response=SimpleNamespace(headers={}, request=None))  # type: ignore[arg-type]

    monkeypatch.setattr(hub, "HfApi", Empty)
    with pytest.raises(ConfigError, match="the hub has no model 'some/model'"):
        source_of("some/model")


def test_offline_mode_forbids_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE forbids to download"):
        source_of("some/model")


def test_without_download_the_hub_is_not_queried() -> None:
    with pytest.raises(ConfigError, match="not on this machine yet: it is downloaded when"):
        source_of("some/model", download=False)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ImportError("No module named 'x'"), "needs another package"),
        (OSError("no file config.json\nmore"), "no file config.json. Give a folder"),
    ],
)
def test_errors_of_loading_name_the_model(tmp_path: Path, error: Exception, message: str) -> None:
    class Broken:
        @staticmethod
        def from_pretrained(path: str, **options: object) -> None:
            raise error

    with pytest.raises(ConfigError, match=f"'a/model' .*{message}"), loading_errors("a/model"):
        raise error
    with pytest.raises(ConfigError, match=message):
        from_pretrained(Broken, tmp_path)


def test_from_pretrained_passes_path_and_options(tmp_path: Path) -> None:
    class Recorder:
        @staticmethod
        def from_pretrained(path: str, **options: object) -> tuple[str, dict[str, object]]:
            return path, options

    found = from_pretrained(Recorder, tmp_path, dtype="float32")
    assert found == (str(tmp_path), {"dtype": "float32", "local_files_only": True})

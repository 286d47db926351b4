"""Find a pretrained model by folder or hub name, and explain why one cannot be loaded."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabwidget.errors import ConfigError, require

__all__ = ["Source", "from_pretrained", "loading_errors", "source_of"]

PATH_PREFIXES = ("/", "./", "../", "~", ".\\", "..\\")  # of paths; no hub name begins so
HUB_TIMEOUT = 10.0  # seconds
FOLDER_NEEDED = "a folder that holds config.json, the weights and the tokenizer"


@dataclass(frozen=True)
class Source:
    """Where the files of a pretrained model are.

    Attributes
    ----------
    path : str
        A folder, or a name on the hub.
    gguf_file : str
        The file in it that holds the model; empty unless the model is a ``.gguf`` file.
    local : bool
        Whether its files are on this machine.
    """

    path: str
    gguf_file: str
    local: bool

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of transformers' ``from_pretrained`` that go with `path`."""
        options: dict[str, Any] = {"gguf_file": self.gguf_file} if self.gguf_file else {}
        # Without local_files_only a downloaded model is looked up again, slowly if offline.
        return {**options, "local_files_only": True} if self.local else options


def source_of(model: str | Path, *, download: bool = True) -> Source:
    """Find a model.

    Parameters
    ----------
    model : str or Path
        A folder, a ``.gguf`` file in one, or a name on the hub.
    download : bool, default True
        Whether a name that is not on this machine may be looked up on the hub.

    Raises
    ------
    ConfigError
        If there is no such folder, or the hub cannot be reached or has no such model.

    Examples
    --------
    >>> source_of(".").local
    True
    """
    text, gguf = str(model), ""
    if text.lower().endswith(".gguf"):
        require("gguf", "hf")
        text, _, gguf = text.replace("\\", "/").rpartition("/")
        text = text or "."
    folder = Path(text).expanduser()
    if folder.is_dir():
        return Source(str(folder), gguf, local=True)
    if text.startswith(PATH_PREFIXES) or folder.is_absolute():
        raise ConfigError(
            f"there is no folder {text!r}: give {FOLDER_NEEDED}, as save_pretrained writes them, "
            "or the name of a model"
        )
    hub = require("huggingface_hub", "hf")
    if isinstance(hub.try_to_load_from_cache(text, gguf or "config.json"), str):
        return Source(text, gguf, local=True)
    if not download:
        raise ConfigError(
            f"the model {text!r} is not on this machine yet: it is downloaded when training begins"
        )
    _check_on_hub(text)
    return Source(text, gguf, local=False)


def from_pretrained(kind: Any, model: str | Path, *, download: bool = True, **options: Any) -> Any:
    """Return ``kind.from_pretrained`` of a model; errors name the model.

    Parameters
    ----------
    kind : type
        A class of transformers.
    model : str or Path
        A folder, a ``.gguf`` file in one, or a name on the hub.
    download : bool, default True
        Whether it may be downloaded.
    **options
        More arguments of ``from_pretrained``.

    Raises
    ------
    ConfigError
        If there is no such model, or it cannot be loaded.
    """
    source = source_of(model, download=download)
    with loading_errors(model):
        return kind.from_pretrained(source.path, **options, **source.options)


@contextlib.contextmanager
def loading_errors(model: object) -> Iterator[None]:
    """Turn errors of loading a model into a `ConfigError` that names the model."""
    try:
        yield
    except ImportError as error:
        raise ConfigError(f"the model {model!r} needs another package: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ConfigError(
            f"the model {model!r} cannot be loaded: {_first_line(error)} Give {FOLDER_NEEDED}, or "
            "the name of a model"
        ) from error


def _check_on_hub(name: str) -> None:
    """Query the hub once: loading would retry for half a minute before it fails."""
    hub = require("huggingface_hub", "hf")
    fix = f"Give {FOLDER_NEEDED}, or another name"
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        raise ConfigError(
            f"the model {name!r} is not on this machine, and HF_HUB_OFFLINE forbids to download "
            f"it. {fix}"
        )
    try:
        hub.HfApi().model_info(name, timeout=HUB_TIMEOUT)
    except hub.errors.HFValidationError as error:
        raise ConfigError(f"{name!r} is not a valid model name. {fix}") from error
    except hub.errors.RepositoryNotFoundError as error:
        raise ConfigError(f"the hub has no model {name!r} that you can access. {fix}") from error
    except Exception as error:  # of any network library
        raise ConfigError(
            f"the model {name!r} is not on this machine, and the hub cannot be reached: "
            f"{_first_line(error)} {fix}"
        ) from error


def _first_line(error: BaseException) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if line.endswith(".") else f"{line}."

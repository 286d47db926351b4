"""Places: where a pretrained model is, and what is wrong if it cannot be loaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tabwidget.errors import ConfigError, require

__all__ = ["Source", "source_of", "tried"]

T = TypeVar("T")

# What begins a path, not a name on the hub.
_PATHS = ("/", "./", "../", "~", ".\\", "..\\")
HUB_SECONDS = 10.0


@dataclass(frozen=True)
class Source:
    """Where a pretrained model is.

    Attributes
    ----------
    where : str
        A folder, or a name on the hub.
    gguf_file : str
        The file in it that holds the model; empty if there is none of that kind.
    here : bool
        Whether all of it is on this machine.
    """

    where: str
    gguf_file: str
    here: bool

    @property
    def options(self) -> dict[str, Any]:
        """What transformers' ``from_pretrained`` takes of it."""
        options: dict[str, Any] = {"gguf_file": self.gguf_file} if self.gguf_file else {}
        # A name that was downloaded once is not looked up again: without a network that takes long.
        return {**options, "local_files_only": True} if self.here else options


def source_of(source: str | Path, *, download: bool = True) -> Source:
    """Return where a model is.

    Parameters
    ----------
    source : str or Path
        A folder, a ``.gguf`` file in one, or a name on the hub.
    download : bool, default True
        Whether a name may be looked up on the hub, if it is not here.

    Raises
    ------
    ConfigError
        If there is no such folder, or the hub cannot be reached or knows no such name.
    """
    text, gguf = str(source), ""
    if text.lower().endswith(".gguf"):
        require("gguf", "hf")
        text, _, gguf = text.replace("\\", "/").rpartition("/")
        text = text or "."
    folder = Path(text).expanduser()
    if folder.is_dir():
        return Source(str(folder), gguf, here=True)
    if text.startswith(_PATHS) or folder.is_absolute():
        raise ConfigError(
            f"there is no folder {text!r}: give one that holds config.json, the weights and the "
            "tokenizer, as save_pretrained writes it, or the name of a model"
        )
    hub = require("huggingface_hub", "hf")
    if isinstance(hub.try_to_load_from_cache(text, gguf or "config.json"), str):
        return Source(text, gguf, here=True)
    if not download:
        raise ConfigError(
            f"the model {text!r} is not on this machine yet: it is downloaded once, when training "
            "begins"
        )
    _look_up(text)
    return Source(text, gguf, here=False)


def _look_up(name: str) -> None:
    """Ask the hub for a model, once: what loads it would try for half a minute, time and again."""
    hub = require("huggingface_hub", "hf")
    mend = "Give a folder that holds config.json, the weights and the tokenizer, or another name"
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        raise ConfigError(
            f"the model {name!r} is not on this machine, and HF_HUB_OFFLINE says not to download. "
            + mend
        )
    try:
        hub.HfApi().model_info(name, timeout=HUB_SECONDS)
    except hub.errors.HFValidationError as error:
        raise ConfigError(f"{name!r} is no name of a model. {mend}") from error
    except hub.errors.RepositoryNotFoundError as error:
        raise ConfigError(f"the hub has no model {name!r} that you may read. {mend}") from error
    except Exception as error:  # whatever a network says
        raise ConfigError(
            f"the model {name!r} is not on this machine, and the hub cannot be reached: "
            f"{_first_line(error)} {mend}"
        ) from error


def tried(loading: Callable[[], T], source: object) -> T:
    """Return what `loading` loads, or say what is wrong with the model.

    Raises
    ------
    ConfigError
        Names the model.
    """
    try:
        return loading()
    except ImportError as error:
        raise ConfigError(f"the model {source!r} needs a package more: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ConfigError(
            f"the model {source!r} cannot be loaded: {_first_line(error)} Give a folder that holds "
            "config.json, the weights and the tokenizer, or the name of a model"
        ) from error


def _first_line(error: BaseException) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if line.endswith(".") else f"{line}."

"""A folder of strict JSON and safetensors, written whole or not at all; no pickle."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from tabwidget._files import write_atomically
from tabwidget.errors import ConfigError, DataFileError

__all__ = ["read_folder", "write_folder"]

FORMAT = "tabwidget"
VERSION = 1
MODEL = "model.json"

# How every model.json of ours begins, also one that was cut off.
_OPENING = b'{\n "format": "tabwidget",\n'
# Stands in a model.json for its own checksum while that is taken.
_BLANK = b"0" * 64
# What we write beside model.json. A ".part" is a save that was cut off.
_BESIDE = re.compile(r"weights-[0-9a-f]{16}\.safetensors(\.part)?|model\.json\.part")


def write_folder(
    folder: str | Path, content: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> None:
    """Save `content` and `tensors` in a folder; one that holds an older save is overwritten.

    Killed at any moment, it leaves the older save whole. One writer at a time; any number may
    read meanwhile.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.
    content : mapping
        What strict JSON holds: texts, finite numbers, truth values, None, lists and dicts.
    tensors : mapping of str to ndarray
        Of any numeric dtype that safetensors holds.

    Raises
    ------
    ConfigError
        If `folder` is a file or holds anything that is not a saved model.
    OSError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_folder(folder, {"seed": 7}, {"w": np.zeros(2)})
    ...     read_folder(folder)
    ({'seed': 7}, {'w': array([0., 0.])})
    """
    folder = Path(folder).expanduser()
    # safetensors writes the memory as it lies, so that a transposed array would be scrambled.
    weights = safetensors.save({name: np.asarray(t, order="C") for name, t in tensors.items()})
    digest = _sha256(weights)
    model = _model_json(content, digest)
    _claim(folder)
    # The new weights have a name of their own: until model.json is replaced, the old save stands.
    weights_name = _weights_name(digest)
    write_atomically(folder / weights_name, weights)
    write_atomically(folder / MODEL, model)
    for path in folder.iterdir():
        if _BESIDE.fullmatch(path.name) and path.name != weights_name:
            # Elsewhere than on POSIX a file that is being read cannot go; the next save takes it.
            with contextlib.suppress(OSError):
                path.unlink()


def read_folder(folder: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the content and the tensors that `write_folder` wrote.

    Parameters
    ----------
    folder : str or Path
        The folder.

    Raises
    ------
    DataFileError
        If it or a file in it is missing, cut off, edited, of a newer version or none of ours.
        Names the file.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "is not there"
        raise DataFileError(f"the folder {str(folder)!r} {what}: give the one that save() wrote")
    before = ""
    while True:
        content, digest = _read_model(folder / MODEL)
        path = folder / _weights_name(digest)
        try:
            weights = path.read_bytes()
            break
        except FileNotFoundError:
            # Between the two reads a newer save may have taken the old weights away.
            if digest == before:
                raise DataFileError(
                    f"the weights {str(path)!r} are missing: restore the file, or save the model "
                    "again"
                ) from None
            before = digest
        except OSError as error:
            raise _unreadable(path, error) from error
    if _sha256(weights) != digest:
        raise _damaged(path)
    try:
        return content, safetensors.load(weights)
    except SafetensorError as error:
        raise _damaged(path) from error


def _claim(folder: Path) -> None:
    """Make the folder, or `ConfigError` if it holds what we did not write."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{str(folder)!r} is a file: a model is saved in a folder of its own")
    folder.mkdir(parents=True, exist_ok=True)
    foreign = sorted(p.name for p in folder.iterdir() if not _BESIDE.fullmatch(p.name))
    if MODEL in foreign and (folder / MODEL).is_file():
        with (folder / MODEL).open("rb") as file:
            if _is_ours(file.read(len(_OPENING))):
                return
    if foreign:
        raise ConfigError(
            f"the folder {str(folder)!r} holds {foreign[0]!r}, which is no saved model: "
            "give a new or an empty folder"
        )


def _model_json(content: Mapping[str, Any], weights: str) -> bytes:
    document = {
        "format": FORMAT,
        "version": VERSION,
        "sha256": _BLANK.decode(),
        "weights_sha256": weights,
        "content": content,
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # Texts with half a surrogate pair, which a frame may hold, are no UTF-8 otherwise.
    data = text.encode("utf-8", "surrogatepass")
    return data.replace(_BLANK, _sha256(data).encode(), 1)


def _read_model(path: Path) -> tuple[dict[str, Any], str]:
    """Return the content of a model.json and the checksum of its weights."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataFileError(
            f"there is no {str(path)!r}: give the folder that save() wrote"
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from error
    foreign = DataFileError(f"{str(path)!r} is no model that tabwidget saved: give another folder")
    try:
        document = json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        raise (_damaged(path) if _is_ours(data) else foreign) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise foreign
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise DataFileError(
            f"{str(path)!r} was saved by a newer tabwidget (format {version}, this one reads "
            f"{VERSION}): upgrade tabwidget (pip install -U tabwidget)"
        )
    digest = str(document.get("sha256"))
    if _sha256(data.replace(digest.encode("utf-8", "replace"), _BLANK, 1)) != digest:
        raise _damaged(path)
    return document["content"], document["weights_sha256"]


def _is_ours(data: bytes) -> bool:
    return data[: len(_OPENING)] == _OPENING[: len(data)]


def _weights_name(digest: str) -> str:
    return f"weights-{digest[:16]}.safetensors"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _damaged(path: Path) -> DataFileError:
    return DataFileError(
        f"{str(path)!r} was cut off or edited since it was saved: restore a copy of it, or save "
        "the model again"
    )


def _unreadable(path: Path, error: OSError) -> DataFileError:
    return DataFileError(f"{str(path)!r} cannot be read: {error.strerror or error}")

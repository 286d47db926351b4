"""A folder of strict JSON and safetensors, written atomically; no pickle."""

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

# The start of every model.json, even a truncated one.
_OPENING = b'{\n "format": "tabwidget",\n'
# Placeholder for a checksum in the document that it is computed from.
_BLANK = b"0" * 64
# Files next to model.json. A ".part" is from an interrupted save.
_SAVED = re.compile(r"weights-[0-9a-f]{16}\.safetensors(\.part)?|model\.json\.part")


def write_folder(
    folder: str | Path, content: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> None:
    """Save `content` and `tensors` in a folder, replacing an older save.

    If the process is killed, the older save stays intact. One writer at a time; any number of
    readers.

    Parameters
    ----------
    folder : str or Path
        Created if missing.
    content : mapping
        Text, finite numbers, booleans, None, lists and dicts.
    tensors : mapping of str to ndarray
        Arrays of the numeric dtypes of safetensors.

    Raises
    ------
    ConfigError
        If `folder` is a file or has contents that are not a saved model.
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
    # safetensors writes memory in its order, which would scramble a transposed array.
    weights = safetensors.save({name: np.asarray(t, order="C") for name, t in tensors.items()})
    digest = _sha256(weights)
    model = _model_json(content, digest)
    _make_folder(folder)
    # New weights get a new name, so the old save stays valid until model.json is replaced.
    weights_name = _weights_name(digest)
    write_atomically(folder / weights_name, weights)
    write_atomically(folder / MODEL, model)
    for path in folder.iterdir():
        if _SAVED.fullmatch(path.name) and path.name != weights_name:
            # Windows cannot delete a file that is being read; the next save deletes it.
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
        If it or a file in it is missing, truncated, edited, from a newer version, or not from
        tabwidget. Names the file.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise DataFileError(f"the folder {str(folder)!r} {what}: give the one that save() wrote")
    before = ""
    while True:
        content, digest = _read_model(folder / MODEL)
        path = folder / _weights_name(digest)
        try:
            weights = path.read_bytes()
            break
        except FileNotFoundError:
            # A newer save may have deleted the old weights between the two reads.
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


def _make_folder(folder: Path) -> None:
    """Create the folder; `ConfigError` if it has contents that are not a saved model."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{str(folder)!r} is a file: give a folder")
    folder.mkdir(parents=True, exist_ok=True)
    foreign = sorted(p.name for p in folder.iterdir() if not _SAVED.fullmatch(p.name))
    if MODEL in foreign and (folder / MODEL).is_file():
        with (folder / MODEL).open("rb") as file:
            if _is_model(file.read(len(_OPENING))):
                return
    if foreign:
        raise ConfigError(
            f"the folder {str(folder)!r} contains {foreign[0]!r}, which is not a saved model: "
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
    # A frame may have text with lone surrogates, which is not valid UTF-8 otherwise.
    data = text.encode("utf-8", "surrogatepass")
    return data.replace(_BLANK, _sha256(data).encode(), 1)


def _read_model(path: Path) -> tuple[dict[str, Any], str]:
    """Return the content of model.json and the checksum of the weights."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataFileError(
            f"there is no {str(path)!r}: give the folder that save() wrote"
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from error
    foreign = DataFileError(f"{str(path)!r} is not a model saved by tabwidget: give another folder")
    try:
        document = json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        raise (_damaged(path) if _is_model(data) else foreign) from None
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


def _is_model(data: bytes) -> bool:
    return data[: len(_OPENING)] == _OPENING[: len(data)]


def _weights_name(digest: str) -> str:
    return f"weights-{digest[:16]}.safetensors"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _damaged(path: Path) -> DataFileError:
    return DataFileError(
        f"{str(path)!r} was truncated or edited after it was saved: restore a copy, or save the "
        "model again"
    )


def _unreadable(path: Path, error: OSError) -> DataFileError:
    return DataFileError(f"{str(path)!r} cannot be read: {error.strerror or error}")

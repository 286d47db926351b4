"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["write_atomically", "write_json"]


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file in one step: a write that is cut off leaves an older file whole.

    Parameters
    ----------
    path : Path
        In a folder that exists.
    data : bytes
        The whole content.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "a.txt", b"whole")
    ...     [path.name for path in Path(folder).iterdir()]
    ['a.txt']
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        _sync_folder(path.parent)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write strict JSON, indented, in one step."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    write_atomically(path, (text + "\n").encode("utf-8"))


def _sync_folder(folder: Path) -> None:
    """Flush a folder's new names to the disk, where its file system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)

"""Uploads: files that the front end sends in chunks, gathered on disk."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tabwidget.errors import DataFileError

__all__ = ["CHUNK_BYTES", "MAX_UPLOAD_BYTES", "Uploads"]

# A Jupyter server closes a kernel's connection at the first message above 10 MiB.
CHUNK_BYTES = 2**20
MAX_UPLOAD_BYTES = 200 * 10**6
MAX_OPEN = 4
MAX_OPEN_BYTES = 2 * MAX_UPLOAD_BYTES  # all open uploads together
STALE_SECONDS = 600.0  # without a chunk; a running cell holds chunks back


@dataclass
class _Upload:
    """A file that is being received."""

    path: Path
    size: int
    received: int = 0
    touched: float = field(default_factory=time.monotonic)


class Uploads:
    r"""The uploads that are open in this kernel.

    Each file is written to a temporary folder of its own, which disappears with the end of the
    upload. The number and the total size of open uploads are bounded.

    Examples
    --------
    >>> uploads = Uploads()
    >>> upload = uploads.open("C:/mine/toy.csv", 4)
    >>> uploads.append(upload, 0, b"a\n1\n")
    4
    >>> with uploads.finished(upload) as path:
    ...     path.name, path.read_bytes()
    ('toy.csv', b'a\n1\n')
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _Upload] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, name: str, size: int) -> str:
        """Begin an upload, and return its id.

        Parameters
        ----------
        name : str
            Name of the file; only its last part is used.
        size : int
            Its size in bytes.

        Raises
        ------
        DataFileError
            If the file is too large, or too much is being uploaded already.
        """
        file = _file_name(name)
        if not 0 < size <= MAX_UPLOAD_BYTES:
            what = "is empty" if size <= 0 else f"has {_megabytes(size)}"
            raise DataFileError(
                f"{file!r} {what}, and an upload has at most {_megabytes(MAX_UPLOAD_BYTES)}: "
                "load the file by its path"
            )
        with self._lock:
            self._drop_stale()
            waiting = sum(upload.size for upload in self._open.values())
            if len(self._open) >= MAX_OPEN or waiting + size > MAX_OPEN_BYTES:
                raise DataFileError(
                    f"{len(self._open)} uploads are in progress ({_megabytes(waiting)}): wait for "
                    "one to end, or cancel it"
                )
            folder = Path(tempfile.mkdtemp(prefix="tabwidget-"))
            number = secrets.token_hex(8)
            self._open[number] = _Upload(folder / file, size)
        return number

    def append(self, number: str, offset: int, chunk: bytes | memoryview) -> int:
        """Write the bytes from `offset` on, and return how many have been received.

        Raises
        ------
        DataFileError
            If the upload is not open, or the chunk does not continue it; this ends the upload.
        """
        upload = self._get(number)
        n_bytes = memoryview(chunk).nbytes
        if offset != upload.received or offset + n_bytes > upload.size or not n_bytes:
            self.cancel(number)
            raise DataFileError(
                f"the upload of {upload.path.name!r} broke off after {upload.received:,} of "
                f"{upload.size:,} bytes: try again"
            )
        try:
            with upload.path.open("ab") as file:
                file.write(chunk)
        except OSError as error:
            self.cancel(number)
            raise DataFileError(
                f"{upload.path.name!r} cannot be stored ({error.strerror}): make room on the "
                "kernel's disk, or load the file by its path"
            ) from error
        upload.received += n_bytes
        upload.touched = time.monotonic()
        return upload.received

    @contextlib.contextmanager
    def finished(self, number: str) -> Iterator[Path]:
        """Give the complete file, and remove it afterwards.

        Raises
        ------
        DataFileError
            If the upload is not open, or not complete.
        """
        upload = self._get(number)
        try:
            if upload.received != upload.size:
                raise DataFileError(
                    f"{upload.received:,} of {upload.size:,} bytes of {upload.path.name!r} "
                    "arrived: try again"
                )
            yield upload.path
        finally:
            self.cancel(number)

    def cancel(self, number: str) -> None:
        """End an upload and remove what was received; one that is not open is ignored."""
        with self._lock:
            upload = self._open.pop(number, None)
        if upload is not None:
            shutil.rmtree(upload.path.parent, ignore_errors=True)

    def _get(self, number: str) -> _Upload:
        with self._lock:
            upload = self._open.get(number)
        if upload is None:
            raise DataFileError("this upload was canceled or took too long: try again")
        return upload

    def _drop_stale(self) -> None:
        oldest = time.monotonic() - STALE_SECONDS
        for number in [n for n, upload in self._open.items() if upload.touched < oldest]:
            shutil.rmtree(self._open.pop(number).path.parent, ignore_errors=True)


def _file_name(name: str) -> str:
    """Return the last part of a name from outside, as the name of a file in a folder."""
    last = PurePosixPath(name.replace("\\", "/")).name.replace("\0", "")
    # File systems allow 255 bytes; the suffix, which decides how to read the file, is kept.
    return last[-80:] if last not in ("", ".", "..") else "table.csv"


def _megabytes(n_bytes: int) -> str:
    """Return a size in megabytes.

    Examples
    --------
    >>> _megabytes(31_400_000)
    '31.4 MB'
    """
    return f"{n_bytes / 1e6:,.1f} MB".replace(".0 MB", " MB")

"""Uploads in chunks: complete or an error, bounded, and nothing left behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tabwidget.errors import DataFileError
from tabwidget.widgets import uploads as module
from tabwidget.widgets.uploads import MAX_OPEN, MAX_UPLOAD_BYTES, Uploads


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_chunks_are_joined_and_the_file_disappears(temporary: Path) -> None:
    uploads = Uploads()
    number = uploads.open("toy.csv", 5)
    assert uploads.append(number, 0, b"abc") == 3
    assert uploads.append(number, 3, memoryview(b"de")) == 5
    with uploads.finished(number) as path:
        assert path.read_bytes() == b"abcde"
    assert list(temporary.iterdir()) == []
    assert len(uploads) == 0


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\mine\\b.csv", "b.csv"),
        ("/a/..", "table.csv"),
        ("", "table.csv"),
        ("a\0b.csv", "ab.csv"),
    ],
)
def test_a_name_never_leads_out_of_its_folder(temporary: Path, name: str, kept: str) -> None:
    uploads = Uploads()
    number = uploads.open(name, 1)
    uploads.append(number, 0, b"a")
    with uploads.finished(number) as path:
        assert path.name == kept
        assert path.parent.parent == temporary
        assert path.is_file()


def test_a_file_that_is_too_large_is_refused_by_its_size() -> None:
    with pytest.raises(DataFileError, match=r"'big.csv' has 314.2 MB.*at most 200 MB.*by its path"):
        Uploads().open("big.csv", 314_159_265)
    with pytest.raises(DataFileError, match="empty"):
        Uploads().open("none.csv", 0)


@pytest.mark.parametrize("offset", [0, 4])
def test_a_chunk_out_of_place_ends_the_upload(temporary: Path, offset: int) -> None:
    uploads = Uploads()
    number = uploads.open("toy.csv", 6)
    uploads.append(number, 0, b"abc")
    with pytest.raises(DataFileError, match="broke off after 3 of 6 bytes"):
        uploads.append(number, offset, b"xy")
    assert list(temporary.iterdir()) == []


def test_more_bytes_than_announced_are_refused() -> None:
    uploads = Uploads()
    number = uploads.open("toy.csv", 2)
    with pytest.raises(DataFileError, match="broke off"):
        uploads.append(number, 0, b"abc")


def test_an_incomplete_file_is_not_read(temporary: Path) -> None:
    uploads = Uploads()
    number = uploads.open("toy.csv", 6)
    uploads.append(number, 0, b"abc")
    with pytest.raises(DataFileError, match="3 of 6 bytes"), uploads.finished(number):
        pass
    assert list(temporary.iterdir()) == []


def test_number_and_total_size_are_bounded() -> None:
    uploads = Uploads()
    for _ in range(MAX_OPEN):
        uploads.open("toy.csv", 10)
    with pytest.raises(DataFileError, match="uploads are in progress"):
        uploads.open("toy.csv", 10)
    uploads = Uploads()
    for _ in range(2):
        uploads.open("toy.csv", MAX_UPLOAD_BYTES)
    with pytest.raises(DataFileError, match="400 MB"):
        uploads.open("toy.csv", 10)


def test_stale_uploads_make_room(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = Uploads()
    numbers = [uploads.open("toy.csv", 10) for _ in range(MAX_OPEN)]
    monkeypatch.setattr(module, "STALE_SECONDS", -1.0)
    uploads.open("toy.csv", 10)
    assert len(list(temporary.iterdir())) == 1
    with pytest.raises(DataFileError, match="took too long"):
        uploads.append(numbers[0], 0, b"a")

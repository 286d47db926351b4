"""Files are written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tabwidget._files import write_atomically, write_json


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for content in (b"old", b"new"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert [found.name for found in tmp_path.iterdir()] == ["a.bin"]


def test_a_write_that_fails_leaves_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    write_atomically(path, b"old")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("tabwidget._files.os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.bin"]


def test_json_keeps_letters_and_ends_with_a_newline(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"naïve": [1, None]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert "naïve" in text
    assert json.loads(text) == {"naïve": [1, None]}

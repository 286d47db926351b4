"""Tests of safetensors files with JSON metadata."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tabwidget.minilm.files import read_tensors, write_tensors


def test_tensors_and_metadata_are_the_same_after_a_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.pt"
    tensors = {"w": torch.arange(6).view(2, 3).T, "empty": torch.empty(0, 2)}
    write_tensors(path, tensors, {"about": {"sizes": [1, 2], "name": "é"}})
    read, about = read_tensors(path)
    assert about == {"about": {"sizes": [1, 2], "name": "é"}}
    assert all(torch.equal(read[name], tensor) for name, tensor in tensors.items())


def test_a_failed_write_keeps_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pt"
    write_tensors(path, {"w": torch.ones(2)}, {})

    def fails(*args: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("os.replace", fails)
    with pytest.raises(OSError, match="full"):
        write_tensors(path, {"w": torch.zeros(2)}, {})
    assert torch.equal(read_tensors(path)[0]["w"], torch.ones(2))


@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_errors_name_the_damaged_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.pt"
    write_tensors(path, {"w": torch.ones(20)}, {})
    path.write_bytes(path.read_bytes()[:-8] if content is None else content)
    with pytest.raises(ValueError, match=r"a\.pt' is not a complete safetensors file"):
        read_tensors(path)
    with pytest.raises(FileNotFoundError, match=r"b\.pt"):
        read_tensors(tmp_path / "b.pt")

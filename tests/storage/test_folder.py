"""A folder that is written atomically."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tabwidget.errors import ConfigError, DataFileError
from tabwidget.storage import folder as folder_module
from tabwidget.storage.folder import read_folder, write_folder

OLD: tuple[dict[str, Any], dict[str, Any]] = (
    {"name": "old", "größe": [0.1, None, True, -0.0]},
    {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(7)},
)
NEW: tuple[dict[str, Any], dict[str, Any]] = ({"name": "new"}, {"w": np.ones(300)})


class Killed(BaseException):
    """The process ends here."""


def equal(one: Any, other: Any) -> bool:
    """Whether two contents with their tensors are the same, dtypes and shapes included."""
    arrays = [(one[1].get(name), other[1].get(name)) for name in one[1] | other[1]]
    return one[0] == other[0] and all(
        a.dtype == b.dtype and a.shape == b.shape and (a == b).all() for a, b in arrays
    )


def test_a_saved_folder_is_read_back(tmp_path: Path) -> None:
    write_folder(tmp_path / "deep" / "model", *OLD)
    assert equal(read_folder(str(tmp_path / "deep" / "model")), OLD)


def test_a_transposed_array_is_read_back(tmp_path: Path) -> None:
    turned = np.arange(6.0).reshape(2, 3).T
    write_folder(tmp_path, {}, {"turned": turned, "every other": np.arange(9)[::2]})
    tensors = read_folder(tmp_path)[1]
    np.testing.assert_array_equal(tensors["turned"], turned)
    np.testing.assert_array_equal(tensors["every other"], [0, 2, 4, 6, 8])


def test_arrays_can_be_written_into(tmp_path: Path) -> None:
    write_folder(tmp_path, *OLD)
    read_folder(tmp_path)[1]["w"][:] = 0


@given(text=st.text())
@example(text="half a pair \ud83d, and two of them \ud83d\ude42")
def test_any_text_is_read_back(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("model")
    write_folder(folder, {"text": text}, {})
    assert read_folder(folder)[0]["text"] == text


def test_json_is_readable(tmp_path: Path) -> None:
    write_folder(tmp_path, *OLD)
    lines = (tmp_path / "model.json").read_text(encoding="utf-8").splitlines()
    assert lines[1:3] == [' "format": "tabwidget",', ' "version": 1,']
    assert '  "name": "old",' in lines
    assert '  "größe": [' in lines


def test_saving_again_leaves_no_old_weights(tmp_path: Path) -> None:
    write_folder(tmp_path, *OLD)
    (tmp_path / "notes.txt").write_text("mine")
    write_folder(tmp_path, *NEW)
    assert equal(read_folder(tmp_path), NEW)
    weights, *rest = sorted(path.name for path in tmp_path.iterdir())[::-1]
    assert weights.startswith("weights-")
    assert rest == ["notes.txt", "model.json"]


def test_content_that_is_not_json_leaves_the_old_save(tmp_path: Path) -> None:
    write_folder(tmp_path, *OLD)
    with pytest.raises(ValueError, match="JSON"):
        write_folder(tmp_path, {"loss": float("nan")}, NEW[1])
    assert equal(read_folder(tmp_path), OLD)


@pytest.mark.parametrize("name", ["thesis.txt", "weights.bin", "model.json", "model.json/x"])
def test_a_folder_with_other_contents_is_an_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('{\n "format": "layers-model",\n "version": 1\n}')
    with pytest.raises(ConfigError, match="which is not a saved model: give a new or an empty"):
        write_folder(tmp_path, *NEW)
    assert [found.name for found in tmp_path.rglob("*") if found.is_file()] == [path.name]


def test_a_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is a file: give a folder"):
        write_folder(path, *NEW)
    with pytest.raises(DataFileError, match="is a file: give the one that save"):
        read_folder(path)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"the folder '.*nowhere' does not exist: give"):
        read_folder(tmp_path / "nowhere")


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"there is no '.*model.json': give"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    "text", ["[1, 2]", "3", '{"format": "layers-model"}', "\ufeff{}", "PK\x03\x04", "[" * 99_999]
)
def test_a_json_of_something_else(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError, match=r"model.json' is not a model saved by tabwidget"):
        read_folder(tmp_path)


def test_a_model_of_a_newer_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(folder_module, "VERSION", 2)
        write_folder(tmp_path, *OLD)
    with pytest.raises(DataFileError, match=r"model.json' was saved by a newer tabwidget \(format"):
        read_folder(tmp_path)


def test_missing_weights(tmp_path: Path) -> None:
    write_folder(tmp_path, *OLD)
    path = weights_of(tmp_path)
    path.unlink()
    with pytest.raises(DataFileError, match=f"the weights '.*{path.name}' are missing: restore"):
        read_folder(tmp_path)


def weights_of(folder: Path) -> Path:
    (path,) = folder.glob("weights-*")
    return path


FILES: dict[str, Callable[[Path], Path]] = {
    "model.json": lambda folder: folder / "model.json",
    "weights": weights_of,
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model, which whoever spoils it mends again."""
    folder = tmp_path_factory.mktemp("saved")
    write_folder(folder, *OLD)
    return folder


def refused(path: Path, spoiled: bytes) -> bool:
    """Whether a folder cannot be read while one of its files holds something else."""
    whole = path.read_bytes()
    path.write_bytes(spoiled)
    try:
        with pytest.raises(DataFileError, match=path.name):
            read_folder(path.parent)
    finally:
        path.write_bytes(whole)
    return True


@pytest.mark.parametrize("file", FILES)
def test_a_file_truncated_at_any_byte_is_an_error(saved: Path, file: str) -> None:
    path = FILES[file](saved)
    whole = path.read_bytes()
    assert all(refused(path, whole[:size]) for size in range(len(whole)))
    assert equal(read_folder(saved), OLD)


@pytest.mark.parametrize("file", FILES)
def test_a_file_with_any_byte_changed_is_an_error(saved: Path, file: str) -> None:
    path = FILES[file](saved)
    whole = path.read_bytes()
    for place, byte in enumerate(whole):
        flipped = bytes([byte ^ 1 << place % 8])
        assert refused(path, whole[:place] + flipped + whole[place + 1 :])


def test_changed_whitespace_is_an_edit(saved: Path) -> None:
    path = saved / "model.json"
    assert refused(path, json.dumps(json.loads(path.read_bytes())).encode())
    assert refused(path, path.read_bytes().replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("file", FILES)
def test_a_file_with_trailing_bytes_is_an_error(saved: Path, file: str) -> None:
    path = FILES[file](saved)
    assert refused(path, path.read_bytes() + b"\n")


# ---- a save that is cut off


def write_cut_off(folder: Path, at: int, how: type[BaseException]) -> bool:
    """Save `NEW`, cut off at one thing that it does to the disk; return whether it came so far."""
    done = 0

    def patched(original: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any) -> Any:
            nonlocal done
            done += 1
            # Who is killed stays so: no clean-up runs either.
            if done == at or (done > at and how is Killed):
                if original is fsync and stat.S_ISREG(os.fstat(args[0]).st_mode):
                    os.ftruncate(args[0], os.fstat(args[0]).st_size // 2)
                raise how
            return original(*args)

        return step

    fsync = os.fsync
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(how):
        for name in ("fsync", "replace", "unlink"):
            patch.setattr(os, name, patched(getattr(os, name)))
        write_folder(folder, *NEW)
    return done >= at


@pytest.mark.parametrize("how", [Killed, OSError])
def test_an_interrupted_save_leaves_the_old_or_the_new_one(
    tmp_path: Path, how: type[BaseException]
) -> None:
    outcomes = []
    for at in range(1, 99):
        folder = tmp_path / str(at)
        write_folder(folder, *OLD)
        if not write_cut_off(folder, at, how):
            break
        found = read_folder(folder)
        assert equal(found, OLD) or equal(found, NEW)
        outcomes.append(found[0]["name"])
        write_folder(folder, *NEW)
        assert equal(read_folder(folder), NEW)
        assert len(list(folder.iterdir())) == 2
    assert outcomes[0] == "old"
    assert outcomes[-1] == "new"
    assert how is OSError or outcomes == sorted(outcomes)[::-1]


def test_an_interrupted_first_save_can_be_repeated(tmp_path: Path) -> None:
    for at in range(1, 99):
        folder = tmp_path / str(at)
        if not write_cut_off(folder, at, Killed):
            break
        if not (folder / "model.json").exists():
            with pytest.raises(DataFileError, match=r"there is no '.*model.json'"):
                read_folder(folder)
        write_folder(folder, *OLD)
        assert equal(read_folder(folder), OLD)
        assert len(list(folder.iterdir())) == 2


def test_a_file_is_flushed_before_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = set()
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        fsync(handle)

    def noted_replace(part: Path, path: Path) -> None:
        assert part.stat().st_ino in synced
        replace(part, path)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write_folder(tmp_path, *NEW)
    assert os.name != "posix" or tmp_path.stat().st_ino in synced


# ---- a reader beside a writer


def test_a_save_between_two_reads_is_read_consistently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path, *OLD)
    saves: Iterator[Any] = iter([NEW, OLD, NEW])
    read_model = folder_module._read_model

    def overtaken(path: Path) -> Any:
        found = read_model(path)
        for newer in saves:
            write_folder(tmp_path, *newer)
            break
        return found

    monkeypatch.setattr(folder_module, "_read_model", overtaken)
    assert equal(read_folder(tmp_path), NEW)


def test_concurrent_readers_see_consistent_saves(tmp_path: Path) -> None:
    def save(number: int) -> None:
        write_folder(tmp_path, {"number": number}, {"numbers": np.full(1_000, number)})

    save(0)
    writer = threading.Thread(target=lambda: [*map(save, range(1, 30))])
    writer.start()
    while writer.is_alive():
        content, tensors = read_folder(tmp_path)
        assert set(tensors["numbers"]) == {content["number"]}
    writer.join()
    assert read_folder(tmp_path)[0] == {"number": 29}

"""Stratified splits: label shares, unchanged rows, and reproducibility."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabwidget.errors import ConfigError, DataFileError
from tabwidget.textclass.config import DataSection
from tabwidget.textclass.data import Texts
from tabwidget.textclass.splitting import split, stratified_split, train_validation_split

HEADER = "uid, text ,kind\r\n"


def section(**keys: Any) -> DataSection:
    basis = {"dataset_name": "d", "train_csv": "train.csv", "label_columns": "kind"}
    return DataSection.model_validate(basis | {"label_delimiter": ";"} | keys)


def csv_rows(n: int) -> list[str]:
    """Return rows with quotes, line breaks, spaces and non-ASCII letters."""
    kinds = ["a", "a;b", "", "c"]
    return [f'{i},"said ""é{i}""\n\r\nand, went ",{kinds[i % 4]}\r\n' for i in range(n)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_each_row_is_copied_unchanged_to_one_part(tmp_path: Path, encoding: str) -> None:
    rows = csv_rows(200)
    whole = tmp_path / "all.csv"
    content = (HEADER + "".join(rows)).removesuffix("\r\n")
    whole.write_bytes(content.encode(encoding))
    paths = split(whole, section(encoding=encoding), tmp_path / "new" / "folder", seed=3)
    assert [path.name for path in paths.values()] == ["train.csv", "val.csv", "test.csv"]
    found = []
    for name, share in {"train": 0.8, "val": 0.1, "test": 0.1}.items():
        text = paths[name].read_bytes().decode(encoding)
        assert text.startswith(HEADER)
        part = [row for row in rows if row in text]
        assert HEADER + "".join(part) == text  # in their order
        for end in (",a\r\n", ",a;b\r\n", ",\r\n", ",c\r\n"):
            assert sum(row.endswith(end) for row in part) == pytest.approx(50 * share, abs=1)
        found += part
    assert sorted(found) == sorted(rows)


def test_the_split_depends_only_on_the_seed(tmp_path: Path) -> None:
    whole = tmp_path / "all.csv"
    whole.write_text(HEADER + "".join(csv_rows(80)), newline="")
    first, again, other = (
        split(whole, section(), tmp_path / str(n), seed=seed) for n, seed in enumerate([1, 1, 2])
    )
    assert all(first[name].read_bytes() == again[name].read_bytes() for name in first)
    assert first["test"].read_bytes() != other["test"].read_bytes()


def test_a_part_with_share_zero_is_not_written(tmp_path: Path) -> None:
    whole = tmp_path / "all.csv"
    whole.write_text(HEADER + "".join(csv_rows(20)), newline="")
    paths = split(whole, section(), tmp_path / "parts", (0.5, 0.5, 0))
    assert set(paths) == {"train", "val"}
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["train.csv", "val.csv"]


@given(
    k=st.integers(1, 5), n=st.integers(20, 60), several=st.booleans(), seed=st.integers(0, 2**31)
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_each_label_has_its_share(k: int, n: int, several: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets = rng.random((n, k)) < rng.random(k) * 0.6
    if not several:
        targets = np.arange(k) == np.sort(rng.integers(k, size=n))[:, None]
    parts = stratified_split(targets, (0.8, 0.1, 0.1), seed)
    assert np.array_equal(parts, stratified_split(targets, (0.8, 0.1, 0.1), seed))
    # Rows of rare labels may be moved at random.
    slack = 1 + k if several else 1 if n >= 10 * k else 2
    for part, share in enumerate((0.8, 0.1, 0.1)):
        assert (
            abs((targets[parts == part]).sum(axis=0) - share * targets.sum(axis=0)).max() <= slack
        )
    if not several:
        assert targets[parts == 0].any(axis=0).tolist() == targets.any(axis=0).tolist()


@given(
    k=st.integers(1, 100),
    n=st.integers(10, 100),
    labels=st.integers(0, 3),
    fractions=st.sampled_from([(0.9, 0.1), (0.8, 0.1, 0.1), (0.15, 0.1, 0.75), (0.5, 0.5)]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=100, deadline=None)
def test_each_part_has_its_share_of_rows(
    k: int, n: int, labels: int, fractions: tuple[float, ...], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    targets = np.zeros((n, k), dtype=bool)
    for _ in range(labels):
        targets[np.arange(n), rng.integers(k, size=n)] = True
    parts = stratified_split(targets, fractions, seed)
    assert np.array_equal(parts, stratified_split(targets, fractions, seed))
    assert set(parts) == set(range(len(fractions)))
    for part, share in enumerate(n * np.array(fractions)):
        assert abs((parts == part).sum() - share) <= max(share / 2, 1)


@pytest.mark.parametrize(("n", "k"), [(600, 100), (1000, 250), (1500, 500)])
def test_rare_labels_keep_the_size_of_the_parts(n: int, k: int) -> None:
    targets = np.eye(k, dtype=bool)[np.arange(n) % k]
    texts = Texts([str(i) for i in range(n)], ["a text"] * n, targets)
    train, validation = train_validation_split(texts, 0.1, seed=0)
    assert len(validation) == n // 10
    assert sorted(train.ids + validation.ids, key=int) == texts.ids
    assert train.targets is not None
    assert train.targets.any(axis=0).all()  # each label can be learned
    assert validation.ids != train_validation_split(texts, 0.1, seed=1)[1].ids


def test_labels_of_one_row_each_are_split(tmp_path: Path) -> None:
    whole = tmp_path / "all.csv"
    whole.write_text("text,kind\n" + "".join(f"a text,{i}\n" for i in range(20)))
    paths = split(whole, section(), tmp_path / "parts")
    assert [path.read_text().count("\n") - 1 for path in paths.values()] == [16, 2, 2]


def test_sorted_rows_are_drawn_from_everywhere() -> None:
    targets = np.repeat(np.eye(2, dtype=bool), 500, axis=0)
    drawn = np.flatnonzero(stratified_split(targets, (0.9, 0.1), seed=0) == 1)
    assert all((drawn // 100 == block).any() for block in range(10))


def test_train_validation_split(tmp_path: Path) -> None:
    targets = np.repeat(np.eye(2, dtype=bool), 10, axis=0)
    texts = Texts([str(n) for n in range(20)], [f"text {n}" for n in range(20)], targets)
    train, val = train_validation_split(texts, 0.2, seed=0)
    assert sorted(train.ids + val.ids, key=int) == texts.ids
    assert val.targets is not None
    assert val.targets.sum(axis=0).tolist() == [2, 2]
    with pytest.raises(ConfigError, match=r"data\.val_fraction 0\.001 of 20 rows leaves"):
        train_validation_split(texts, 0.001, seed=0)


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ((0.8, 0.1, 0.2), r"fractions are 0\.8, 0\.1, 0\.2: give shares for train, val and test"),
        ((1.2, -0.1, -0.1), r"fractions are 1\.2, -0\.1, -0\.1: give"),
        ((0, 0.5, 0.5), r"fractions are 0, 0\.5, 0\.5: give"),
        ((0.98, 0.01, 0.01), r"0\.01 of 8 rows leaves val empty: give it more, or 0"),
    ],
)  # fmt: skip
def test_impossible_fractions_are_rejected(
    tmp_path: Path, fractions: tuple[float, float, float], message: str
) -> None:
    whole = tmp_path / "all.csv"
    whole.write_text(HEADER + "".join(csv_rows(8)), newline="")
    with pytest.raises(ConfigError, match=message):
        split(whole, section(), tmp_path / "parts", fractions)
    assert not (tmp_path / "parts").exists()


def test_unusable_output_folders_are_rejected(tmp_path: Path) -> None:
    whole = tmp_path / "train.csv"
    whole.write_text(HEADER + "".join(csv_rows(80)), newline="")
    before = whole.read_bytes()
    with pytest.raises(ConfigError, match=r"train\.csv' is the CSV to split itself"):
        split(whole, section(), tmp_path)
    with pytest.raises(DataFileError, match=r"train\.csv' cannot be written: "):
        split(whole, section(), whole)
    assert whole.read_bytes() == before

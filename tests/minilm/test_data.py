"""Tests of reading texts from files, and of padded batches."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tabwidget.minilm import Tokenizer
from tabwidget.minilm.data import load_texts, text_loader

TEXTS = ["one text", "another, with a comma", "a third"]


def test_a_text_file_holds_one_text_per_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join([*TEXTS, "", "  "]))
    assert load_texts(tmp_path / "a.txt") == TEXTS


def test_a_folder_is_read_by_format(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text(TEXTS[1])
    (tmp_path / "a.txt").write_text(TEXTS[0])
    (tmp_path / "c.json").write_text(json.dumps([TEXTS[2]]))
    assert load_texts(tmp_path) == TEXTS[:2]
    assert load_texts(tmp_path, format="json") == TEXTS[2:]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(TEXTS),
        json.dumps([{"text": text, "id": 1} for text in TEXTS]),
        "\n".join(json.dumps({"text": text}) for text in TEXTS),
    ],
)
def test_json_as_a_whole_or_by_lines(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    assert load_texts(tmp_path / "a.json", format="json") == TEXTS


@pytest.mark.parametrize("columns", [{"text": TEXTS, "n": [1, 2, 3]}, {"only": TEXTS}])
def test_csv_and_parquet_take_the_column_text_or_the_only_one(
    tmp_path: Path, columns: dict[str, list[object]]
) -> None:
    frame = pd.DataFrame(columns)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    assert load_texts(tmp_path / "a.csv", format="csv") == TEXTS
    assert load_texts(tmp_path / "a.parquet", format="parquet") == TEXTS


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_texts(tmp_path / "nowhere")
    (tmp_path / "a.txt").write_text(" \n")
    with pytest.raises(ValueError, match="holds no text"):
        load_texts(tmp_path / "a.txt")
    with pytest.raises(ValueError, match=r"format='xml' must be one of text, json, csv, parquet"):
        load_texts(tmp_path / "a.txt", format="xml")  # type: ignore[arg-type]
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no column 'text' among a, b"):
        load_texts(tmp_path / "a.csv", format="csv")
    (tmp_path / "a.json").write_text('[{"words": 1}]')
    with pytest.raises(ValueError, match="record 0"):
        load_texts(tmp_path / "a.json", format="json")
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(ValueError, match=r"b\.json.*not JSON"):
        load_texts(tmp_path / "b.json", format="json")
    (tmp_path / "a.parquet").write_text("junk")
    with pytest.raises(ValueError, match="not a Parquet file"):
        load_texts(tmp_path / "a.parquet", format="parquet")


def test_batches_are_padded_to_the_longest_and_truncated() -> None:
    tokenizer = Tokenizer(64)
    tokenizer.fit(TEXTS)
    [batch] = text_loader(TEXTS, tokenizer, batch_size=3, sequence_length=5, shuffle=False)
    assert batch["input_ids"].shape == (3, 5)
    assert batch["attention_mask"].sum(1).tolist() == [4, 5, 4]
    assert batch["input_ids"][0].tolist()[-2:] == [tokenizer.eos_id, tokenizer.pad_id]
    assert batch["input_ids"][1, -1] == tokenizer.eos_id


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": []}, "at least one text"),
        ({"batch_size": 0}, "batch_size"),
        ({"sequence_length": 0}, "sequence_length"),
    ],
)
def test_errors_name_the_argument(arguments: dict[str, object], message: str) -> None:
    tokenizer = Tokenizer(64)
    tokenizer.fit(TEXTS)
    with pytest.raises(ValueError, match=message):
        text_loader(**{"texts": TEXTS, "tokenizer": tokenizer, **arguments})  # type: ignore[arg-type]

"""Texts, labels and ids from CSV files, and errors for invalid rows."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tabwidget.errors import ConfigError, DataFileError
from tabwidget.textclass.config import DataSection
from tabwidget.textclass.data import Labels, Texts, iter_rows, read_targets, read_texts

ONE = {"label_columns": "kind"}
SEVERAL = {"label_columns": "kind", "label_delimiter": "|"}
COLUMNS = {"label_columns": ["pop", "rock"]}


def section(**keys: Any) -> DataSection:
    return DataSection.model_validate({"dataset_name": "d", "train_csv": "train.csv"} | keys)


def write(folder: Path, content: str) -> Path:
    path = folder / "file.csv"
    path.write_text(content, newline="")
    return path


@pytest.mark.parametrize(
    ("keys", "content", "names", "multi", "targets"),
    [
        (ONE, "text,kind\na,x\nb, y \nc,x\n", "xy", False, [[1, 0], [0, 1], [1, 0]]),
        (ONE, "text,kind\na,1\nb,0\n", "01", False, [[0, 1], [1, 0]]),
        (SEVERAL, "text,kind\na,x\nb,y\n", "xy", False, [[1, 0], [0, 1]]),
        (SEVERAL, "text,kind\na,x | y|\nb,y|y\n", "xy", True, [[1, 1], [0, 1]]),
        (SEVERAL, "text,kind\na,\nb,x\n", "x", True, [[0], [1]]),
        (COLUMNS, "text,rock,pop\na,1,0\nb,0,1\n", ("pop", "rock"), False, [[0, 1], [1, 0]]),
        (COLUMNS, "text,rock,pop\na,1,1.0\nb,0,0\n", ("pop", "rock"), True, [[1, 1], [0, 0]]),
        (COLUMNS, "text,pop,rock\na,false,True\nb,0.0,1\n", ("pop", "rock"), False, [[0, 1]] * 2),
    ],
)  # fmt: skip
def test_labels_in_each_format(
    tmp_path: Path,
    keys: dict[str, Any],
    content: str,
    names: str,
    multi: bool,
    targets: list[list[int]],
) -> None:
    path, data = write(tmp_path, content), section(**keys)
    labels = Labels.of(path, data)
    assert labels == Labels(tuple(names), multi)
    texts = read_texts(path, data, labels)
    assert texts.targets is not None
    assert texts.targets.dtype == bool
    assert texts.targets.tolist() == [[bool(value) for value in row] for row in targets]
    assert np.array_equal(read_targets(path, data, labels), texts.targets)


def test_the_problem_type_can_be_given(tmp_path: Path) -> None:
    path = write(tmp_path, "text,kind\na,x\nb,y\n")
    labels = Labels.of(path, section(**ONE), "multi_label_classification")
    assert labels.problem_type == "multi_label_classification"
    path = write(tmp_path, "text,kind\na,x\nb,y|x\n")
    with pytest.raises(DataFileError, match=r"line 3 has the labels 'y', 'x', but each row"):
        Labels.of(path, section(**SEVERAL), "single_label_classification")


def test_labels_survive_json() -> None:
    labels = Labels(("é", '"'), multi=True)
    assert Labels.from_json(json.loads(json.dumps(labels.to_json()))) == labels


def test_text_columns_are_joined_in_their_order(tmp_path: Path) -> None:
    path = write(tmp_path, "title,id,body,n\nT,7,B,1\n,8,b,2\n")
    data = section(text_fields=["body", "title"], text_separator=" / ", id_column="id")
    texts = read_texts(path, data)
    assert texts == Texts(["7", "8"], ["B / T", "b"], None)
    assert list(iter_rows(path, data)) == [("7", "B / T"), ("8", "b")]
    assert list(iter_rows(path, section(target_text_column="n"))) == [("0", "1"), ("1", "2")]


def test_take_selects_ids_texts_and_targets() -> None:
    texts = Texts(["a", "b", "c"], ["A", "B", "C"], np.eye(3, dtype=bool))
    taken = texts.take(np.array([2, 0]))
    assert (taken.ids, taken.texts, len(taken)) == (["c", "a"], ["C", "A"], 2)
    assert taken.targets is not None
    assert taken.targets.tolist() == [[False, False, True], [True, False, False]]


def test_empty_texts_are_kept_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, 'text,kind\na,x\n"",y\n" ",y\n')
    data = section(**ONE)
    with pytest.warns(UserWarning, match=r"2 of 3 texts in .* are empty, the first on line 3"):
        texts = read_texts(path, data, Labels.of(path, data))
    assert texts.texts == ["a", "", " "]
    assert [text for _, text in iter_rows(path, data)] == texts.texts


@pytest.mark.parametrize(
    ("keys", "content", "message"),
    [
        (ONE, "text,kind\na,x\nb,\n", r"line 3 has no label in the column 'kind': add one"),
        (
            ONE,
            "text,kind\na,x\nb,x\n",
            r"file\.csv' has only the label 'x': give rows with at least",
        ),
        (ONE, "text,kind\n", r"file\.csv' has no label: give"),
        (SEVERAL, "text,kind\na,|\n", r"has no label: give"),
        (COLUMNS, "text,pop,rock\na,1,0\nb,0,\n", r"line 3 has '' in the label column 'rock': wri"),
        (COLUMNS, "text,pop,rock\na,1,2\n", r"line 2 has '2' in the label column 'rock': write 0"),
    ],
)
def test_invalid_labels_are_reported_with_their_line(
    tmp_path: Path, keys: dict[str, Any], content: str, message: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(DataFileError, match=message):
        Labels.of(path, section(**keys))


@pytest.mark.parametrize(
    ("keys", "content", "message"),
    [
        (ONE, "text,kind\na,sport\nb,spirt\n", r"line 3 has the label 'spirt', which .*'sport'\?"),
        (ONE, "text,kind\na,zzz\n", r"which no training row has\. Correct it, or add rows with it"),
        (SEVERAL, "text,kind\na,news\nb,sport|news\n", r"line 3 has the labels 'sport', 'news', b"),
        (SEVERAL, "text,kind\na,\n", r"line 2 has no label, but each .*model\.problem_type: multi"),
        (ONE, "text,kind\n", r"has no rows below its header: add rows"),
    ],
)
def test_unknown_labels_are_reported(
    tmp_path: Path, keys: dict[str, Any], content: str, message: str
) -> None:
    path = write(tmp_path, content)
    labels = Labels(("news", "sport"), multi=False)
    for reader in (read_texts, read_targets):
        with pytest.raises(DataFileError, match=message):
            reader(path, section(**keys), labels)


def test_a_repeated_id_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path, 'text,id\n"a\nb",1\nc,2\nd,1\n')
    rows = iter_rows(path, section(id_column="id"))
    assert list(itertools.islice(rows, 2)) == [("1", "a\nb"), ("2", "c")]
    with pytest.raises(DataFileError, match=r"line 5 has the same id '1' as line 2: give each"):
        next(rows)


def test_label_columns_must_be_configured_and_exist(tmp_path: Path) -> None:
    path = write(tmp_path, "text,kind\na,x\n")
    with pytest.raises(ConfigError, match=r"data\.label_columns is empty: name several"):
        Labels.of(path, section())
    with pytest.raises(ConfigError, match=r"data\.label_columns 'kid' is not .* mean 'kind'\?"):
        Labels.of(path, section(label_columns="kid"))
    assert len(read_texts(path, section())) == 1


def test_iter_rows_uses_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("text\n")
        file.writelines(f"{'word ' * 2000}\n" for _ in range(3000))  # 30 MB
    assert _peak(iter_rows(path, section())) < 2_000_000


def _peak(rows: Iterator[tuple[str, str]]) -> int:
    tracemalloc.start()
    for _ in rows:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak

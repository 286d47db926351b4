"""Text columns and label columns of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.errors import ColumnError, ConfigError
from tabwidget.table import Table
from tabwidget.table.label_columns import (
    label_columns,
    likely_columns,
    text_columns,
    texts_and_labels,
)

N = 12
FRAME = pd.DataFrame(
    {
        "title": [f"title {i}" for i in range(N)],
        "body": [
            None if i == 2 else f"the body of the text number {i}, at length" for i in range(N)
        ],
        "kind": ["ham", "spam", None] * 4,
        "tags": ["a; b", "", "a"] * 4,
        "loud": [0, 1] * 6,
        "long": [True, False, None] * 4,
        "score": np.linspace(0, 1, N),
    }
)


def test_one_label_per_text() -> None:
    texts, labels = texts_and_labels(FRAME, ["title"], ["kind"])
    assert texts == [f"title {i}" for i in range(N) if i % 3 != 2]  # rows without one are left out
    assert labels == ["ham", "spam"] * 4


def test_columns_are_joined_in_order_without_empty_cells() -> None:
    texts, _ = texts_and_labels(FRAME, ["body", "title"], ["loud"])
    assert texts[1] == "the body of the text number 1, at length\ntitle 1"
    assert texts[2] == "title 2"
    alone, labels = texts_and_labels(FRAME, ["body"], ["loud"])
    assert len(alone) == len(labels) == N - 1


def test_several_labels_in_a_cell() -> None:
    texts, labels = texts_and_labels(FRAME, ["title"], ["tags"], ";")
    assert len(texts) == N
    assert labels == [["a", "b"], [], ["a"]] * 4


def test_one_column_per_label() -> None:
    texts, labels = texts_and_labels(FRAME, ["title"], ["loud", "long"])
    assert isinstance(labels, pd.DataFrame)
    assert texts == [f"title {i}" for i in range(N) if i % 3 != 2]
    assert labels.to_numpy().tolist()[:2] == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("texts", "labels", "delimiter", "message"),
    [
        ([], ["kind"], "", "no text column is chosen: choose one of 'title'"),
        (["title"], [], "", "no label column is chosen"),
        (["title"], ["title"], "", "'title' cannot be both text and label"),
        (["title", "title"], ["kind"], "", "'title' is chosen twice"),
        (["title"], ["score"], "", "'score' has 12 distinct numbers"),
        (["title"], ["kind", "loud"], "", "column 'kind' holds 'ham'"),
        (["title"], ["loud", "long"], ";", "delimiter=';' needs a single label column"),
    ],
)
def test_unusable_columns_are_errors_that_name_the_fix(
    texts: list[str], labels: list[str], delimiter: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        texts_and_labels(FRAME, texts, labels, delimiter)


def test_unknown_columns_name_the_nearest() -> None:
    with pytest.raises(ColumnError, match="title"):
        texts_and_labels(FRAME, ["titel"], ["kind"])


def test_a_table_without_text_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no column of this table holds text"):
        texts_and_labels(pd.DataFrame({"x": [1, 2, 3], "y": [0, 1, 0]}), [], ["y"])


@pytest.mark.parametrize(
    ("frame", "likely"),
    [
        ({"text": ["a red fox ran", "the blue sea"] * 20, "kind": ["land", "sea"] * 20}, "text"),
        (
            {"kind": ["land", "sea"] * 20, "x": [1.5, 2.5] * 20, "said": ["hi you", "so"] * 20},
            "said",
        ),
    ],
)
def test_columns_that_look_like_texts_and_labels(frame: dict[str, Any], likely: str) -> None:
    table = Table(pd.DataFrame(frame))
    assert likely_columns(table) == ((likely,), ("kind",))
    assert likely in text_columns(table)
    assert "kind" in label_columns(table)
    assert "x" not in label_columns(table)


def test_short_texts_are_distinguished_from_their_labels() -> None:
    frame = pd.DataFrame(
        {"text": [f"word{i} so" for i in range(40)], "tags": ["apple;boat;cloud", "boat"] * 20}
    )
    assert likely_columns(Table(frame)) == (("text",), ("tags",))


def test_labels_are_json_safe() -> None:
    numbers = pd.Series([1.0, 2.0, None, 1.0] * 3)
    cut = pd.cut(pd.Series(np.linspace(0, 1, N)), 2)
    frame = pd.DataFrame({"title": FRAME["title"], "n": numbers, "cut": cut})
    _, whole = texts_and_labels(frame, ["title"], ["n"])
    assert whole == [1, 2, 1] * 3
    assert [type(label) for label in whole] == [int] * 9
    _, ranges = texts_and_labels(frame, ["title"], ["cut"])
    assert set(map(type, ranges)) == {str}
    assert len(set(ranges)) == 2

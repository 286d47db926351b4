"""A row as a JSON object."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tabwidget.serializers import JSONSerializer

ROW = {"age": 39, "city": "São Paulo", "paid": True, "rate": 0.5}


def test_a_row_is_valid_json() -> None:
    text = JSONSerializer().serialize(ROW).text
    assert text == '{"age": 39, "city": "São Paulo", "paid": true, "rate": 0.5}'
    assert json.loads(text) == ROW


def test_spans_include_the_quotes() -> None:
    written = JSONSerializer().serialize({"a": 'x"', "b": 1})
    assert [written.text[slice(*span.name)] for span in written.spans] == ['"a"', '"b"']
    assert [written.text[slice(*span.value)] for span in written.spans] == [r'"x\""', "1"]


def test_a_date_is_written_as_text() -> None:
    row = {"when": pd.Timestamp("2020-01-31")}
    assert JSONSerializer().serialize(row).text == '{"when": "2020-01-31 00:00:00"}'


@pytest.mark.parametrize(
    "text",
    [
        *("[1, 2]", '{"a": ', '{"a": 1,}', '{"a": 1 "b": 2}', '{"a": [1]}', '{"a": null}'),
        '{"a": 1, "a": 2}',
    ],
)
def test_a_malformed_text_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        JSONSerializer().parse(text)

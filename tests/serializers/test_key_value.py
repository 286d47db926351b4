"""A row as names and values with separators."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tabwidget.errors import ConfigError
from tabwidget.serializers import KeyValueSerializer
from tests.serializers.strategies import cells, typed

ROW = {"age": 39, "city": "São Paulo", "paid": True, "rate": 0.5}
separators = st.text(st.characters(codec="utf-8", exclude_characters="\\"), min_size=1) | st.text(
    ": |is", min_size=1, max_size=4
)


def test_a_row_and_its_spans() -> None:
    written = KeyValueSerializer().serialize(ROW)
    assert written.text == "age:39|city:São Paulo|paid:True|rate:0.5"
    assert [written.text[slice(*span.name)] for span in written.spans] == list(ROW)
    values = [written.text[slice(*span.value)] for span in written.spans]
    assert values == ["39", "São Paulo", "True", "0.5"]


@given(separators, separators, cells)
@example("a", "ab", {"a": "b", "ba": "aab", "": ""})
@example(" is ", "; ", {"this is": "x; ", " is": " is i", "x ": 1})
def test_any_separators_read_back(between: str, after: str, row: dict[str, Any]) -> None:
    serializer = KeyValueSerializer(between, after)
    assert typed(serializer.parse(serializer.serialize(row).text)) == typed(row)


def test_a_separator_inside_a_value_is_escaped() -> None:
    assert KeyValueSerializer().serialize({"a": "x|y"}).text == r"a:x\|y"


def test_only_what_reads_as_a_separator_is_escaped() -> None:
    row = {"this is": "it is 12:30; or São Paulo", "a b": "x"}
    text = r"this\ is is it is 12:30\; or São Paulo;a b is x"
    assert KeyValueSerializer(" is ", ";").serialize(row).text == text


@pytest.mark.parametrize("text", ["a:1|a:2", "a", "a:1|b", "a:1|"])
def test_a_malformed_text_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        KeyValueSerializer().parse(text)


@pytest.mark.parametrize(
    ("separators", "name"),
    [
        *((("", "|"), "key_value_separator"), ((":", ""), "pair_separator")),
        *((("\\", "|"), "key_value_separator"), ((":", "\\n"), "pair_separator")),
        ((":\\", "|"), "key_value_separator"),
    ],
)
def test_separators_that_cannot_be_read_back_are_rejected(
    separators: tuple[str, str], name: str
) -> None:
    with pytest.raises(ConfigError, match=name):
        KeyValueSerializer(*separators)

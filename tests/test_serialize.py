"""Serializers: rows as text and back, with spans."""

from __future__ import annotations

import contextlib
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.errors import ConfigError
from tabwidget.number_format import PlainNumber, SpacedDigits
from tabwidget.serialize import (
    SERIALIZERS,
    BracketSerializer,
    JSONSerializer,
    KeyValueSerializer,
    Serializer,
    resolve_serializer,
)

EVERY = [
    make(number) for make in SERIALIZERS.values() for number in (PlainNumber(), SpacedDigits())
] + [
    KeyValueSerializer(" is ", ";"),
    KeyValueSerializer("t", "q"),
    KeyValueSerializer("::", ":"),
    KeyValueSerializer("x;", ";ab"),
]
# Texts full of what the serializers write themselves.
texts = st.text() | st.text("tqz~\\:|[]{}\"' ,;is0-9.e+TrueFalsNaif")
cells = st.dictionaries(
    texts,
    texts
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans(),
)
ROW = {"age": 39, "city": "São Paulo", "paid": True, "rate": 0.5}


@pytest.mark.parametrize("serializer", EVERY, ids=repr)
@given(row=cells)
def test_a_row_reads_back_as_itself(serializer: Serializer, row: dict[str, Any]) -> None:
    back = serializer.parse(serializer.serialize(row).text)
    assert [(k, v, type(v)) for k, v in back.items()] == [(k, v, type(v)) for k, v in row.items()]


@pytest.mark.parametrize("serializer", EVERY, ids=repr)
@given(row=cells)
def test_spans_lie_apart_and_in_order(serializer: Serializer, row: dict[str, Any]) -> None:
    written = serializer.serialize(row)
    assert [span.column for span in written.spans] == list(row)
    places = [place for span in written.spans for place in (*span.name, *span.value)]
    assert places == sorted(places)
    assert not places or 0 <= places[0] <= places[-1] <= len(written.text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("json", '{"age": 39, "city": "São Paulo", "paid": true, "rate": 0.5}'),
        ("key-value", "age:39|city:São Paulo|paid:True|rate:0.5"),
        ("bracket", "age[39] city[São Paulo] paid[True] rate[0.5]"),
    ],
)
def test_how_a_row_is_written(name: str, text: str) -> None:
    assert resolve_serializer(name).serialize(ROW).text == text


@pytest.mark.parametrize("name", ["key-value", "bracket"])
def test_spans_hold_names_and_values(name: str) -> None:
    written = resolve_serializer(name).serialize(ROW)
    names = [written.text[slice(*span.name)] for span in written.spans]
    values = [written.text[slice(*span.value)] for span in written.spans]
    assert names == list(ROW)
    assert values == ["39", "São Paulo", "True", "0.5"]


def test_a_separator_inside_a_value_is_escaped() -> None:
    assert KeyValueSerializer().serialize({"a": "x|y"}).text == r"a:x\|y"


def test_a_date_is_written_as_text() -> None:
    row = {"when": pd.Timestamp("2020-01-31")}
    assert JSONSerializer().serialize(row).text == '{"when": "2020-01-31 00:00:00"}'


def test_decimals_are_limited_by_name() -> None:
    assert resolve_serializer("bracket", max_decimals=2).serialize({"x": 0.12345}).text == "x[0.12]"


@pytest.mark.parametrize(
    ("serializer", "text"),
    [
        (JSONSerializer(), "[1, 2]"),
        (JSONSerializer(), '{"a": '),
        (KeyValueSerializer(), "a"),
        (KeyValueSerializer(), "a:1|b"),
        (KeyValueSerializer(), "a:1|"),
        (BracketSerializer(), "a"),
        (BracketSerializer(), "a[1"),
        (BracketSerializer(), "a[1]b[2]"),
        (BracketSerializer(), "a[1] "),
    ],
    ids=repr,
)
def test_a_malformed_text_is_an_error(serializer: Serializer, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        serializer.parse(text)


@pytest.mark.parametrize("serializer", EVERY[:6], ids=repr)
@given(text=texts)
def test_any_text_is_read_or_refused(serializer: Serializer, text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(serializer.parse(text), dict)


@pytest.mark.parametrize("separators", [("", "|"), (":", ""), ("\\", "|"), (":", "\\n")])
def test_separators_that_cannot_be_read_back_are_refused(separators: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match="separator"):
        KeyValueSerializer(*separators)


def test_an_unknown_serializer_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'bracket'"):
        resolve_serializer("brackets")


def test_an_instance_is_taken_as_it_is() -> None:
    mine = KeyValueSerializer(" is ", ";")
    assert resolve_serializer(mine) is mine

"""Serializers: rows as text and back, with spans."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tabwidget.errors import ConfigError
from tabwidget.serializers.base import (
    SERIALIZERS,
    BracketSerializer,
    JSONSerializer,
    KeyValueSerializer,
    Pieces,
    Serializer,
    pieces_of,
    resolve_serializer,
)
from tabwidget.serializers.number_format import PlainNumber, SpacedDigits
from tabwidget.table.values import plain

EVERY = [
    make(number) for make in SERIALIZERS.values() for number in (PlainNumber(), SpacedDigits())
] + [
    KeyValueSerializer(" is ", ";"),
    KeyValueSerializer("t", "q"),
    KeyValueSerializer("::", ":"),
    KeyValueSerializer("x;", ";ab"),
]
# Texts full of what the serializers write themselves.
texts = st.text() | st.text("tqz~\\:|[]{}\"' ,;is0-9.e+TrueFalsNaif\n\t")
floats = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 1e-300, 1e300])
values = texts | st.integers() | st.integers(-(10**30), 10**30) | floats | st.booleans()
cells = st.dictionaries(texts, values)
separators = st.text(st.characters(codec="utf-8", exclude_characters="\\"), min_size=1) | st.text(
    ": |is", min_size=1, max_size=4
)
ROW = {"age": 39, "city": "São Paulo", "paid": True, "rate": 0.5}


def told(row: dict[str, Any]) -> list[tuple[str, str, type]]:
    """What tells rows apart: their order, and 1 from 1.0, True and "1"; 0.0 from -0.0."""
    return [(name, repr(value), type(value)) for name, value in row.items()]


def parts_of(serializer: Serializer, row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the text of each cell up to its value, and that of its value."""
    written = serializer.serialize(row)
    return [
        (written.text[span.name[0] : span.value[0]], written.text[slice(*span.value)])
        for span in written.spans
    ]


@pytest.mark.parametrize("serializer", EVERY, ids=repr)
@given(row=cells)
def test_a_row_reads_back_as_itself(serializer: Serializer, row: dict[str, Any]) -> None:
    assert told(serializer.parse(serializer.serialize(row).text)) == told(row)


@given(separators, separators, cells)
@example("a", "ab", {"a": "b", "ba": "aab", "": ""})
@example(" is ", "; ", {"this is": "x; ", " is": " is i", "x ": 1})
def test_any_separators_read_back(between: str, after: str, row: dict[str, Any]) -> None:
    serializer = KeyValueSerializer(between, after)
    assert told(serializer.parse(serializer.serialize(row).text)) == told(row)


@pytest.mark.parametrize("serializer", EVERY, ids=repr)
@given(row=cells)
def test_spans_lie_apart_and_in_order(serializer: Serializer, row: dict[str, Any]) -> None:
    written = serializer.serialize(row)
    assert [span.column for span in written.spans] == list(row)
    places = [place for span in written.spans for place in (*span.name, *span.value)]
    assert places == sorted(places)
    assert not places or 0 <= places[0] <= places[-1] <= len(written.text)


@pytest.mark.parametrize("serializer", EVERY, ids=repr)
@given(row=cells)
def test_a_row_is_its_cells_joined(serializer: Serializer, row: dict[str, Any]) -> None:
    pieces, parts = pieces_of(serializer), parts_of(serializer, row)
    alone = [part for name, value in row.items() for part in parts_of(serializer, {name: value})]
    assert parts == alone
    if row:
        joined = pieces.between.join("".join(cell) for cell in alone)
        assert serializer.serialize(row).text == pieces.open + joined + pieces.close


@pytest.mark.parametrize("serializer", EVERY, ids=repr)
@given(name=texts, one=values, other=values)
def test_the_end_of_a_value_can_be_told(
    serializer: Serializer, name: str, one: object, other: object
) -> None:
    pieces = pieces_of(serializer)
    [(before, written)] = parts_of(serializer, {name: one})
    [(same, longer)] = parts_of(serializer, {name: other})
    assert before == same
    for end in filter(None, (pieces.between, pieces.close)):
        assert not longer.startswith(written + end[0])  # a backend stops at the first token


@pytest.mark.parametrize(
    ("serializer", "pieces"),
    [
        (JSONSerializer(), Pieces("{", ", ", "}")),
        (KeyValueSerializer(), Pieces("", "|", "")),
        (KeyValueSerializer(" is ", "; "), Pieces("", "; ", "")),
        (BracketSerializer(SpacedDigits()), Pieces("", "] ", "]")),
    ],
    ids=repr,
)
def test_what_stands_around_the_cells(serializer: Serializer, pieces: Pieces) -> None:
    assert pieces_of(serializer) == pieces


@pytest.mark.parametrize("serializer", EVERY, ids=repr)
@pytest.mark.parametrize("missing", [None, float("nan"), float("inf"), pd.NA, pd.NaT], ids=repr)
def test_a_missing_cell_is_left_out(serializer: Serializer, missing: object) -> None:
    written = serializer.serialize({"a": missing, "b": 1, "c": missing})
    assert written == serializer.serialize({"b": 1})
    assert serializer.parse(serializer.serialize({"a": missing}).text) == {}


@pytest.mark.parametrize("serializer", EVERY, ids=repr)
@pytest.mark.parametrize(
    "cell",
    [
        *(pd.Timestamp("2020-01-31 12:30", tz="Asia/Tokyo"), np.datetime64("2020-01-31")),
        *(dt.date(2020, 1, 31), np.int64(-3), np.float32(0.1), np.bool_(True), np.str_("a")),
    ],
    ids=repr,
)
def test_other_cells_read_back_plainly(serializer: Serializer, cell: object) -> None:
    assert told(serializer.parse(serializer.serialize({"a": cell}).text)) == told(
        {"a": plain(cell)}
    )


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


def test_spans_of_json_hold_the_quotes() -> None:
    written = JSONSerializer().serialize({"a": 'x"', "b": 1})
    assert [written.text[slice(*span.name)] for span in written.spans] == ['"a"', '"b"']
    assert [written.text[slice(*span.value)] for span in written.spans] == [r'"x\""', "1"]


def test_a_separator_inside_a_value_is_escaped() -> None:
    assert KeyValueSerializer().serialize({"a": "x|y"}).text == r"a:x\|y"


def test_only_what_reads_as_a_separator_is_escaped() -> None:
    row = {"this is": "it is 12:30; or São Paulo", "a b": "x"}
    text = r"this\ is is it is 12:30\; or São Paulo;a b is x"
    assert KeyValueSerializer(" is ", ";").serialize(row).text == text


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
        (JSONSerializer(), '{"a": 1,}'),
        (JSONSerializer(), '{"a": 1 "b": 2}'),
        (JSONSerializer(), '{"a": [1]}'),
        (JSONSerializer(), '{"a": null}'),
        (JSONSerializer(), '{"a": 1, "a": 2}'),
        (KeyValueSerializer(), "a:1|a:2"),
        (BracketSerializer(), "a[1] a[2]"),
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


@pytest.mark.parametrize(
    "separators", [("", "|"), (":", ""), ("\\", "|"), (":", "\\n"), (":\\", "|")]
)
def test_separators_that_cannot_be_read_back_are_refused(separators: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match="separator"):
        KeyValueSerializer(*separators)


def test_an_unknown_serializer_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'bracket'"):
        resolve_serializer("brackets")


def test_an_instance_is_taken_as_it_is() -> None:
    mine = KeyValueSerializer(" is ", ";")
    assert resolve_serializer(mine) is mine

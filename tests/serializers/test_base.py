"""The serializer protocol, held by every built-in serializer."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from tabwidget.serializers import (
    SERIALIZERS,
    BracketSerializer,
    JSONSerializer,
    KeyValueSerializer,
    Pieces,
    Serializer,
    pieces_of,
)
from tabwidget.serializers.number_format import PlainNumber, SpacedDigits
from tabwidget.table.values import plain
from tests.serializers.strategies import cells, texts, typed, values

EVERY = [
    make(number=number)
    for make in SERIALIZERS.values()
    for number in (PlainNumber(), SpacedDigits())
] + [
    KeyValueSerializer(" is ", ";"),
    KeyValueSerializer("t", "q"),
    KeyValueSerializer("::", ":"),
    KeyValueSerializer("x;", ";ab"),
]


def parts_of(serializer: Serializer, row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return, per cell, the text up to the value and the text of the value."""
    written = serializer.serialize(row)
    return [
        (written.text[span.name[0] : span.value[0]], written.text[slice(*span.value)])
        for span in written.spans
    ]


@pytest.mark.parametrize("serializer", EVERY, ids=repr)
@given(row=cells)
def test_a_row_reads_back_as_itself(serializer: Serializer, row: dict[str, Any]) -> None:
    assert typed(serializer.parse(serializer.serialize(row).text)) == typed(row)


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
def test_the_end_of_a_value_can_be_typed(
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
def test_pieces_are_the_text_around_the_cells(serializer: Serializer, pieces: Pieces) -> None:
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
def test_dates_and_numpy_scalars_parse_as_plain_values(
    serializer: Serializer, cell: object
) -> None:
    assert typed(serializer.parse(serializer.serialize({"a": cell}).text)) == typed(
        {"a": plain(cell)}
    )


@pytest.mark.parametrize("serializer", EVERY[:6], ids=repr)
@given(text=texts)
def test_any_text_is_parsed_or_rejected(serializer: Serializer, text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(serializer.parse(text), dict)

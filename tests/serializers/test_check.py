"""The conformance check: every built-in serializer passes, and each kind of fault is found."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tabwidget.errors import ConfigError
from tabwidget.serializers import (
    BracketSerializer,
    CellSpan,
    JSONSerializer,
    KeyValueSerializer,
    SerializedRow,
    Serializer,
)
from tabwidget.serializers.check import check_serializer
from tabwidget.serializers.number_format import PlainNumber, SpacedDigits


@pytest.mark.parametrize(
    "serializer",
    [
        JSONSerializer(),
        JSONSerializer(SpacedDigits(0)),
        KeyValueSerializer(),
        KeyValueSerializer(" is ", ", ", PlainNumber(3)),
        KeyValueSerializer("aa", "ab"),
        BracketSerializer(),
    ],
    ids=repr,
)
def test_a_valid_serializer_passes(serializer: Serializer) -> None:
    check_serializer(serializer)


class KeyValue(KeyValueSerializer):
    """Sound, and the base of those that are not."""

    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        written = super().serialize(cells)
        return replace(written, spans=tuple(self.span(span) for span in written.spans))

    def span(self, span: CellSpan) -> CellSpan:
        return span


class WithoutSpans(KeyValue):
    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        return SerializedRow(super().serialize(cells).text, ())


class TextAlone(KeyValue):
    def serialize(self, cells: Mapping[str, object]) -> Any:
        return super().serialize(cells).text


class NameAndValueSwapped(KeyValue):
    def span(self, span: CellSpan) -> CellSpan:
        return replace(span, name=span.value, value=span.name)


class ValuesBeginLate(KeyValue):
    def span(self, span: CellSpan) -> CellSpan:
        start, end = span.value
        return replace(span, value=(min(start + 1, end), end))


class ValuesEndEarly(KeyValue):
    def span(self, span: CellSpan) -> CellSpan:
        start, end = span.value
        return replace(span, value=(start, max(start, end - 1)))


class NamesEndEarly(KeyValue):
    def span(self, span: CellSpan) -> CellSpan:
        start, end = span.name
        return replace(span, name=(start, max(start, end - 1)))


class Numbered(KeyValue):
    """``1:a:b|2:c:d``: what stands before a cell tells its place."""

    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        text, spans = "", list[CellSpan]()
        for i, (name, value) in enumerate(cells.items(), 1):
            text += ("|" if spans else "") + f"{i}:"
            written, start = super().serialize({name: value}), len(text)
            [span] = written.spans
            places = [(a + start, b + start) for a, b in (span.name, span.value)]
            spans.append(CellSpan(name, *places))
            text += written.text
        return SerializedRow(text, tuple(spans))

    def parse(self, text: str) -> dict[str, Any]:
        return super().parse(re.sub(r"(^|(?<!\\)\|)\d+:", r"\1", text)) if text else {}


class NumpyUnread(JSONSerializer):
    def _write(self, value: object) -> str:
        return json.dumps(value)

    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        json.dumps(dict(cells))
        return super().serialize(cells)


class ReadsNoNewline(JSONSerializer):
    def parse(self, text: str) -> dict[str, Any]:
        if "\\n" in text:
            raise LookupError("a newline")
        return super().parse(text)


class ReadsPairs(JSONSerializer):
    def parse(self, text: str) -> Any:
        return list(super().parse(text).items())


class Stripped(JSONSerializer):
    def parse(self, text: str) -> dict[str, Any]:
        return {n: v.strip() if isinstance(v, str) else v for n, v in super().parse(text).items()}


class Unescaped(JSONSerializer):
    def parse(self, text: str) -> dict[str, Any]:
        return super().parse(text.replace("\\\\", "/"))


class WholeFloatsAsIntegers(JSONSerializer):
    def parse(self, text: str) -> dict[str, Any]:
        cells = super().parse(text)
        return {n: int(v) if isinstance(v, float) and v == 39 else v for n, v in cells.items()}


class Drifting(JSONSerializer):
    def parse(self, text: str) -> dict[str, Any]:
        cells = super().parse(text)
        return {n: v + 0.1 if isinstance(v, float) and v % 1 else v for n, v in cells.items()}


@dataclass(frozen=True)
class SpacesMarked:
    """``"a"=sx _y "b"=n1``: lossless, but after ``sx`` a space may end the value or go on."""

    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        text, spans = "", list[CellSpan]()
        for name, value in JSONSerializer().parse(JSONSerializer().serialize(cells).text).items():
            text += " " if spans else ""
            start, quoted = len(text), json.dumps(name)
            text += quoted + "="
            middle = len(text)
            text += ("s" + value if isinstance(value, str) else "n" + json.dumps(value)).replace(
                " ", " _"
            )
            spans.append(CellSpan(name, (start, start + len(quoted)), (middle, len(text))))
        return SerializedRow(text, tuple(spans))

    def parse(self, text: str) -> dict[str, Any]:
        cells = {}
        while text:
            name, end = json.JSONDecoder().raw_decode(text)
            value, _, text = text[end + 1 :].partition(' "')
            text = '"' + text if _ else ""
            kind, plain = value[0], value[1:].replace(" _", " ")
            cells[name] = plain if kind == "s" else json.loads(plain)
        return cells


@pytest.mark.parametrize(
    ("serializer", "message"),
    [
        (WithoutSpans(), "one span per cell"),
        (TextAlone(), "cannot write a row: {'a': 'b', 'c': 'd'} gives AttributeError"),
        (NumpyUnread(), "cannot write a row: .* gives TypeError"),
        (NameAndValueSwapped(), "overlap"),
        (ValuesBeginLate(), "the same before every value of a column"),
        (ValuesEndEarly(), "after every last value"),
        (NamesEndEarly(), "the span of its own text"),
        (Numbered(), "any position"),
        (ReadsNoNewline(), r"cannot read a row: .* gives LookupError: a newline"),
        (ReadsPairs(), "does not read back"),
        (Stripped(), r"does not read back: \{'a': ' '\}"),
        (Unescaped(), r"read as \{'a': '/'\}$"),
        (WholeFloatsAsIntegers(), r"'a': 39.0.* read as \{'a': 39\}"),
        (Drifting(), "is not idempotent"),
        (SpacesMarked(), "the end of a value unambiguous: 's' followed by its end ' '"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_violation_is_reported_with_an_example(serializer: Serializer, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check_serializer(serializer)
    assert f"serializer {type(serializer).__name__} " in str(caught.value)
    assert len(str(caught.value)) < 500


def test_the_check_is_the_same_every_time() -> None:
    messages = set()
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            check_serializer(Stripped())
        messages.add(str(caught.value))
    assert len(messages) == 1

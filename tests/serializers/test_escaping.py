"""Escapes read back, and a cut finds only separators that are not escaped."""

from __future__ import annotations

import pytest
from hypothesis import given

from tabwidget.serializers.escaping import cut, escape, read_unquoted, unescape, write_unquoted
from tabwidget.serializers.number_format import PlainNumber, SpacedDigits
from tests.serializers.strategies import texts, typed, values


@given(texts)
def test_an_escaped_text_reads_back(text: str) -> None:
    assert unescape(escape(text, "|]", " is ")) == text


@given(texts, texts)
def test_a_cut_finds_the_separator_and_nothing_earlier(text: str, rest: str) -> None:
    escaped = escape(text, "", " is ")
    assert cut(f"{escaped} is {rest}", " is ") == (escaped, True, rest)


def test_a_cut_without_a_separator_returns_the_whole_text() -> None:
    assert cut(r"a\|b", "|") == (r"a\|b", False, "")


@pytest.mark.parametrize("number", [PlainNumber(), SpacedDigits()], ids=repr)
@given(value=values)
def test_an_unquoted_value_reads_back(number: PlainNumber, value: object) -> None:
    written = write_unquoted(value, "[]", number)
    assert typed({"": read_unquoted(written, "[]", number)}) == typed({"": value})


def test_only_a_text_that_parses_as_something_else_is_marked() -> None:
    assert [write_unquoted(v, "|", PlainNumber()) for v in ("1", 1, "True", "one")] == [
        *(r"\t1", "1", r"\tTrue", "one")
    ]

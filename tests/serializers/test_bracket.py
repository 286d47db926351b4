"""A row as names with their values in brackets."""

from __future__ import annotations

import pytest

from tabwidget.serializers import BracketSerializer

ROW = {"age": 39, "city": "São Paulo", "paid": True, "rate": 0.5}


def test_a_row_and_its_spans() -> None:
    written = BracketSerializer().serialize(ROW)
    assert written.text == "age[39] city[São Paulo] paid[True] rate[0.5]"
    assert [written.text[slice(*span.name)] for span in written.spans] == list(ROW)
    values = [written.text[slice(*span.value)] for span in written.spans]
    assert values == ["39", "São Paulo", "True", "0.5"]


def test_brackets_inside_names_and_values_are_escaped() -> None:
    row = {"a[0]": "x] y["}
    written = BracketSerializer().serialize(row).text
    assert written == r"a\[0\][x\] y\[]"
    assert BracketSerializer().parse(written) == row


@pytest.mark.parametrize("text", ["a[1] a[2]", "a", "a[1", "a[1]b[2]", "a[1] "])
def test_a_malformed_text_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        BracketSerializer().parse(text)

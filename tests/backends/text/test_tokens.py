"""Tokens of a row as the user interface shows them."""

from __future__ import annotations

import numpy as np
import pytest

from tabwidget.backends.text.tokens import row_tokens, tokens_of_row
from tabwidget.serializers import BracketSerializer, JSONSerializer, Serializer
from tests.backends.text.fakes import mixed


class Words:
    """A token per character; special tokens 1 and 2."""

    start, end = [1], [2]

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def token_texts(self, text: str) -> list[str]:
        return list(text)


ROW = np.array([1.0, np.nan, 30.5])


@pytest.mark.parametrize("serializer", [JSONSerializer(), BracketSerializer()])
def test_tokens_join_to_the_serialized_row(serializer: Serializer) -> None:
    tokens = row_tokens(mixed().schema.inputs, serializer, Words())
    found = tokens_of_row(tokens, Words(), ROW, [2, 1, 0], ["kind"])
    expected = serializer.serialize({"size": 30.5, "kind": "ab"}).text
    assert "".join(token.text for token in found) == expected
    # All but the special tokens that training adds.
    assert len(found) == len(tokens.row(ROW, [2, 1, 0]).ids) - 2


def test_tokens_have_the_column_of_their_value() -> None:
    tokens = row_tokens(mixed().schema.inputs, JSONSerializer(), Words())
    found = tokens_of_row(tokens, Words(), ROW, [2, 1, 0], ["kind"])
    by_column = {
        name: "".join(token.text for token in found if token.column == name)
        for name in ("size", "kind", "count")
    }
    assert by_column == {"size": " 30.5,", "kind": ' "ab"}', "count": ""}
    assert {token.column for token in found if token.learned} == {"kind"}

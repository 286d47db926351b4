from __future__ import annotations

import numpy as np
import pytest

from tabwidget.backends.text import RowTokens
from tabwidget.errors import ConfigError
from tabwidget.serializers import (
    BracketSerializer,
    JSONSerializer,
    KeyValueSerializer,
    Serializer,
)
from tests.backends.text.fakes import encode, mixed, row_tokens_of

ROW = np.array([1.0, 12.0, 30.5])


def text_of(ids: list[int]) -> str:
    pairs = {1: '": ', 2: ' "', 3: "12", 0: "", 4: ""}
    return "".join(pairs.get(i, chr(i)) for i in ids)


@pytest.mark.parametrize(
    "serializer", [JSONSerializer(), KeyValueSerializer(" is ", " | "), BracketSerializer()]
)
def test_a_row_decodes_to_the_serialized_text(serializer: Serializer) -> None:
    row = row_tokens_of(mixed(), serializer).row(ROW, [2, 0, 1])
    cells = {"size": 30.5, "kind": "ab", "count": 12}
    assert text_of(row.ids.tolist()) == serializer.serialize(cells).text
    assert (row.ids[0], row.ids[-1]) == (0, 4)


def test_missing_cells_are_left_out() -> None:
    row = row_tokens_of(mixed()).row([1.0, np.nan, 30.5], [1, 2, 0])
    assert text_of(row.ids.tolist()) == '{"size": 30.5, "kind": "ab"}'


def test_an_empty_row_has_opening_and_closing_text() -> None:
    row = row_tokens_of(mixed()).row([np.nan] * 3, [0, 1, 2])
    assert text_of(row.ids.tolist()) == "{}"
    assert (row.owner == -1).all()


def test_a_value_and_its_delimiter_belong_to_the_column() -> None:
    tokens = row_tokens_of(mixed())
    row = tokens.row(ROW, [1, 0, 2])
    assert text_of(row.ids[row.owner == 1].tolist()) == " 12,"
    assert text_of(row.ids[row.owner == 0].tolist()) == ' "ab",'
    assert text_of(row.ids[row.owner == 2].tolist()) == " 30.5}"


def test_a_prompt_is_a_prefix_of_the_row() -> None:
    tokens = row_tokens_of(mixed())
    row = tokens.row(ROW, [1, 2, 0])
    prompt = tokens.prompt(ROW, [1, 0, 2], target=0)
    assert prompt == tuple(row.ids[: len(prompt)].tolist())
    assert text_of(list(prompt)) == '{"count": 12, "size": 30.5, "kind":'


def test_a_prompt_without_evidence_is_the_name() -> None:
    assert text_of(list(row_tokens_of(mixed()).prompt([np.nan] * 3, [0, 1, 2], 1))) == '{"count":'


def test_a_cell_has_the_same_ids_in_every_order() -> None:
    tokens = row_tokens_of(mixed())
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        row = tokens.row(ROW, order)
        cell = tuple(row.ids[row.owner == 0].tolist())
        assert cell in {tokens.value(0, 1.0) + end for end in tokens.ends}


def test_a_fragment_is_tokenized_once() -> None:
    texts: list[str] = []

    def counting(text: str) -> list[int]:
        texts.append(text)
        return encode(text)

    tokens = RowTokens(mixed().schema.inputs, JSONSerializer(), counting, end=[4])
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]):
        tokens.row(ROW, order)
    assert len(texts) == len(set(texts))


def test_equal_delimiters_count_once() -> None:
    table = mixed()
    tokens = RowTokens(table.schema.inputs, BracketSerializer(), encode)
    assert tokens.ends == ((ord("]"),),)
    assert len(row_tokens_of(table).ends) == 2


def test_a_row_without_a_delimiter_is_an_error() -> None:
    with pytest.raises(ConfigError, match="nothing delimits"):
        RowTokens(mixed().schema.inputs, KeyValueSerializer(), encode)

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
from tests.backends.text.fakes import encode, mixed, tokens_of

ROW = np.array([1.0, 12.0, 30.5])


def text_of(ids: list[int]) -> str:
    pairs = {1: '": ', 2: ' "', 3: "12", 0: "", 4: ""}
    return "".join(pairs.get(i, chr(i)) for i in ids)


@pytest.mark.parametrize(
    "serializer", [JSONSerializer(), KeyValueSerializer(" is ", " | "), BracketSerializer()]
)
def test_a_row_reads_as_the_serializer_writes_it(serializer: Serializer) -> None:
    row = tokens_of(mixed(), serializer).row(ROW, [2, 0, 1])
    cells = {"size": 30.5, "kind": "ab", "count": 12}
    assert text_of(row.ids.tolist()) == serializer.serialize(cells).text
    assert (row.ids[0], row.ids[-1]) == (0, 4)


def test_missing_cells_are_not_written() -> None:
    row = tokens_of(mixed()).row([1.0, np.nan, 30.5], [1, 2, 0])
    assert text_of(row.ids.tolist()) == '{"size": 30.5, "kind": "ab"}'


def test_an_empty_row_is_opened_and_closed() -> None:
    row = tokens_of(mixed()).row([np.nan] * 3, [0, 1, 2])
    assert text_of(row.ids.tolist()) == "{}"
    assert (row.owner == -1).all()


def test_the_owner_of_a_token_is_the_cell_that_it_tells_of_or_ends() -> None:
    tokens = tokens_of(mixed())
    row = tokens.row(ROW, [1, 0, 2])
    assert text_of(row.ids[row.owner == 1].tolist()) == " 12,"
    assert text_of(row.ids[row.owner == 0].tolist()) == ' "ab",'
    assert text_of(row.ids[row.owner == 2].tolist()) == " 30.5}"


def test_a_question_begins_as_the_row_that_answers_it() -> None:
    tokens = tokens_of(mixed())
    row = tokens.row(ROW, [1, 2, 0])
    prompt = tokens.prompt(ROW, [1, 0, 2], target=0)
    assert prompt == tuple(row.ids[: len(prompt)].tolist())
    assert text_of(list(prompt)) == '{"count": 12, "size": 30.5, "kind":'


def test_a_question_of_nothing_known_is_a_name() -> None:
    assert text_of(list(tokens_of(mixed()).prompt([np.nan] * 3, [0, 1, 2], 1))) == '{"count":'


def test_a_cell_has_the_same_ids_beside_whatever_cells() -> None:
    tokens = tokens_of(mixed())
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        row = tokens.row(ROW, order)
        cell = tuple(row.ids[row.owner == 0].tolist())
        assert cell in {tokens.value(0, 1.0) + end for end in tokens.ends}


def test_a_fragment_is_tokenised_once() -> None:
    asked: list[str] = []

    def counting(text: str) -> list[int]:
        asked.append(text)
        return encode(text)

    tokens = RowTokens(mixed().schema.inputs, JSONSerializer(), counting, end=[4])
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]):
        tokens.row(ROW, order)
    assert len(asked) == len(set(asked))


def test_the_same_mark_is_one_end() -> None:
    table = mixed()
    tokens = RowTokens(table.schema.inputs, BracketSerializer(), encode)
    assert tokens.ends == ((ord("]"),),)
    assert len(tokens_of(table).ends) == 2


def test_a_row_that_nothing_ends_is_an_error() -> None:
    with pytest.raises(ConfigError, match="nothing ends"):
        RowTokens(mixed().schema.inputs, KeyValueSerializer(), encode)

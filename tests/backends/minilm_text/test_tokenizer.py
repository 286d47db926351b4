"""Tokens learned from a table."""

from __future__ import annotations

import pandas as pd
import pytest

from tabwidget.backends.minilm_text.backend import MiniLMTextBackend
from tabwidget.backends.minilm_text.tokenizer import TableTokens
from tabwidget.minilm import Tokenizer
from tabwidget.table import Table
from tests.backends.minilm_text.fakes import fitted, minilm_of

ODD = "日本 🙂 \u0301ß\n\t\x00"


def test_names_are_tokens_and_numbers_are_digits(toy_fit: MiniLMTextBackend) -> None:
    tokenizer = minilm_of(toy_fit).tokenizer
    for name in ("letter", "number", "coin", "day"):
        assert tokenizer.token_texts(f' "{name}":') == [f' "{name}":']
    assert tokenizer.token_texts(" 12.3")[-1] == "3"
    other = fitted(Table(pd.DataFrame({"size": range(20), "color": ["red", "blue"] * 10})))
    assert len(minilm_of(other).tokenizer.token_texts(' "letter":')) > 1


@pytest.mark.parametrize("text", ["", ODD, "<BOS><EOS>", "a" * 500])
def test_no_text_is_out_of_vocabulary(toy_fit: MiniLMTextBackend, text: str) -> None:
    tokens = TableTokens(minilm_of(toy_fit).model.tokenizer)
    ids = tokens.encode(text)
    assert (tokens.tokenizer.decode(ids) if ids else "") == text
    assert not {tokens.tokenizer.unk_id, *tokens.start, *tokens.end} & set(ids)
    texts = tokens.token_texts(text)
    assert "".join(texts) == text
    assert len(texts) == len(ids)


def test_two_tokens_become_one_if_they_are_frequent() -> None:
    frequent, all_of_them = Tokenizer(300, level="byte"), Tokenizer(300, level="byte")
    texts = ["ab"] * 5 + ["cd"] * 3
    frequent.fit(texts, min_frequency=4)
    all_of_them.fit(texts)
    assert [frequent.tokenize(text) for text in ("ab", "cd")] == [["ab"], ["c", "d"]]
    assert [all_of_them.tokenize(text) for text in ("ab", "cd")] == [["ab"], ["cd"]]

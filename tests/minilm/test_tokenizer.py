"""Tests of Tokenizer: the documented word level, and byte-pair encoding."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.minilm import Tokenizer

TEXTS = ["a small step", "a giant leap", "a small leap for a giant"]
PAD, UNK, BOS, EOS = range(4)


@pytest.fixture
def words() -> Tokenizer:
    tokenizer = Tokenizer(vocab_size=64)
    tokenizer.fit(TEXTS)
    return tokenizer


@pytest.fixture(scope="module")
def bytes_() -> Tokenizer:
    tokenizer = Tokenizer(vocab_size=280, level="byte")
    tokenizer.fit(["the thé 🙂 then there", *TEXTS])
    return tokenizer


def test_ids_are_by_frequency_then_alphabetical(words: Tokenizer) -> None:
    assert list(words.word_to_id) == [
        *("<PAD>", "<UNK>", "<BOS>", "<EOS>"),
        *("a", "giant", "leap", "small", "for", "step"),
    ]
    assert len(words) == 10
    assert words.vocab_size == 64


def test_a_small_vocabulary_keeps_the_frequent_words() -> None:
    tokenizer = Tokenizer(vocab_size=6)
    tokenizer.fit(TEXTS)
    assert tokenizer.decode(tokenizer.encode("a giant step")) == "a giant <UNK>"


def test_special_tokens_enclose_the_text(words: Tokenizer) -> None:
    assert words.encode("a leap") == [BOS, 4, 6, EOS]
    assert words.encode("a leap", add_special_tokens=False) == [4, 6]


def test_padding_and_truncation(words: Tokenizer) -> None:
    assert words.encode("a leap", max_length=6, padding=True) == [BOS, 4, 6, EOS, PAD, PAD]
    assert words.encode("a leap", padding=True) == [BOS, 4, 6, EOS]
    assert words.encode("a small leap", max_length=4, truncation=True) == [BOS, 4, 7, EOS]
    with pytest.raises(ValueError, match=r"5 tokens, more than max_length=4.*truncation=True"):
        words.encode("a small leap", max_length=4)


def test_special_tokens_are_left_out_or_shown(words: Tokenizer) -> None:
    ids = words.encode("a leap", max_length=5, padding=True)
    assert words.decode(ids) == "a leap"
    assert words.decode(ids, skip_special_tokens=False) == "<BOS> a leap <EOS> <PAD>"


def test_a_word_that_looks_like_a_special_token_is_unknown(words: Tokenizer) -> None:
    assert words.encode("a <EOS>", add_special_tokens=False) == [4, UNK]


def test_other_special_tokens(words: Tokenizer) -> None:
    tokenizer = Tokenizer(vocab_size=512, pad_token="<pad>")
    tokenizer.fit(TEXTS)
    assert tokenizer.word_to_id["<pad>"] == PAD


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocab_size": 0}, "vocab_size"),
        ({"vocab_size": 2.5}, "vocab_size"),
        ({"vocab_size": 4}, "too small"),
        ({"vocab_size": 200, "level": "byte"}, "too small"),
        ({"pad_token": ""}, "at least one character"),
        ({"pad_token": "<UNK>"}, "differ"),
        ({"level": "letter"}, "must be 'word' or 'byte'"),
    ],
)
def test_errors_name_the_argument(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tokenizer(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("texts", [[], ["a", " "], ["a", ""], ["a", None]])
def test_fit_needs_texts_that_are_not_blank(texts: list[str]) -> None:
    with pytest.raises(ValueError, match="text"):
        Tokenizer().fit(texts)


@pytest.mark.parametrize("text", ["", None, 3])
def test_encode_needs_a_text(words: Tokenizer, text: str) -> None:
    with pytest.raises(ValueError, match="at least one character"):
        words.encode(text)


def test_calls_out_of_order_or_range_are_errors(words: Tokenizer) -> None:
    with pytest.raises(ValueError, match="call fit"):
        Tokenizer().encode("a")
    with pytest.raises(ValueError, match="max_length"):
        words.encode("a", max_length=0)
    with pytest.raises(ValueError, match="token_ids is empty"):
        words.decode([])
    with pytest.raises(ValueError, match="must not be negative"):
        words.decode([4, -1])


@given(text=st.text(min_size=1))
def test_byte_encoding_is_lossless(bytes_: Tokenizer, text: str) -> None:
    text = text.encode("utf-8", errors="replace").decode()
    assert bytes_.decode(bytes_.encode(text)) == text


def test_frequent_pairs_of_bytes_are_merged(bytes_: Tokenizer) -> None:
    assert len(bytes_.encode("the", add_special_tokens=False)) < 3
    assert "".join(bytes_.tokenize("the leap")) == "the leap"
    assert len(bytes_) <= 280


def test_fitting_is_deterministic() -> None:
    states = []
    for _ in range(2):
        tokenizer = Tokenizer(vocab_size=300, level="byte")
        tokenizer.fit(TEXTS)
        states.append(tokenizer.state())
    assert states[0] == states[1]


@pytest.mark.parametrize("level", ["word", "byte"])
def test_it_is_the_same_after_a_round_trip(level: str, tmp_path: Path) -> None:
    tokenizer = Tokenizer(vocab_size=300, level=level, eos_token="<end>")  # type: ignore[arg-type]
    tokenizer.fit([*TEXTS, "thé 🙂"])
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    assert loaded.state() == tokenizer.state()
    assert loaded.encode("a small thé") == tokenizer.encode("a small thé")


def test_a_file_without_a_tokenizer_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(ValueError, match=r"x\.json.*does not hold a tokenizer"):
        Tokenizer.load(tmp_path / "x.json")

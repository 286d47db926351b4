"""Tests of Encoder: shapes, positions, and arguments out of range."""

from __future__ import annotations

import pytest
import torch

from tabwidget.minilm import Encoder, LanguageModel, Tokenizer


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(12, embedding_dim=8, hidden_dim=16, num_layers=2, num_heads=2, max_seq_length=9)


def test_hidden_states_have_the_width_of_the_embeddings(encoder: Encoder) -> None:
    assert encoder(torch.tensor([[1, 2, 3]])).shape == (1, 3, 8)
    assert encoder(torch.tensor([1, 2, 3])).shape == (1, 3, 8)


def test_the_position_matters(encoder: Encoder) -> None:
    encoder.eval()
    hidden = encoder(torch.tensor([[5, 5]]))[0]
    assert not torch.allclose(hidden[0], hidden[1])


def test_encoding_is_the_same_twice_and_leaves_training_on(encoder: Encoder) -> None:
    assert torch.equal(encoder.encode(token_ids=[1, 2]), encoder.encode(token_ids=[1, 2]))
    assert encoder.training


def test_a_text_is_encoded_with_the_tokenizer_of_the_model(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match=r"encoder\.tokenizer"):
        encoder.encode("a b")
    tokenizer = Tokenizer(12)
    tokenizer.fit(["a b"])
    LanguageModel(encoder, tokenizer)
    expected = encoder.encode(token_ids=tokenizer.encode("a b"))
    assert torch.equal(encoder.encode("a b"), expected)


def test_embeddings_have_no_context(encoder: Encoder) -> None:
    vectors = encoder.get_embeddings([3, 4, 3])
    assert vectors.shape == (3, 8)
    assert torch.equal(vectors[0], vectors[2])


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"vocab_size": 0}, "vocab_size"),
        ({"embedding_dim": 0}, "embedding_dim"),
        ({"num_layers": 0}, "num_layers"),
        ({"max_seq_length": -1}, "max_seq_length"),
        ({"dropout": 1.0}, "dropout"),
        ({"embedding_dim": 10, "num_heads": 4}, "multiple of num_heads=4"),
    ],
)
def test_a_size_out_of_range_is_named(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Encoder(**{"vocab_size": 12, **sizes})


@pytest.mark.parametrize(
    ("ids", "message"),
    [([[1, 12]], "token id 12"), ([[-1]], "token id -1"), ([[1] * 10], "10 tokens"), ([], "shape")],
)
def test_token_ids_out_of_range_are_named(
    encoder: Encoder, ids: list[list[int]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        encoder(torch.tensor(ids))


def test_encode_takes_one_of_text_and_ids(encoder: Encoder) -> None:
    for arguments in ({}, {"text": "a", "token_ids": [1]}):
        with pytest.raises(ValueError, match="either text or token_ids"):
            encoder.encode(**arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 entries for 3 tokens"):
        encoder.encode(token_ids=[1, 2, 3], attention_mask=[1, 0])

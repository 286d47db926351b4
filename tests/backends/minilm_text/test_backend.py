"""What is particular to the small text model: tokens from the table, and how it is chosen."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from tabwidget.backends import resolve
from tabwidget.backends.minilm_text.backend import MiniLMTextBackend
from tabwidget.backends.minilm_text.scoring_model import MiniLMTextScoringModel
from tabwidget.backends.minilm_text.tokenizer import TableTokens
from tabwidget.backends.text.trie import Trie
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError
from tabwidget.estimators import LanguageModelClassifier
from tabwidget.minilm import Tokenizer
from tabwidget.model import TabularLanguageModel
from tabwidget.serializers import (
    BracketSerializer,
    JSONSerializer,
    KeyValueSerializer,
    Serializer,
)
from tabwidget.serializers.number_format import SpacedDigits
from tabwidget.table import Table
from tabwidget.table.values import plain
from tests.backends.text.helpers import (
    fit,
    rows_of,
    scoring_model_of,
    tokens_of,
    toy,
    weights_of,
)

TINY = ModelConfig(width=16, layers=1, heads=2)
TURNED = ["coin", "letter", "day", "number"]
ODD = "日本 🙂 \u0301ß\n\t\x00"


def fitted(table: Table | None = None, **training: Any) -> MiniLMTextBackend:
    backend = MiniLMTextBackend(TINY)
    fit(backend, table=table, max_steps=1, **training)
    return backend


def minilm_of(backend: MiniLMTextBackend) -> MiniLMTextScoringModel:
    scorer = scoring_model_of(backend)
    assert isinstance(scorer, MiniLMTextScoringModel)
    return scorer


@pytest.fixture(scope="module")
def toy_fit() -> MiniLMTextBackend:
    return fitted()


# How it is chosen


def test_it_is_chosen_by_name() -> None:
    backend = resolve("minilm-text", TINY)
    assert isinstance(backend, MiniLMTextBackend)
    assert backend.model_config is TINY


def test_an_estimator_is_cloned_with_it() -> None:
    backend = MiniLMTextBackend(TINY)
    twin: object = clone(LanguageModelClassifier(backend=backend)).backend
    assert twin is not backend
    assert isinstance(twin, MiniLMTextBackend)
    assert twin.model_config.width == TINY.width


def test_a_copy_is_trained_apart(toy_fit: MiniLMTextBackend) -> None:
    before = weights_of(toy_fit)
    twin = copy.deepcopy(toy_fit)
    fit(twin, resume=True, max_steps=3)
    after, moved = weights_of(toy_fit), weights_of(twin)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert not all(np.array_equal(before[name], moved[name]) for name in before)


# Tokens


def test_names_are_tokens_and_numbers_are_digits(toy_fit: MiniLMTextBackend) -> None:
    tokenizer = minilm_of(toy_fit).tokenizer
    for name in ("letter", "number", "coin", "day"):
        assert tokenizer.pieces(f' "{name}":') == [f' "{name}":']
    assert tokenizer.pieces(" 12.3")[-1] == "3"
    other = fitted(Table(pd.DataFrame({"size": range(20), "color": ["red", "blue"] * 10})))
    assert len(minilm_of(other).tokenizer.pieces(' "letter":')) > 1


def test_two_tokens_become_one_if_they_are_frequent() -> None:
    frequent, all_of_them = Tokenizer(300, level="byte"), Tokenizer(300, level="byte")
    texts = ["ab"] * 5 + ["cd"] * 3
    frequent.fit(texts, min_frequency=4)
    all_of_them.fit(texts)
    assert [frequent.tokenize(text) for text in ("ab", "cd")] == [["ab"], ["c", "d"]]
    assert [all_of_them.tokenize(text) for text in ("ab", "cd")] == [["ab"], ["cd"]]


@pytest.mark.parametrize("text", ["", ODD, "<BOS><EOS>", "a" * 500])
def test_no_text_is_out_of_vocabulary(toy_fit: MiniLMTextBackend, text: str) -> None:
    tokens = TableTokens(minilm_of(toy_fit).model.tokenizer)
    ids = tokens.encode(text)
    assert (tokens.tokenizer.decode(ids) if ids else "") == text
    assert not {tokens.tokenizer.unk_id, *tokens.start, *tokens.end} & set(ids)
    pieces = tokens.pieces(text)
    assert "".join(pieces) == text
    assert len(pieces) == len(ids)


def test_a_preview_shows_the_tokens_that_are_learned() -> None:
    backend = MiniLMTextBackend(TINY)
    table, serializer = toy(), BracketSerializer()
    shown = backend.tokens(table, serializer, 1, [2, 0, 3, 1], ["letter"])
    written = serializer.serialize({name: table.row(1)[name] for name in TURNED}).text
    assert "".join(token.text for token in shown) == written
    assert "".join(token.text for token in shown if token.learned) in ("a]", "b]")
    fit(backend, table=table, serializer=serializer, max_steps=1)
    row = tokens_of(backend).row(rows_of(table)[1], [2, 0, 3, 1])
    assert len(row.ids) == len(shown) + 2


def test_its_size_is_about_that_of_the_model() -> None:
    backend = MiniLMTextBackend(ModelConfig(width=64, layers=4))
    size = backend.size(toy(), JSONSerializer(), TrainingConfig())
    fit(backend, max_steps=1)
    assert size.n_trained == pytest.approx(minilm_of(backend).n_parameters, rel=0.25)


def test_a_value_that_was_never_seen_is_learned_and_drawn() -> None:
    backend = MiniLMTextBackend(ModelConfig(width=32, layers=1))
    training = TrainingConfig(max_steps=150, batch_size=8)
    lm = TabularLanguageModel(backend, "json", training, random_state=0)
    lm.fit(pd.DataFrame({"word": ["red", "blue"] * 10, "n": [1, 2] * 10}))
    lm.partial_fit(pd.DataFrame({"word": [ODD] * 40, "n": [2] * 40}))
    assert np.isfinite(lm.log_likelihood(pd.DataFrame({"word": [ODD], "n": [2]}))).all()
    assert ODD in set(lm.sample(100, random_state=0)["word"])


def test_a_value_that_is_far_too_long_is_an_error(toy_fit: MiniLMTextBackend) -> None:
    backend = copy.deepcopy(toy_fit)
    longest = minilm_of(backend).most_length or 0
    columns = [
        column.grown(pd.Series(["é" * longest])) if column.name == "letter" else column
        for column in toy().schema.inputs
    ]
    backend.grow(columns)
    with pytest.raises(ConfigError, match=f"the model reads {longest} at most"):
        backend.predict(np.full((1, 4), np.nan), [0])


# The model


def test_the_shape_of_the_model_is_supported() -> None:
    backend = MiniLMTextBackend(ModelConfig(width=24, layers=3, heads=2, dropout=0.3))
    fit(backend, max_steps=1)
    config = minilm_of(backend).model.encoder.config
    found = [config[name] for name in ("embedding_dim", "num_layers", "num_heads", "dropout")]
    assert found == [24, 3, 2, 0.3]


def test_dropout_is_drawn_by_the_seed_alone() -> None:
    config = ModelConfig(width=16, layers=1, heads=2, dropout=0.3)
    found = []
    for seed, dropout in ((0, 0.3), (1, 0.3), (0, 0.0)):
        backend = MiniLMTextBackend(config.set_params(dropout=dropout))
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        fit(backend, max_steps=3)
        assert torch.equal(torch.get_rng_state(), before)
        found.append(weights_of(backend))
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])
    assert not all(np.array_equal(found[0][name], found[2][name]) for name in found[0])


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_optimizers_are_supported(optimizer: str, recwarn: pytest.WarningsRecorder) -> None:
    auto, asked = weights_of(fitted()), weights_of(fitted(optimizer=optimizer))
    assert not [w for w in recwarn if "no effect" in str(w.message)]
    # "auto" is Muon.
    same = all(np.array_equal(auto[name], asked[name]) for name in auto)
    assert same == (optimizer == "muon")


def test_other_optimizers_and_a_pretrained_model_have_no_effect() -> None:
    backend = MiniLMTextBackend(ModelConfig(width=16, model="gpt2"))
    with pytest.warns(UserWarning, match=r"optimizer='lion'") as caught:
        fit(backend, max_steps=1, optimizer="lion")
    assert any("ModelConfig.model='gpt2' has no effect" in str(w.message) for w in caught)


def test_a_cached_prompt_serves_tries_of_any_size(toy_fit: MiniLMTextBackend) -> None:
    scorer = minilm_of(toy_fit)
    prompts = [(2, 70, 80), (2, 90, 75, 71)]
    cache = scorer.prefill(prompts)
    for n in (1, 40, 2):
        trie = Trie.of([(100 + i, 101 + i, 102) for i in range(n)])
        expected = scorer._sequences(prompts, trie)
        np.testing.assert_allclose(scorer.tree(cache, trie), expected, atol=1e-5)


@pytest.mark.parametrize("serializer", [JSONSerializer, KeyValueSerializer, BracketSerializer])
def test_no_row_of_spaced_digits_of_an_untrained_model_is_malformed(
    serializer: type[Serializer],
) -> None:
    written = serializer(number=SpacedDigits())  # type: ignore[call-arg]
    training = TrainingConfig(max_steps=1, learning_rate=1e-9)
    lm = TabularLanguageModel(MiniLMTextBackend(TINY), written, training, random_state=0)
    rows = lm.fit(toy().frame).sample(3_400, random_state=0)
    for row in rows.to_dict("records"):
        cells = {str(name): plain(value) for name, value in row.items()}
        assert written.parse(written.serialize(cells).text) == cells
    for name in rows:
        column = lm.schema[str(name)]
        assert (column.codes(column.numbers(rows[name])) >= 0).all()


def test_it_learns_a_level_from_a_number() -> None:
    rng = np.random.default_rng(0)
    letter = rng.choice(list("ab"), 120)
    number = (np.where(letter == "a", 2.0, 7.0) + rng.normal(size=120)).round(1)
    table = Table(pd.DataFrame({"letter": letter, "number": number}))
    backend = MiniLMTextBackend(ModelConfig(width=32))
    settings: dict[str, Any] = {"learning_rate": "auto", "batch_size": "auto", "max_steps": 200}
    fit(backend, table=table, targets=("letter",), **settings)
    rows = rows_of(table)
    found = backend.predict(rows, np.zeros(120, dtype=int)).probabilities
    assert (found.argmax(axis=1) == rows[:, 0]).mean() > 0.9

"""The small text backend: how it is chosen, copied, previewed and sized."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from tabwidget.backends import resolve
from tabwidget.backends.minilm_text.backend import MiniLMTextBackend
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.estimators import LanguageModelClassifier
from tabwidget.model import TabularLanguageModel
from tabwidget.serializers import (
    BracketSerializer,
    JSONSerializer,
    KeyValueSerializer,
    Serializer,
)
from tabwidget.serializers.number_format import SpacedDigits
from tabwidget.table.values import plain
from tests.backends.minilm_text.fakes import TINY, minilm_of
from tests.backends.text.fakes import (
    fit,
    rows_of,
    tokens_of,
    toy,
    weights_of,
)

REORDERED = ["coin", "letter", "day", "number"]
ODD = "日本 🙂 \u0301ß\n\t\x00"


def test_it_is_chosen_by_name() -> None:
    backend = resolve("minilm-text", TINY)
    assert isinstance(backend, MiniLMTextBackend)
    assert backend.model_config is TINY


def test_cloning_an_estimator_clones_it() -> None:
    backend = MiniLMTextBackend(TINY)
    copied: object = clone(LanguageModelClassifier(backend=backend)).backend
    assert copied is not backend
    assert isinstance(copied, MiniLMTextBackend)
    assert copied.model_config.width == TINY.width


def test_training_a_copy_leaves_the_original(toy_fit: MiniLMTextBackend) -> None:
    before = weights_of(toy_fit)
    copied = copy.deepcopy(toy_fit)
    fit(copied, resume=True, max_steps=3)
    after, trained = weights_of(toy_fit), weights_of(copied)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert not all(np.array_equal(before[name], trained[name]) for name in before)


def test_a_preview_shows_the_tokens_of_training() -> None:
    backend = MiniLMTextBackend(TINY)
    table, serializer = toy(), BracketSerializer()
    shown = backend.tokens(table, serializer, 1, [2, 0, 3, 1], ["letter"])
    expected = serializer.serialize({name: table.row(1)[name] for name in REORDERED}).text
    assert "".join(token.text for token in shown) == expected
    assert "".join(token.text for token in shown if token.learned) in ("a]", "b]")
    fit(backend, table=table, serializer=serializer, max_steps=1)
    row = tokens_of(backend).row(rows_of(table)[1], [2, 0, 3, 1])
    assert len(row.ids) == len(shown) + 2


def test_the_estimated_size_is_close_to_that_of_the_model() -> None:
    backend = MiniLMTextBackend(ModelConfig(width=64, layers=4))
    size = backend.size(toy(), JSONSerializer(), TrainingConfig())
    fit(backend, max_steps=1)
    assert size.n_trained == pytest.approx(minilm_of(backend).n_parameters, rel=0.25)


def test_a_new_value_is_learned_and_sampled() -> None:
    backend = MiniLMTextBackend(ModelConfig(width=32, layers=1))
    training = TrainingConfig(max_steps=150, batch_size=8)
    lm = TabularLanguageModel(backend, "json", training, random_state=0)
    lm.fit(pd.DataFrame({"word": ["red", "blue"] * 10, "n": [1, 2] * 10}))
    lm.partial_fit(pd.DataFrame({"word": [ODD] * 40, "n": [2] * 40}))
    assert np.isfinite(lm.log_likelihood(pd.DataFrame({"word": [ODD], "n": [2]}))).all()
    assert ODD in set(lm.sample(100, random_state=0)["word"])


def test_other_optimizers_and_a_pretrained_model_have_no_effect() -> None:
    backend = MiniLMTextBackend(ModelConfig(width=16, model="gpt2"))
    with pytest.warns(UserWarning, match=r"optimizer='lion'") as caught:
        fit(backend, max_steps=1, optimizer="lion")
    assert any("ModelConfig.model='gpt2' has no effect" in str(w.message) for w in caught)


@pytest.mark.parametrize("serializer", [JSONSerializer, KeyValueSerializer, BracketSerializer])
def test_no_row_of_spaced_digits_of_an_untrained_model_is_malformed(
    serializer: type[Serializer],
) -> None:
    spaced = serializer(number=SpacedDigits())  # type: ignore[call-arg]
    training = TrainingConfig(max_steps=1, learning_rate=1e-9)
    lm = TabularLanguageModel(MiniLMTextBackend(TINY), spaced, training, random_state=0)
    rows = lm.fit(toy().frame).sample(3_400, random_state=0)
    for row in rows.to_dict("records"):
        cells = {str(name): plain(value) for name, value in row.items()}
        assert spaced.parse(spaced.serialize(cells).text) == cells
    for name in rows:
        column = lm.schema[str(name)]
        assert (column.codes(column.numbers(rows[name])) >= 0).all()

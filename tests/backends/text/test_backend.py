"""The base of text backends, around a fake model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends.base import FitRequest
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.text import RowTokens, ScoringModel
from tabwidget.backends.text.backend import TextBackend, features
from tabwidget.backends.text.fit import LoopFit, TextFit
from tabwidget.backends.text.tokens import TextTokenizer
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import NotFittedError
from tabwidget.serializers import BracketSerializer, JSONSerializer, Serializer
from tabwidget.table import Table
from tests.backends.text.fakes import FakeScoringModel, encode, fit, mixed


class Tokenizer:
    start, end = [0], [4]

    def encode(self, text: str) -> list[int]:
        return encode(text)

    def token_texts(self, text: str) -> list[str]:
        raise NotImplementedError


class StillFit(LoopFit):
    """Changes no weights."""

    def step(self, batches: Any, rate: float) -> float:
        return 1.0


class FakeBackend(TextBackend):
    name = "huggingface"

    def _unused(self, training: TrainingConfig) -> set[str]:
        return set()

    def _new_scorer(self, seed: int, table: Table, serializer: Serializer) -> ScoringModel:
        scorer = FakeScoringModel()
        scorer.tokenizer, scorer.n_parameters = Tokenizer(), 0
        return scorer

    def _restored_scorer(self, content: Mapping[str, Any], seed: int) -> ScoringModel:
        assert content["extra"] == "kept"
        return self._new_scorer(seed, mixed(), JSONSerializer())

    def _scorer_state(self) -> dict[str, Any]:
        return {"extra": "kept"}

    def _new_tokenizer(self, table: Table, serializer: Serializer) -> TextTokenizer:
        return Tokenizer()

    def _size(
        self, tokenizer: TextTokenizer, tokens_per_row: float, rows_per_step: int
    ) -> ModelSize:
        self.asked = tokens_per_row, rows_per_step
        return ModelSize(1, 1, 1, 4, 1, 1, 1, tokens_per_row, rows_per_step, "cpu")

    def _new_fit(self, request: FitRequest, scorer: ScoringModel, tokens: RowTokens) -> TextFit:
        return StillFit(request, self.name, scorer, tokens, self._lock)


@pytest.fixture(scope="module")
def backend() -> FakeBackend:
    backend = FakeBackend()
    fit(backend, table=mixed(30), max_steps=1)
    return backend


def test_an_unfitted_backend_cannot_be_queried() -> None:
    backend = FakeBackend()
    assert not backend.ready
    with pytest.raises(NotFittedError, match=r"call fit\(\) first"):
        backend.chain(np.zeros((1, 3)))


def test_a_restored_backend_answers_the_same(backend: FakeBackend) -> None:
    table = mixed(30)
    rows, targets = table.schema.rows(table.frame)[:3], [0, 1, 2]
    again = FakeBackend()
    again.restore(table.schema.inputs, *backend.state())
    found, expected = again.predict(rows, targets), backend.predict(rows, targets)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_validation_predictions_skip_missing_targets(backend: FakeBackend) -> None:
    table = mixed(30)
    rows = table.schema.rows(table.frame)
    at, found = backend.validation_predictions(rows, 1)
    assert len(at) == len(found)
    assert np.isfinite(rows[at, 1]).all()
    rows[:, 1] = np.nan
    rows[at[0], 1] = 12.0
    assert backend.validation_predictions(rows, 1)[0].tolist() == [at[0]]


def test_the_tokenizer_is_cached_until_the_model_or_serializer_changes() -> None:
    backend, table = FakeBackend(), mixed(10)
    first = backend.tokenizer(table, JSONSerializer())
    assert backend.tokenizer(table, JSONSerializer()) is first
    assert backend.tokenizer(table, BracketSerializer()) is not first
    second = backend.tokenizer(table, JSONSerializer())
    backend.model_config = ModelConfig(width=16)
    assert backend.tokenizer(table, JSONSerializer()) is not second


def test_the_size_is_asked_with_tokens_and_batch_size() -> None:
    backend = FakeBackend()
    backend.size(mixed(10), JSONSerializer(), TrainingConfig())
    tokens, batch = backend.asked
    assert 20 < tokens < 60
    assert batch == backend.defaults.batch_size
    backend.size(mixed(10), JSONSerializer(), TrainingConfig(batch_size=3))
    assert backend.asked == (tokens, 3)


def test_features_leave_out_free_text() -> None:
    rng = np.random.default_rng(0)
    notes = [" ".join(rng.choice(["a", "cat", "sleeps", "on", "mats"], 7)) for _ in range(60)]
    columns = Table(pd.DataFrame({"note": notes, "n": np.arange(60) % 7})).schema.inputs
    assert [column.name for column in features(columns)] == ["n"]

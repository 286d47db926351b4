"""Fakes for text backends: a scoring model, a tokenizer, tables, and tiny pretrained models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget._typing import Bools, Floats, Ints
from tabwidget.backends import FitRequest
from tabwidget.backends.text import RowTokens, ScoringModel
from tabwidget.backends.text.backend import TextBackend
from tabwidget.backends.text.rows import Ids
from tabwidget.backends.text.scoring_model import PromptCache
from tabwidget.backends.text.trie import Trie
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.events import Event
from tabwidget.serializers import JSONSerializer, Serializer
from tabwidget.table import Table

VOCAB_SIZE = 128
ROW = '{"letter": "a", "number": 10.25, "coin": true, "day": "2020-01-01 00:00:00"}'


class FakeScoringModel(ScoringModel):
    """A model whose next token depends on all tokens before; counts prompts and nodes that run."""

    vocab_size = VOCAB_SIZE

    def __init__(self, max_batch_tokens: int = 4_000) -> None:
        self.max_batch_tokens = max_batch_tokens
        self.n_prompts = self.n_nodes = self.n_batches = 0

    def next(self, ids: Sequence[int]) -> Floats:
        """Return the log-probabilities of the next token."""
        logits = np.random.default_rng([len(ids), *ids]).normal(size=VOCAB_SIZE) * 2
        found: Floats = logits - np.log(np.exp(logits).sum())
        return found

    def log_probability(self, prompt: Ids, sequence: Ids) -> float:
        """Return the log-probability of a sequence, token by token."""
        steps = [self.next(prompt + sequence[:n])[sequence[n]] for n in range(len(sequence))]
        return float(sum(steps))

    def prefill(self, prompts: Sequence[Ids]) -> PromptCache:
        self.n_prompts += len(prompts)
        self.n_batches += 1
        return super().prefill(prompts)

    def score_trie(self, cache: PromptCache, trie: Trie) -> Floats:
        self.n_nodes += len(cache.prompts) * (len(trie.inner) - 1)
        return super().score_trie(cache, trie)

    def token_log_probabilities(self, ids: Ints, at: Ints, tokens: Ints) -> Floats:
        rows, columns = np.divmod(at, ids.shape[1])
        places = zip(rows, columns, tokens, strict=True)
        return np.array([self.next(ids[row, : end + 1].tolist())[t] for row, end, t in places])

    def trained_weights(self) -> dict[str, Any]:
        return {}

    def load_weights(self, weights: Mapping[str, Any]) -> None:
        pass

    def _hidden_states(
        self, ids: Ints, positions: Ints, mask: Bools, past: Any, read: Ints
    ) -> tuple[Any, Any]:
        raise NotImplementedError

    def _drop_last(self, past: Any, n: int) -> Any:
        raise NotImplementedError

    def _log_probabilities(self, states: Any, at: Ints, tokens: Ints) -> Floats:
        raise NotImplementedError


def encode(text: str) -> list[int]:
    """Return a token per character, and one for some frequent pairs."""
    pairs = {'": ': 1, ' "': 2, "12": 3}
    ids, i = [], 0
    while i < len(text):
        pair = next((p for p in pairs if text.startswith(p, i)), None)
        ids.append(pairs[pair] if pair else ord(text[i]))
        i += len(pair or "x")
    return ids


def mixed(n_rows: int = 120) -> Table:
    """Return a table of levels, listed and binned numbers, with missing cells."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "kind": rng.choice(["a", "ab", "b"], n_rows),
            "count": rng.choice([1, 12, 123], n_rows),
            "size": rng.normal(30, 9, n_rows).round(1),
        }
    )
    frame.loc[::7, "count"] = np.nan
    return Table(frame)


def row_tokens_of(table: Table, serializer: Serializer | None = None) -> RowTokens:
    """Return the encoding of a table's rows by `encode`."""
    columns = table.schema.inputs
    return RowTokens(columns, serializer or JSONSerializer(), encode, start=[0], end=[4])


def save_tiny(folder: Path, *, width: int = 32, layers: int = 2, length: int = 256) -> Path:
    """Save a tiny random Llama with a tokenizer in a folder, and return the folder."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([ROW] * 4, trainer)
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>"
    )
    fast.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=len(fast),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=length,
            bos_token_id=0,
            eos_token_id=1,
        )
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Kind:
    """A text backend to test.

    Attributes
    ----------
    make : callable
        Returns a new backend for the tiny model in a folder.
    needs : tuple of str
        Packages that it needs.
    rate : float
        A learning rate at which it learns in few steps.
    """

    make: Callable[[Path], TextBackend]
    needs: tuple[str, ...] = ()
    rate: float = 3e-3


def huggingface(folder: Path, **model: Any) -> TextBackend:
    from tabwidget.backends.huggingface import HFBackend

    return HFBackend(ModelConfig(model=str(folder), **model))


def mlx(folder: Path, **model: Any) -> TextBackend:
    from tabwidget.backends.mlx import MLXBackend

    return MLXBackend(ModelConfig(model=str(folder), **model))


def minilm_text(folder: Path, **model: Any) -> TextBackend:
    from tabwidget.backends.minilm_text.backend import MiniLMTextBackend

    return MiniLMTextBackend(ModelConfig(width=32, dropout=0.0, **model))


KINDS = {
    "huggingface": Kind(huggingface, ("transformers", "peft")),
    "mlx": Kind(mlx, ("mlx", "mlx_lm")),
    "minilm-text": Kind(minilm_text),
}


def new_backend(kind: str, folder: Path) -> TextBackend:
    """Return a new backend; skip the test if a package is missing."""
    for package in KINDS[kind].needs:
        pytest.importorskip(package)
    return KINDS[kind].make(folder)


def toy(n: int = 60) -> Table:
    """Return letters, numbers that depend on them, coins and days, with missing cells."""
    rng = np.random.default_rng(0)
    letter = rng.choice(list("ab"), n)
    number = np.where(letter == "a", 0.0, 10.0) + rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "letter": letter,
            "number": number.round(1),
            "coin": rng.random(n) < 0.5,
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 90, n), "D"),
        }
    )
    frame.loc[::7, "number"] = np.nan
    return Table(frame, "toy")


def request_of(
    *,
    table: Table | None = None,
    targets: tuple[str, ...] = (),
    serializer: Serializer | None = None,
    seed: int = 0,
    resume: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    emit: Callable[[Event], None] = lambda event: None,
    **training: Any,
) -> FitRequest:
    """Return a short fit of a table."""
    settings = {"max_steps": 4, "learning_rate": 3e-3, "warmup_steps": 1, "batch_size": 8}
    config = TrainingConfig(**{**settings, **training})
    config.validate()
    return FitRequest(
        table or toy(),
        targets,
        config,
        serializer or JSONSerializer(),
        seed,
        resume,
        emit,
        stopped,
    )


def fit(backend: TextBackend, **request: Any) -> list[Event]:
    """Fit a backend, see `request_of`, and return the events."""
    events: list[Event] = []
    backend.fit(request_of(**{"emit": events.append, **request}))
    return events


def rows_of(table: Table) -> Floats:
    """Return a table's rows as numbers."""
    return table.schema.rows(table.frame)


def weights_of(backend: TextBackend) -> dict[str, Any]:
    """Return the trained weights."""
    return backend.state()[1]


def scoring_model_of(backend: TextBackend) -> ScoringModel:
    """Return the backend's scoring model."""
    assert backend._scorer is not None
    return backend._scorer


def tokens_of(backend: TextBackend) -> RowTokens:
    """Return the backend's encoding of rows."""
    return backend._fitted_answers().tokens

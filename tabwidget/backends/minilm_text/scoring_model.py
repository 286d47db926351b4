"""MiniLMTextScoringModel: a small language model trained from scratch, as a scoring model.

Shapes: P prompts, L tokens of a text, W width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tabwidget._typing import Bools, Ints
from tabwidget.backends.minilm_text.tokenizer import TableTokens
from tabwidget.backends.text.torch_scoring_model import TorchScoringModel
from tabwidget.errors import ConfigError
from tabwidget.minilm.encoder import Encoder
from tabwidget.minilm.model import LanguageModel
from tabwidget.minilm.tokenizer import Tokenizer
from tabwidget.minilm.transformer import KeyValueCache

__all__ = ["MiniLMTextScoringModel"]


class MiniLMTextScoringModel(TorchScoringModel):
    """A `tabwidget.minilm.LanguageModel` as text backends use it, on the CPU.

    Parameters
    ----------
    model : LanguageModel
        Its tokenizer must have the level "byte".
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self.tokenizer = TableTokens(model.tokenizer)
        self.vocab_size, self.max_length = model.encoder.vocab_size, model.encoder.max_seq_length
        self.n_parameters = sum(weight.numel() for weight in model.parameters())
        self.check_tree_attention()

    @classmethod
    def of(
        cls, settings: Mapping[str, Any], tokenizer: Tokenizer, seed: int
    ) -> MiniLMTextScoringModel:
        """Return an untrained model; `settings` are the arguments of `Encoder`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(LanguageModel(Encoder(**settings), tokenizer))

    def logits_at(
        self, ids: Tensor, at: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the next-token logits, shape (n, V), at indices into the flattened `ids`.

        Parameters
        ----------
        ids : int Tensor of shape (n_rows, longest)
            Texts, padded with zeros on the right.
        at : int Tensor of shape (n,)
            Indices into the flattened `ids`.
        generator : torch.Generator, optional
            Random state of the dropout in training.
        """
        # Attention is causal, so padding on the right needs no mask.
        hidden = self._hidden(ids, torch.arange(ids.shape[1]), generator=generator)
        return self._logits(hidden.flatten(0, 1)[at])

    def _hidden_states(
        self, ids: Ints, positions: Ints, mask: Bools, past: Any, read: Ints
    ) -> tuple[Tensor, Any]:
        past = KeyValueCache(ids.shape[1]) if past is None else past
        with self.evaluating():
            by_head = self._tensor(mask)[:, None]
            states = self._hidden(self._tensor(ids), self._tensor(positions), by_head, past)
        return states[torch.arange(len(read))[:, None], self._tensor(read)], past

    def _drop_last(self, past: Any, n: int) -> Any:
        past.length -= n
        return past

    def _hidden(
        self,
        ids: Tensor,
        positions: Tensor,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        encoder = self.model.encoder
        longest = int(positions.max()) + 1
        if longest > encoder.max_seq_length:
            raise ConfigError(
                f"a row with its answer has {longest} tokens or more, and the model accepts at "
                f"most {encoder.max_seq_length}: shorten its values, or fit the model with them"
            )
        x = encoder.token_embedding(ids) + encoder.position_embedding(positions)
        hidden: Tensor = encoder.transformer(x, mask, cache, generator)
        return hidden

    def _logits(self, hidden: Tensor) -> Tensor:
        return functional.linear(hidden, self.model.encoder.token_embedding.weight, self.model.bias)

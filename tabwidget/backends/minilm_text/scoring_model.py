"""MiniLMTextScoringModel: a small language model trained from scratch, as a scoring model."""

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
    """Runs a `tabwidget.minilm.LanguageModel` for `tabwidget.backends.text`, on the CPU.

    Parameters
    ----------
    model : LanguageModel
        Its tokenizer is one of bytes.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self.tokenizer = TableTokens(model.tokenizer)
        self.vocabulary, self.most_length = model.encoder.vocab_size, model.encoder.max_seq_length
        self.n_parameters = sum(weight.numel() for weight in model.parameters())
        self.try_out()

    @classmethod
    def of(
        cls, shape: Mapping[str, Any], tokenizer: Tokenizer, seed: int
    ) -> MiniLMTextScoringModel:
        """Return the model of a new model: `shape` as ``Encoder.config`` has it."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(LanguageModel(Encoder(**shape), tokenizer))

    def logits_at(
        self, ids: Tensor, at: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the logits of what follows some places of a batch, given flat; no others.

        Parameters
        ----------
        ids : int Tensor of shape (n_rows, longest)
            Texts, zeros after their end.
        at : int Tensor of shape (n,)
            Places in the flattened `ids`.
        generator : torch.Generator, optional
            Source of chance of the dropout in training.
        """
        # What stands after the end of a text is not seen from before it: no mask is needed.
        hidden = self._hidden(ids, torch.arange(ids.shape[1]), generator=generator)
        return self._logits(hidden.flatten(0, 1)[at])

    def _states(
        self, ids: Ints, positions: Ints, seen: Bools, past: Any, read: Ints
    ) -> tuple[Tensor, Any]:
        past = KeyValueCache(ids.shape[1]) if past is None else past
        with self.computing():
            mask = self._tensor(seen)[:, None]
            states = self._hidden(self._tensor(ids), self._tensor(positions), mask, past)
        return states[torch.arange(len(read))[:, None], self._tensor(read)], past

    def _cropped(self, past: Any, n: int) -> Any:
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
                f"a row with its answer has {longest} tokens or more, and the model reads "
                f"{encoder.max_seq_length} at most: shorten its values, or fit anew with them"
            )
        x = encoder.token_embedding(ids) + encoder.position_embedding(positions)
        hidden: Tensor = encoder.transformer(x, mask, cache, generator)
        return hidden

    def _logits(self, hidden: Tensor) -> Tensor:
        return functional.linear(hidden, self.model.encoder.token_embedding.weight, self.model.bias)

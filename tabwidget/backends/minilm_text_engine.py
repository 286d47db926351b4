"""MiniLMTextEngine: a small language model from scratch that scores tries over cached prompts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tabwidget.backends.minilm_text_tokens import TableTokens
from tabwidget.errors import ConfigError
from tabwidget.minilm.encoder import Encoder, KeyValueCache
from tabwidget.minilm.model import LanguageModel
from tabwidget.minilm.tokenizer import Tokenizer
from tabwidget.textlm.engine import Bools, Floats, Ints, TextEngine

__all__ = ["MiniLMTextEngine"]


class MiniLMTextEngine(TextEngine):
    """Runs a `tabwidget.minilm.LanguageModel` for `tabwidget.textlm`, on the CPU.

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
    def of(cls, shape: Mapping[str, Any], tokenizer: Tokenizer, seed: int) -> MiniLMTextEngine:
        """Return the engine of a new model: `shape` as ``Encoder.config`` has it."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(LanguageModel(Encoder(**shape), tokenizer))

    def told(self, ids: Ints, at: Ints, tokens: Ints) -> Floats:
        """Return the log-probability of some tokens, each after a place in plain texts."""
        with self._computing():
            logits = self.logits_at(_tensor(ids), _tensor(at))
            found = logits.log_softmax(1).gather(1, _tensor(tokens)[:, None])[:, 0]
        return found.double().numpy()

    def trained(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of the weights, all of which are trained."""
        return {name: w.detach().numpy().copy() for name, w in self.model.named_parameters()}

    def take(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Put weights, as `trained` returns them, into the model."""
        own = dict(self.model.named_parameters())
        for name, array in weights.items():
            if name not in own or tuple(own[name].shape) != array.shape:
                raise ConfigError(
                    f"the saved weights do not fit the model ({name}, …): give those that were "
                    "saved with it"
                )
        with torch.no_grad():
            for name, array in weights.items():
                own[name].copy_(torch.from_numpy(array))

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
        with self._computing():
            mask = _tensor(seen)[:, None]
            states = self._hidden(_tensor(ids), _tensor(positions), mask, past)
        return states[torch.arange(len(read))[:, None], _tensor(read)], past

    def _cropped(self, past: Any, n: int) -> Any:
        past.length -= n
        return past

    def _read(self, states: Tensor, places: Ints, tokens: Ints) -> Floats:
        with self._computing():
            logits = self._logits(states)
        at = _tensor(places)
        told = logits[:, at, _tensor(tokens)] - logits.logsumexp(dim=2)[:, at]
        return told.double().numpy()

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

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        """Compute answers: no gradients, no dropout."""
        self.model.eval()
        with torch.no_grad():
            yield


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))

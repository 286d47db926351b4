"""TorchScoringModel: base of the scoring models that compute with torch.

Shapes: P prompts, W width, V vocabulary.
"""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tabwidget._typing import Floats, Ints
from tabwidget.backends.text.scoring_model import ScoringModel, check_weights

__all__ = ["TorchScoringModel"]


class TorchScoringModel(ScoringModel):
    """A scoring model around a torch module; weights that require gradients are trained.

    Attributes
    ----------
    model : Module
        The module on its device.
    device : torch.device
        Its device.
    dtype : torch.dtype
        What it computes in; its weights may have another dtype.
    """

    model: Any
    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32

    @abstractmethod
    def logits_at(self, ids: Tensor, at: Tensor) -> Tensor:
        """Return the next-token logits, shape (n, V), at indices into the flattened `ids`."""

    @abstractmethod
    def _logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of hidden states: shape (..., W) to (..., V)."""

    def token_log_probabilities(self, ids: Ints, at: Ints, tokens: Ints) -> Floats:
        """Return the log-probability of each token after a position in plain texts."""
        with self.evaluating():
            logits = self.logits_at(self._tensor(ids), self._tensor(at)).float()
            found = logits.log_softmax(1).gather(1, self._tensor(tokens)[:, None])[:, 0]
        return found.double().cpu().numpy()

    def trained_weights(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of the weights that are trained."""
        return {name: w.detach().float().cpu().numpy().copy() for name, w in self._trained()}

    def load_weights(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Load weights that `trained_weights` returned."""
        own = dict(self._trained())
        check_weights({name: tuple(weight.shape) for name, weight in own.items()}, weights)
        with torch.no_grad():
            for name, array in weights.items():
                own[name].copy_(torch.from_numpy(array))

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Compute without gradients and dropout, in the configured precision."""
        self.model.eval()
        mixed = torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)
        with torch.no_grad(), mixed:
            yield

    def _log_probabilities(self, states: Tensor, at: Ints, tokens: Ints) -> Floats:
        # log softmax(z)[token] = z[token] - logsumexp(z), gathered first to save memory.
        with self.evaluating():
            logits = self._logits(states).float()
        index = self._tensor(at)
        chosen = logits[:, index, self._tensor(tokens)]
        return (chosen - logits.logsumexp(dim=2)[:, index]).double().cpu().numpy()

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _trained(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((n, p) for n, p in self.model.named_parameters() if p.requires_grad)

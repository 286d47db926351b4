"""TorchScoringModel: what text models that compute by torch do alike."""

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
    """A text model of a torch model; its weights that require gradients are trained.

    Attributes
    ----------
    model : Module
        On its device.
    device : torch.device
        Where it is.
    dtype : torch.dtype
        What it computes in; its weights may be held in another.
    """

    model: Any
    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32

    @abstractmethod
    def logits_at(self, ids: Tensor, at: Tensor) -> Tensor:
        """Return the logits of what follows some places of a batch, given flat; no others."""

    @abstractmethod
    def _logits(self, hidden: Tensor) -> Tensor:
        """Return the logits that states of the model stand for."""

    def told(self, ids: Ints, at: Ints, tokens: Ints) -> Floats:
        """Return the log-probability of some tokens, each after a place in plain texts."""
        with self.computing():
            logits = self.logits_at(self._tensor(ids), self._tensor(at)).float()
            found = logits.log_softmax(1).gather(1, self._tensor(tokens)[:, None])[:, 0]
        return found.double().cpu().numpy()

    def trained(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of the weights that are trained."""
        return {name: w.detach().float().cpu().numpy().copy() for name, w in self._trained()}

    def take(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Put weights, as `trained` returns them, into the model."""
        own = dict(self._trained())
        check_weights({name: tuple(weight.shape) for name, weight in own.items()}, weights)
        with torch.no_grad():
            for name, array in weights.items():
                own[name].copy_(torch.from_numpy(array))

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """Compute answers: no gradients, no dropout, in the precision asked for."""
        self.model.eval()
        mixed = torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)
        with torch.no_grad(), mixed:
            yield

    def _read(self, states: Tensor, places: Ints, tokens: Ints) -> Floats:
        with self.computing():
            logits = self._logits(states).float()
        at = self._tensor(places)
        told = logits[:, at, self._tensor(tokens)]
        return (told - logits.logsumexp(dim=2)[:, at]).double().cpu().numpy()

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _trained(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((n, p) for n, p in self.model.named_parameters() if p.requires_grad)

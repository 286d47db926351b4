"""MiniLMTextFit: training of a small text model, with all of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from torch.nn.functional import cross_entropy

from tabwidget.backends.base import FitRequest
from tabwidget.backends.fair_lock import FairLock
from tabwidget.backends.minilm_text.scoring_model import MiniLMTextScoringModel
from tabwidget.backends.text import RowTokens
from tabwidget.backends.text.fit import LoopFit
from tabwidget.backends.text.fit_data import Batch
from tabwidget.backends.text.fit_settings import FitDefaults
from tabwidget.minilm.model import LanguageModel
from tabwidget.minilm.optimizer import ema_of, optimizers_of, warm_up

__all__ = ["OPTIMIZERS", "MiniLMTextFit"]

OPTIMIZERS = ("auto", "adamw", "muon")

EMA_DECAY = 0.97  # of the weights, per step


class MiniLMTextFit(LoopFit):
    """A fit by Muon on the blocks' matrices and AdamW on the rest, or by AdamW alone.

    Parameters
    ----------
    request : FitRequest
        The table, the training settings, and where events go.
    scorer : MiniLMTextScoringModel
        The model.
    tokens : RowTokens
        Encodes the rows.
    lock : FairLock
        Held while the model is used.
    """

    # From scratch the loss plateaus before it falls, so evaluations are rare.
    defaults: ClassVar[FitDefaults] = FitDefaults(
        batch_size=32, learning_rate=1e-2, eval_steps=(50, 50)
    )
    scorer: MiniLMTextScoringModel

    def __init__(
        self,
        request: FitRequest,
        scorer: MiniLMTextScoringModel,
        tokens: RowTokens,
        lock: FairLock,
    ) -> None:
        warm_up()
        super().__init__(request, "minilm-text", scorer, tokens, lock)
        self._generator = torch.Generator().manual_seed(request.seed)
        # One rate for both, set at every step: with the cell model's fourfold rate for matrices,
        # these models overfit earlier.
        self._optimizers = optimizers_of(
            scorer.model,
            scorer.model.encoder.transformer,
            learning_rate=self.settings.learning_rate,
            matrix_learning_rate=self.settings.learning_rate,
            weight_decay=request.training.weight_decay,
            muon=request.training.optimizer != "adamw",
        )
        self._ema = ema_of(scorer.model, EMA_DECAY)

    def evaluate(self) -> None:
        """Compute the validation loss of the EMA of the weights; keep the best EMA."""
        scorer, trained = self.scorer, self.scorer.model
        scorer.model = cast(LanguageModel, self._ema.module)
        try:
            super().evaluate()
        finally:
            scorer.model = trained

    def step(self, batches: Sequence[Batch], rate: float) -> float:
        """Take one step on the summed gradients of the batches; return the loss per cell."""
        model, training = self.scorer.model.train(), self.request.training
        total = 0.0
        for batch in batches:
            ids, at, labels, weights = (
                torch.from_numpy(batch[name]) for name in ("ids", "at", "labels", "weights")
            )
            logits = self.scorer.logits_at(ids, at, self._generator)
            losses = cross_entropy(
                logits, labels, reduction="none", label_smoothing=training.label_smoothing
            )
            loss = (losses * weights).sum() / max(float(batch["cells"]), 1e-9) / len(batches)
            loss.backward()
            total += float(loss.detach())
        if norm := self.settings.max_grad_norm:
            torch.nn.utils.clip_grad_norm_(model.parameters(), norm)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()
        self._ema.update_parameters(model)
        return total

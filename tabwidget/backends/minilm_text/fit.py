"""MiniLMTextFit: one fit of a small text model, all of its weights, by steps of our own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch.nn.functional import cross_entropy

from tabwidget.backends.base import FitRequest
from tabwidget.backends.fair_lock import FairLock
from tabwidget.backends.minilm_text.scoring_model import MiniLMTextScoringModel
from tabwidget.backends.text import RowTokens
from tabwidget.backends.text.fit import Batch, LoopFit
from tabwidget.minilm.model import LanguageModel
from tabwidget.minilm.optimizer import ema_of, optimizers_of, warm_up

__all__ = ["OPTIMIZERS", "MiniLMTextFit"]

OPTIMIZERS = ("auto", "adamw", "muon")

LOOK_STEPS = 50  # between two looks at least
AVERAGED = 0.97  # decay of the average of the weights over steps


class MiniLMTextFit(LoopFit):
    """A fit by Muon on the blocks' matrices and AdamW on the rest, or AdamW alone."""

    scorer: MiniLMTextScoringModel
    batch_size = 32
    learning_rate = 1e-2

    def __init__(
        self,
        request: FitRequest,
        scorer: MiniLMTextScoringModel,
        tokens: RowTokens,
        lock: FairLock,
    ) -> None:
        warm_up()
        super().__init__(request, "minilm-text", scorer, tokens, lock)
        # From scratch the loss rests for a while before it falls.
        self.eval_steps = max(self.eval_steps, LOOK_STEPS)
        self._generator = torch.Generator().manual_seed(request.seed)
        # One rate suits both: with four times as much for the matrices, as the cell model has,
        # these models overfit sooner. It is set at every step.
        self._optimizers = optimizers_of(
            scorer.model,
            scorer.model.encoder.transformer,
            learning_rate=self.highest_rate,
            matrix_learning_rate=self.highest_rate,
            weight_decay=request.training.weight_decay,
            muon=request.training.optimizer != "adamw",
        )
        self._average = ema_of(scorer.model, AVERAGED)

    def evaluate(self) -> None:
        """Take the loss of the validation rows by the averaged weights; keep the best of these."""
        scorer, trained = self.scorer, self.scorer.model
        scorer.model = cast(LanguageModel, self._average.module)
        try:
            super().evaluate()
        finally:
            scorer.model = trained

    def step(self, batches: Sequence[Batch], rate: float) -> float:
        """Do one step, the gradients of the batches added up; return the loss in nats a cell."""
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
        if self.max_grad_norm:
            torch.nn.utils.clip_grad_norm_(model.parameters(), self.max_grad_norm)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()
        self._average.update_parameters(model)
        return total

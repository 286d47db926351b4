"""MLXFit: one fit of a model of mlx-lm."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optimizers
import numpy as np
from mlx.utils import tree_map

from tabwidget.backends.base import FitRequest
from tabwidget.backends.fair_lock import FairLock
from tabwidget.backends.mlx.rng import preserved_rng
from tabwidget.backends.mlx.scoring_model import MLXScoringModel
from tabwidget.backends.text import RowTokens
from tabwidget.backends.text.fit import Batch, LoopFit

__all__ = ["OPTIMIZERS", "MLXFit"]

OPTIMIZERS: dict[str, Callable[[float, float], optimizers.Optimizer]] = {
    "auto": lambda rate, decay: OPTIMIZERS["adamw"](rate, decay),
    "adamw": lambda rate, decay: optimizers.AdamW(rate, weight_decay=decay, bias_correction=True),
    "adafactor": lambda rate, decay: optimizers.Adafactor(
        rate, weight_decay=decay, scale_parameter=False, relative_step=False
    ),
    "lion": lambda rate, decay: optimizers.Lion(rate, weight_decay=decay),
    "sgd": lambda rate, decay: optimizers.SGD(rate, weight_decay=decay),
}


class MLXFit(LoopFit):
    """A fit of a model of mlx-lm.

    Parameters
    ----------
    request : FitRequest
        What to learn, and whom to tell.
    scorer : MLXScoringModel
        The model; the weights that are not frozen are trained.
    tokens : RowTokens
        Writes the rows.
    lock : FairLock
        Whose turn it is with the model.
    """

    scorer: MLXScoringModel

    def __init__(
        self, request: FitRequest, scorer: MLXScoringModel, tokens: RowTokens, lock: FairLock
    ) -> None:
        super().__init__(request, "mlx", scorer, tokens, lock, adapters=scorer.adapters)
        training = request.training
        make = OPTIMIZERS.get(training.optimizer, OPTIMIZERS["auto"])
        # Biases and the scales of norms do not decay.
        self.optimizer = optimizers.MultiOptimizer(
            [make(self.highest_rate, training.weight_decay), make(self.highest_rate, 0.0)],
            [lambda name, weight: weight.ndim > 1],
        )
        self._gradients = nn.value_and_grad(scorer.model, self._loss)

    def step(self, batches: Sequence[Batch], rate: float) -> float:
        """Do one step, the gradients of the batches added up; return the loss in nats a cell."""
        training, model = self.request.training, self.scorer.model
        cells = max(sum(float(batch["cells"]) for batch in batches), 1e-9)
        seed = (self.request.seed, self.log.n_steps)
        total, gradients = mx.array(0.0), None
        with contextlib.ExitStack() as around:
            around.enter_context(self.scorer.computing())
            around.enter_context(preserved_rng(*seed))
            if training.gradient_checkpointing:
                around.enter_context(_activations_twice(model, seed))
            model.train()
            around.callback(model.eval)
            for batch in batches:
                names = ("ids", "at", "labels", "weights")
                loss, found = self._gradients(*(mx.array(batch[name]) for name in names), cells)
                total = total + loss
                gradients = found if gradients is None else tree_map(mx.add, gradients, found)
                mx.eval(total, gradients)
            if self.max_grad_norm:
                gradients, _ = optimizers.clip_grad_norm(gradients, self.max_grad_norm)
            self.optimizer.learning_rate = rate
            self.optimizer.update(model, gradients)
            mx.eval(model.trainable_parameters(), self.optimizer.state)
            # Batches are of many sizes: what they left behind fits few others.
            mx.clear_cache()
            return float(np.array(total))

    def _loss(
        self, ids: mx.array, at: mx.array, labels: mx.array, weights: mx.array, cells: float
    ) -> mx.array:
        logits = self.scorer.logits_at(ids, at).astype(mx.float32)
        smoothing = self.request.training.label_smoothing
        losses = nn.losses.cross_entropy(logits, labels, label_smoothing=smoothing)
        return (losses * weights).sum() / cells


@contextlib.contextmanager
def _activations_twice(model: Any, seed: tuple[int, ...]) -> Iterator[None]:
    """Compute the activations of layers again in the backward pass, in place of keeping them."""
    # mlx-lm does so too, but for good, and drops others the second time.
    calls = {kind: kind.__call__ for kind in {type(layer) for layer in model.layers}}
    count = itertools.count()

    def twice(kind: type) -> Callable[..., Any]:
        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            number = next(count)

            def inner(weights: Any, *args: Any, **kwargs: Any) -> Any:
                layer.update(weights)
                with preserved_rng(*seed, number):
                    return calls[kind](layer, *args, **kwargs)

            return mx.checkpoint(inner)(layer.trainable_parameters(), *args, **kwargs)

        return call

    for kind in calls:
        kind.__call__ = twice(kind)
    try:
        yield
    finally:
        for kind, call in calls.items():
            kind.__call__ = call

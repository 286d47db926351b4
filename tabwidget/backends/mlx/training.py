"""MLXFit: training of a model of mlx-lm."""

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
from tabwidget.backends.text.fit import LoopFit
from tabwidget.backends.text.fit_data import Batch

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
    """A fit of a model of mlx-lm, by an optimizer of MLX.

    Parameters
    ----------
    request : FitRequest
        The table, the training settings, and where events go.
    scorer : MLXScoringModel
        The model; weights that are not frozen are trained.
    tokens : RowTokens
        Encodes the rows.
    lock : FairLock
        Held while the model is used.
    """

    scorer: MLXScoringModel

    def __init__(
        self, request: FitRequest, scorer: MLXScoringModel, tokens: RowTokens, lock: FairLock
    ) -> None:
        super().__init__(request, "mlx", scorer, tokens, lock, adapters=scorer.adapters)
        training, rate = request.training, self.settings.learning_rate
        make = OPTIMIZERS.get(training.optimizer, OPTIMIZERS["auto"])
        # No weight decay on biases and norms.
        self.optimizer = optimizers.MultiOptimizer(
            [make(rate, training.weight_decay), make(rate, 0.0)],
            [lambda name, weight: weight.ndim > 1],
        )
        self._gradients = nn.value_and_grad(scorer.model, self._loss)

    def step(self, batches: Sequence[Batch], rate: float) -> float:
        """Take one step on the summed gradients of the batches; return the loss per cell."""
        training, model = self.request.training, self.scorer.model
        cells = max(sum(float(batch["cells"]) for batch in batches), 1e-9)
        seed = (self.request.seed, self.log.n_steps)
        total, gradients = mx.array(0.0), None
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.scorer.evaluating())
            stack.enter_context(preserved_rng(*seed))
            if training.gradient_checkpointing:
                stack.enter_context(_checkpointing(model, seed))
            model.train()
            stack.callback(model.eval)
            for batch in batches:
                names = ("ids", "at", "labels", "weights")
                loss, found = self._gradients(*(mx.array(batch[name]) for name in names), cells)
                total = total + loss
                gradients = found if gradients is None else tree_map(mx.add, gradients, found)
                mx.eval(total, gradients)
            if norm := self.settings.max_grad_norm:
                gradients, _ = optimizers.clip_grad_norm(gradients, norm)
            self.optimizer.learning_rate = rate
            self.optimizer.update(model, gradients)
            mx.eval(model.trainable_parameters(), self.optimizer.state)
            # Batches vary in size, and cached buffers of one rarely fit another.
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
def _checkpointing(model: Any, seed: tuple[int, ...]) -> Iterator[None]:
    """Recompute the activations of layers in the backward pass instead of keeping them."""
    # mlx-lm's own patch is permanent, and draws other dropout masks the second time.
    calls = {kind: kind.__call__ for kind in {type(layer) for layer in model.layers}}
    count = itertools.count()

    def checkpointed(kind: type) -> Callable[..., Any]:
        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            number = next(count)

            def inner(weights: Any, *args: Any, **kwargs: Any) -> Any:
                layer.update(weights)
                with preserved_rng(*seed, number):
                    return calls[kind](layer, *args, **kwargs)

            return mx.checkpoint(inner)(layer.trainable_parameters(), *args, **kwargs)

        return call

    for kind in calls:
        kind.__call__ = checkpointed(kind)
    try:
        yield
    finally:
        for kind, call in calls.items():
            kind.__call__ = call

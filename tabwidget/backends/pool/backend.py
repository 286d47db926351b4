"""PoolBackend: the default backend. The pretrained model answers at once, trained members join it.

``p(target | evidence) = w_1 p_pretrained + w_2 p_network + w_3 p_forest``, with weights per column
and share of known cells; see `tabwidget.backends.pool.weights`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from tabwidget._typing import Floats
from tabwidget.backends.base import FitRequest, Prediction, arrays_below
from tabwidget.backends.chain import chain_rule
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.minilm import MiniLMBackend
from tabwidget.backends.pool.forest import TREES_PER_STEP
from tabwidget.backends.pool.forests import Forests
from tabwidget.backends.pool.validation import N_MEMBERS, PoolValidation
from tabwidget.backends.pool.weights import PoolWeights
from tabwidget.backends.pretrained import PretrainedBackend
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError
from tabwidget.events import Event, FitEnd, FitStart, Phase, PhaseReport
from tabwidget.serializers.base import Serializer
from tabwidget.table import Column, Table

__all__ = ["PoolBackend"]

MEASURED_SHARE = 0.3  # of the time of a fit, at most, for the pretrained model's validation
WEIGHING_SHARE = 0.1  # of a time limit, for the weights at the end
FOREST_SHARE = 0.5  # of a time limit, for the forests of a table of thousands of rows
N_TREES = 60
STEPS_PER_TREE = 10  # where the number of steps is limited
STEPS_PER_MEASURED = 2
MAX_MEASURED = 48  # columns and folds, where there is no time limit
WEIGHING_FACTOR = 2.0  # growth of the time between two choices of weights


class PoolBackend:
    """The pretrained in-context model, the fitted network and forests, pooled per column.

    Parameters
    ----------
    model_config : ModelConfig, optional
        Size of the fitted network.

    Examples
    --------
    >>> backend = PoolBackend()
    >>> backend.name, backend.ready, backend.trained
    ('auto', False, False)
    """

    name = "auto"

    def __init__(self, model_config: ModelConfig | None = None) -> None:
        self._model_config = model_config or ModelConfig()
        self.pretrained = PretrainedBackend()
        self.network = MiniLMBackend(self._model_config)
        self.forests: Forests | None = None
        # Replaced as wholes, never changed: predictions need no lock.
        self._weights = PoolWeights.of_first(0, N_MEMBERS)
        self._gains: dict[int, float] = {}

    @property
    def model_config(self) -> ModelConfig:
        """Size of the fitted network."""
        return self._model_config

    @model_config.setter
    def model_config(self, config: ModelConfig) -> None:
        self._model_config = self.network.model_config = config

    @property
    def ready(self) -> bool:
        """Whether there are rows to answer from; True from the first moment of `fit` on."""
        return self.pretrained.ready

    @property
    def trained(self) -> bool:
        """Whether the fitted network counts."""
        return self.network.ready and bool(self._gains)

    @property
    def gains(self) -> dict[int, float]:
        """Nats per validation cell that training added, by number of the target column."""
        return dict(self._gains)

    def fit(self, request: FitRequest) -> None:
        """Take the table's rows as context, then train the network while questions are answered.

        The pretrained model is measured on validation rows between training steps, for 30 %
        of the time at most. ``max_seconds=0`` trains nothing.
        """
        resume = request.resume and self.network.ready
        if not resume:
            self.network, self.forests = MiniLMBackend(self._model_config), None
            self._set(PoolWeights.of_first(len(request.table.schema.inputs), N_MEMBERS), {})
        if request.training.max_seconds == 0:
            self.pretrained.fit(replace(request, emit=_renamed(request.emit, self.name)))
            return
        self.pretrained.take(request)
        _PoolFit(self, replace(request, resume=resume)).run()

    def size(self, table: Table, serializer: Serializer, training: TrainingConfig) -> ModelSize:
        """Return the size of the network that a fit would train."""
        return self.network.size(table, serializer, training)

    def predict(
        self, contexts: Floats, targets: Sequence[int] | NDArray[np.int64], orders: int = 2
    ) -> Prediction:
        """Return the distribution of column ``targets[i]`` given row i of `contexts`."""
        return self._pooled(
            contexts,
            np.asarray(targets, dtype=np.int64),
            self.pretrained.predict,
            self.network.predict,
            orders=orders,
        )

    def predict_out_of_sample(
        self, contexts: Floats, targets: Sequence[int] | NDArray[np.int64]
    ) -> Prediction:
        """Return what `predict` does, each row of the table from a context that lacks it."""
        return self._pooled(
            contexts,
            np.asarray(targets, dtype=np.int64),
            self.pretrained.predict_out_of_sample,
            self.network.predict_out_of_sample,
            out_of_sample=True,
        )

    def validation_predictions(self, rows: Floats, target: int) -> tuple[NDArray[np.int64], Floats]:
        """Return predictions of rows that no member has seen."""
        if not self.trained or not self.network.validation_rows:
            return self.pretrained.validation_predictions(rows, target)
        numbers, by_network = self.network.validation_predictions(rows, target)
        distinct, at = np.unique(numbers, return_inverse=True)
        by_pretrained = self.pretrained.predictions_without(distinct, rows[distinct], target)[at]
        targets, size = np.full(len(numbers), target), by_pretrained.shape[1]
        weights = self._member_weights(rows[numbers], targets)
        found = weights[:, :1] * by_pretrained + weights[:, 1:2] * by_network[:, :size]
        if weights[:, 2].any() and self.forests is not None:
            by_forest = self.forests.predict(rows[numbers], targets, out_of_sample=True)
            found += weights[:, 2:] * by_forest.probabilities
        return numbers, found

    def without_rows(self) -> MiniLMBackend:
        """Return the fitted network alone, which holds no rows of the table.

        Raises
        ------
        ConfigError
            If nothing was trained.
        """
        if not self.network.ready:
            raise ConfigError(
                "without training, the table's rows are all that this model knows: train it, or "
                "save it with its rows"
            )
        return self.network

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the fitted state: JSON content, and arrays by name."""
        content, arrays = {}, dict[str, NDArray[Any]]()
        for member in (self.pretrained, self.network):
            if member.ready:
                content[member.name], own = member.state()
                arrays |= {f"{member.name}.{name}": array for name, array in own.items()}
        if self.forests is not None:
            own = self.forests.state()
            arrays |= {f"forests.{name}": array for name, array in own.items()}
        arrays["pool.weights"] = self._weights.at
        content["gains"] = {str(target): gain for target, gain in self._gains.items()}
        return content, arrays

    def restore(
        self,
        columns: Sequence[Column],
        content: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Restore what `state` returned for these columns."""
        for member in (self.pretrained, self.network):
            if member.name in content:
                member.restore(
                    columns, content[member.name], arrays_below(f"{member.name}.", arrays)
                )
        self.forests = Forests(self.pretrained.context)
        self.forests.restore(arrays_below("forests.", arrays))
        gains = {int(target): gain for target, gain in content["gains"].items()}
        self._set(PoolWeights(np.asarray(arrays["pool.weights"])), gains)

    def grow(self, columns: Sequence[Column]) -> None:
        """Extend the support of the columns: new levels after the old ones, numbers anywhere."""
        for member in (self.pretrained, self.network):
            if member.ready:
                member.grow(columns)
        self.forests = None

    def chain(self, rows: Floats) -> Floats:
        """Return each cell's log-probability given the cells read before it in its row."""
        context = self.pretrained.context
        return chain_rule(rows, context.columns, context.seed, self.predict_out_of_sample)

    def _set(self, weights: PoolWeights, gains: dict[int, float]) -> None:
        self._weights, self._gains = weights, gains

    def _known_shares(self, rows: Floats, targets: NDArray[np.int64]) -> Floats:
        """Return the share of the other columns that each row knows."""
        columns = self.pretrained.context.columns
        starts = np.cumsum([0, *(column.width for column in columns[:-1])])
        known = np.isfinite(rows[:, starts])
        known[np.arange(len(rows)), targets] = False
        shares: Floats = known.sum(1) / max(1, len(columns) - 1)
        return shares

    def _member_weights(self, rows: Floats, targets: NDArray[np.int64]) -> Floats:
        """Return the weights of the members that can answer, shape ``(n, N_MEMBERS)``."""
        weights = self._weights.of(targets, self._known_shares(rows, targets))
        forests = self.forests
        available = np.ones(weights.shape, dtype=bool)
        available[:, 1] = self.network.ready
        available[:, 2] = forests is not None and np.array([t in forests for t in targets])
        weights = np.where(available, weights, 0.0)
        total = weights.sum(1, keepdims=True)
        first = np.arange(N_MEMBERS) == 0
        return np.where(total > 0, weights / np.where(total > 0, total, 1.0), first)

    def _pooled(
        self,
        rows: Floats,
        targets: NDArray[np.int64],
        by_pretrained: Callable[..., Prediction],
        by_network: Callable[..., Prediction],
        *,
        out_of_sample: bool = False,
        **options: int,
    ) -> Prediction:
        """Return the mixture of the members' predictions; members without weight are not asked."""
        weights, forests = self._member_weights(rows, targets), self.forests
        sizes = [len(self.pretrained.context.columns[t].support) for t in np.unique(targets)]
        largest = max(sizes, default=0)
        found = np.zeros((N_MEMBERS, len(rows), largest))
        spread = np.zeros((N_MEMBERS, len(rows)))
        for number, predict in enumerate((by_pretrained, by_network, None)):
            asked = np.flatnonzero(weights[:, number] > 0)
            if not len(asked):
                continue
            if predict is not None:
                prediction = predict(rows[asked], targets[asked], **options)
            else:
                assert forests is not None
                prediction = forests.predict(
                    rows[asked], targets[asked], out_of_sample=out_of_sample
                )
            size = min(largest, prediction.probabilities.shape[1])
            found[number, asked, :size] = prediction.probabilities[:, :size]
            spread[number, asked] = prediction.spread
        mean = np.einsum("nm,mns->ns", weights, found)
        between = np.abs(found - mean).sum(2) / 2
        return Prediction(mean, np.einsum("nm,mn->n", weights, np.maximum(spread, between)))


class _PoolFit:
    """One fit: trains the network, and between its steps measures and weighs the members."""

    def __init__(self, backend: PoolBackend, request: FitRequest) -> None:
        self.backend, self.request = backend, request
        self.limit = request.training.max_seconds
        self.forests = Forests(backend.pretrained.context)
        self.validation: PoolValidation | None = None
        self._next_weighing = 1.0
        self._weighing_seconds: float | None = None
        self._end: FitEnd | None = None
        self._ended_at = 0.0

    def run(self) -> None:
        """Train to the end, and choose the final weights."""
        training = self.request.training
        if self.limit is not None:
            training = clone(training)
            reserved = WEIGHING_SHARE + FOREST_SHARE * self.forests.worthwhile
            training.max_seconds = (1 - reserved) * self.limit
        try:
            self.backend.network.fit(replace(self.request, training=training, emit=self._receive))
        finally:
            if self.validation is not None and self.backend.network.ready:
                self._finish(self.validation)
            if self._end is not None:
                self.request.emit(replace(self._end, seconds=self._seconds))
        if not self.backend.network.ready and not self.request.stopped():
            raise ConfigError(
                "training diverged: no loss was finite; lower the learning_rate. The answers are "
                "those of the pretrained model"
            )

    def _receive(self, event: Event) -> None:
        if isinstance(event, FitEnd):
            # The fit of the network ends, and this one goes on.
            self._end, self._ended_at = event, time.perf_counter()
            return
        if isinstance(event, FitStart):
            event = replace(event, backend=self.backend.name, budget_seconds=self.limit)
        self.request.emit(event)
        if isinstance(event, PhaseReport):
            return
        if self.validation is None:
            self.validation = PoolValidation(
                self.request.table,
                self.request.targets,
                self.backend.pretrained,
                self.backend.network,
                self.request.seed,
            )
        if self.limit is None:
            return
        if self.validation.seconds < MEASURED_SHARE * event.seconds:
            self.validation.measure()
        if self.backend.network.ready and event.seconds >= self._next_weighing:
            self._next_weighing = WEIGHING_FACTOR * event.seconds
            self._weigh(self.validation)

    @property
    def _seconds(self) -> float:
        """Seconds since the fit of the network began, after its end."""
        before = 0.0 if self._end is None else self._end.seconds
        return before + time.perf_counter() - self._ended_at

    def _enter(self, phase: Phase, seconds_left: float | None) -> None:
        self.request.emit(PhaseReport(self._seconds, phase, seconds_left))

    def _finish(self, validation: PoolValidation) -> None:
        """Grow the forests, measure what is left without a time limit, and choose the weights."""
        steps = self.request.training.max_steps
        if self.forests.worthwhile and not self.request.stopped():
            self._grow_forests(N_TREES if steps is None else min(N_TREES, steps // STEPS_PER_TREE))
        # The number of measured columns must not depend on the machine's speed.
        most = MAX_MEASURED if steps is None else min(MAX_MEASURED, -(-steps // STEPS_PER_MEASURED))
        left = most if self.limit is None else 0
        while left and not self.request.stopped() and validation.measure():
            left -= 1
        self._enter("weighing", self._weighing_seconds)
        began = time.perf_counter()

        def weighed(done: int, total: int) -> None:
            if done:
                used = time.perf_counter() - began
                self._enter("weighing", used * (total / done - 1))

        self._weigh(validation, weighed)

    def _grow_forests(self, n_trees: int) -> None:
        if n_trees < TREES_PER_STEP:
            return
        names = self.request.table.schema.targets
        first = [i for i, name in enumerate(names) if name in self.request.targets]
        order = [*first, *(i for i in range(len(names)) if i not in first)]
        seconds = math.inf if self.limit is None else FOREST_SHARE * self.limit / len(order)
        self._enter("forests", None if self.limit is None else FOREST_SHARE * self.limit)
        began = time.perf_counter()
        for done, target in enumerate(order):
            late = time.perf_counter() - began > max(1, done) * seconds + seconds
            if self.request.stopped() or late:
                break
            self.forests.grow(target, max_trees=n_trees, seconds=seconds)
            used = time.perf_counter() - began
            self._enter("forests", used * (len(order) / (done + 1) - 1))
        self.backend.forests = self.forests

    def _weigh(
        self, validation: PoolValidation, done: Callable[[int, int], None] | None = None
    ) -> None:
        began = time.perf_counter()
        self.backend._set(*validation.weights(self.forests, done))
        self._weighing_seconds = time.perf_counter() - began


def _renamed(emit: Callable[[Event], None], name: str) -> Callable[[Event], None]:
    """Return a callable that emits the start of a fit under another backend's name."""
    return lambda event: emit(
        replace(event, backend=name) if isinstance(event, FitStart) else event
    )

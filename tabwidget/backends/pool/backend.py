"""PoolBackend: the default backend. The pretrained model answers at once; the fitted network joins.

``p(target | evidence) = w_1 p_pretrained + w_2 p_network``, with weights per column and share of
known cells; see `tabwidget.backends.pool.weights`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from tabwidget._typing import Floats
from tabwidget.backends.base import FitRequest, Prediction
from tabwidget.backends.chain import chain_rule
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.minilm import MiniLMBackend
from tabwidget.backends.pool.validation import PoolValidation
from tabwidget.backends.pool.weights import PoolWeights
from tabwidget.backends.pretrained import PretrainedBackend
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError
from tabwidget.events import Event, FitEnd, FitStart
from tabwidget.serializers.base import Serializer
from tabwidget.table import Column, Table

__all__ = ["PoolBackend"]

MEASURED_SHARE = 0.25  # of the time of a fit, at most, for the pretrained model's validation
WEIGHING_SHARE = 0.1  # of a time limit, for the weights at the end
WEIGHING_FACTOR = 2.0  # growth of the time between two choices of weights


class PoolBackend:
    """The pretrained in-context model and the fitted network, pooled per column.

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
        self.pretrained = PretrainedBackend(self._model_config)
        self.network = MiniLMBackend(self._model_config)
        # Replaced as wholes, never changed: predictions need no lock.
        self._weights = PoolWeights.of_first(0, 2)
        self._gains: dict[int, float] = {}

    @property
    def model_config(self) -> ModelConfig:
        """Size of the fitted network."""
        return self._model_config

    @model_config.setter
    def model_config(self, config: ModelConfig) -> None:
        self._model_config = self.pretrained.model_config = self.network.model_config = config

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

        The pretrained model is measured on validation rows between training steps, for a quarter
        of the time at most. ``max_seconds=0`` trains nothing.
        """
        resume = request.resume and self.network.ready
        if not resume:
            self.network = MiniLMBackend(self._model_config)
            self._set(PoolWeights.of_first(len(request.table.schema.inputs), 2), {})
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
            [
                lambda rows, of: self.pretrained.predict(rows, of, orders),
                lambda rows, of: self.network.predict(rows, of, orders),
            ],
        )

    def predict_out_of_sample(
        self, contexts: Floats, targets: Sequence[int] | NDArray[np.int64]
    ) -> Prediction:
        """Return what `predict` does, each row of the table from a context that lacks it."""
        members = (self.pretrained, self.network)
        return self._pooled(
            contexts,
            np.asarray(targets, dtype=np.int64),
            [member.predict_out_of_sample for member in members],
        )

    def validation_predictions(self, rows: Floats, target: int) -> tuple[NDArray[np.int64], Floats]:
        """Return predictions of rows that no member has seen."""
        if not self.trained or not self.network.validation_rows:
            return self.pretrained.validation_predictions(rows, target)
        numbers, by_network = self.network.validation_predictions(rows, target)
        distinct = np.unique(numbers)
        by_pretrained = self.pretrained.predictions_without(distinct, rows[distinct], target)
        by_pretrained = by_pretrained[np.searchsorted(distinct, numbers)]
        known = self._known_shares(rows[numbers], np.full(len(numbers), target))
        weights = self._weights.of(np.full(len(numbers), target), known)
        n = by_pretrained.shape[1]
        return numbers, weights[:, :1] * by_pretrained + weights[:, 1:] * by_network[:, :n]

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
                prefix = f"{member.name}."
                own = {
                    name.removeprefix(prefix): array
                    for name, array in arrays.items()
                    if name.startswith(prefix)
                }
                member.restore(columns, content[member.name], own)
        gains = {int(target): gain for target, gain in content["gains"].items()}
        self._set(PoolWeights(np.asarray(arrays["pool.weights"])), gains)

    def grow(self, columns: Sequence[Column]) -> None:
        """Extend the support of the columns: new levels after the old ones, numbers anywhere."""
        for member in (self.pretrained, self.network):
            if member.ready:
                member.grow(columns)

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

    def _pooled(
        self,
        rows: Floats,
        targets: NDArray[np.int64],
        members: Sequence[Callable[[Floats, NDArray[np.int64]], Prediction]],
    ) -> Prediction:
        """Return the mixture of the members' predictions; members without weight are not asked."""
        weights = self._weights.of(targets, self._known_shares(rows, targets))
        if not self.network.ready:
            weights = np.eye(len(members))[np.zeros(len(rows), dtype=np.int64)]
        largest = max((len(self.pretrained.context.columns[t].support) for t in targets), default=0)
        found = np.zeros((len(members), len(rows), largest))
        spread = np.zeros((len(members), len(rows)))
        for number, predict in enumerate(members):
            asked = np.flatnonzero(weights[:, number] > 0)
            if len(asked):
                prediction = predict(rows[asked], targets[asked])
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
        self.validation: PoolValidation | None = None
        self._next_weighing = 1.0
        self._end: FitEnd | None = None

    def run(self) -> None:
        """Train to the end, and choose the final weights."""
        training, limit = self.request.training, self.request.training.max_seconds
        if limit is not None:
            training = clone(training)
            training.max_seconds = (1 - WEIGHING_SHARE) * limit
        try:
            self.backend.network.fit(replace(self.request, training=training, emit=self._receive))
        finally:
            if self.validation is not None and self.backend.network.ready:
                self._finish(self.validation)
            if self._end is not None:
                self.request.emit(self._end)

    def _receive(self, event: Event) -> None:
        if isinstance(event, FitEnd):
            self._end = event
            return
        if isinstance(event, FitStart):
            limit = self.request.training.max_seconds
            event = replace(event, backend=self.backend.name, budget_seconds=limit)
        self.request.emit(event)
        if self.validation is None:
            self.validation = PoolValidation(
                self.request.table,
                self.request.targets,
                self.backend.pretrained,
                self.backend.network,
                self.request.seed,
            )
        timed = self.request.training.max_seconds is not None
        if timed and self.validation.seconds < MEASURED_SHARE * event.seconds:
            self.validation.measure()
        if timed and self.backend.network.ready and event.seconds >= self._next_weighing:
            self._next_weighing = WEIGHING_FACTOR * event.seconds
            self.backend._set(*self.validation.weights())

    def _finish(self, validation: PoolValidation) -> None:
        """Measure what is left where no time limit counts, and choose the weights."""
        if self.request.training.max_seconds is None:
            while not self.request.stopped() and validation.measure():
                pass
        self.backend._set(*validation.weights())


def _renamed(emit: Callable[[Event], None], name: str) -> Callable[[Event], None]:
    """Return a callable that emits the start of a fit under another backend's name."""
    return lambda event: emit(
        replace(event, backend=name) if isinstance(event, FitStart) else event
    )

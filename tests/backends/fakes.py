"""A backend that counts frequencies: exact, instant and without torch."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabwidget.backends import FitRequest, Prediction
from tabwidget.backends.base import FittedWeights
from tabwidget.backends.cost import ModelSize
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.events import (
    EvalReport,
    Event,
    FitEnd,
    FitStart,
    Reason,
    TrainExamples,
    TrainReport,
)
from tabwidget.serializers.base import Serializer
from tabwidget.table import Column, Table

Floats = NDArray[np.float64]


def _ignore(event: Event) -> None:
    pass


class FakeBackend(FittedWeights):
    """Predicts with conditional frequencies of the table.

    Evidence that no row matches gets the target's marginal. A fit takes `max_steps` steps, three by
    default.
    """

    name = "fake"
    seconds_per_step = 0.0

    def __init__(self, model_config: ModelConfig | None = None) -> None:
        self.seen: list[FitRequest] = []
        self.asked: list[tuple[int, int]] = []  # rows and orders of each call of predict
        self._columns: list[Column] = []
        self._cells = np.empty((0, 0), dtype=np.int64)

    @property
    def ready(self) -> bool:
        return bool(self._columns)

    def size(self, table: Table, serializer: Serializer, training: TrainingConfig) -> ModelSize:
        weights = len(table.schema) * 7
        return ModelSize(weights, weights, weights, 4, 1, 1, 1, 3.0, 8, "cpu")

    def fit(self, request: FitRequest) -> None:
        # Without the callbacks: a backend can be copied, as scikit-learn does.
        self.seen.append(replace(request, emit=_ignore, stopped=bool))
        schema, frame = request.table.schema, request.table.frame
        columns = [schema[name] for name in schema.targets]
        training, n = request.training, len(frame)
        began = time.perf_counter()
        step, losses = 0, dict.fromkeys(schema.targets, 1.0)
        reason: Reason = "steps"
        request.emit(
            FitStart(
                0.0, n, len(columns), n - 1, 1, 7, "fake", training.max_seconds, training.max_steps
            )
        )
        try:
            while step < (training.max_steps or 3):
                time.sleep(self.seconds_per_step)
                step, seconds = step + 1, time.perf_counter() - began
                text = request.serializer.serialize(request.table.row(step % n)).text
                request.emit(TrainExamples(seconds, (text,)))
                request.emit(TrainReport(seconds, step, step, 1 / step, 0.1, 100.0))
                self._cells = np.stack([c.codes(c.numbers(frame[c.name])) for c in columns], 1)
                self._columns = columns
                request.emit(EvalReport(seconds, step, 1 / step, losses, True))
                if training.max_seconds == 0:
                    reason = "budget"
                    break
                if request.stopped():
                    reason = "stopped"
                    break
        finally:
            request.emit(FitEnd(time.perf_counter() - began, step, reason, step, 1 / max(1, step)))

    def predict(
        self, contexts: Floats, targets: Sequence[int] | NDArray[np.int64], orders: int = 1
    ) -> Prediction:
        self.asked.append((len(contexts), orders))
        widest = max(len(column.support) for column in self._columns)
        found = np.zeros((len(contexts), widest))
        for i, (row, target) in enumerate(zip(contexts, targets, strict=True)):
            matching = present = self._cells[:, target] >= 0
            for j in np.flatnonzero(np.isfinite(row)):
                if j != target:
                    cell = self._columns[j].codes(row[[j]])
                    matching = matching & (cell >= 0) & (self._cells[:, j] == cell)
            answers = self._cells[matching if matching.any() else present, target]
            found[i] = np.bincount(answers, minlength=widest) / len(answers)
        return Prediction(found, np.zeros(len(contexts)))

    def validation_predictions(self, rows: Floats, target: int) -> tuple[NDArray[np.int64], Floats]:
        scored = np.flatnonzero(np.isfinite(rows[:, target]))
        return scored, self.predict(rows[scored], [target] * len(scored)).probabilities

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return {"rows": len(self._cells)}, {"cells": self._cells}

    def restore(
        self,
        columns: Sequence[Column],
        content: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        self._columns, self._cells = list(columns), arrays["cells"]

    def grow(self, columns: Sequence[Column]) -> None:
        self._columns = list(columns)

    def chain(self, rows: Floats) -> Floats:
        out = np.zeros(rows.shape)
        for j, column in enumerate(self._columns):
            before = np.where(np.arange(rows.shape[1]) < j, rows, np.nan)
            found = self.predict(before, [j] * len(rows)).probabilities
            cells = column.codes(rows[:, j])
            likely = np.where(cells >= 0, found[np.arange(len(rows)), cells], 0.0)
            with np.errstate(divide="ignore"):
                out[:, j] = np.where(np.isfinite(rows[:, j]), np.log(likely), 0.0)
        return out


class SlowBackend(FakeBackend):
    """A slow fit, to be stopped or queried meanwhile."""

    name = "slow"
    seconds_per_step = 0.002


class ReadingBackend(SlowBackend):
    """Answers from the rows alone, too: a fit of no time trains nothing."""

    name = "reading"

    @property
    def trained(self) -> bool:
        return self.ready and self.seen[-1].training.max_seconds != 0

    @property
    def gains(self) -> dict[int, float]:
        return {0: 0.25, 1: 0.0} if self.trained else {}

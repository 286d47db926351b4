"""Telling: what a run tells as it goes and writes down, and when it has to end."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from tabwidget.textclass.config import TrainSection
from tabwidget.textclass.data import Texts
from tabwidget.textclass.loading import LabelModel
from tabwidget.textclass.metrics import SCORES, metrics_of, selection_score, thresholds_for

__all__ = ["BEST", "Notify", "Teller", "Trained"]

BEST = "best_by"  # the figure that the best state has the highest of

Notify = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Trained:
    """What a run took, and how well it learned; the model has its best weights.

    Attributes
    ----------
    epochs : float
        That were begun, the last of them by its share.
    steps, best_step : int
        Updates of the weights, and how many there were when it was best.
    train_loss, eval_loss : float
        Mean over the run, and on the validation rows at `best_step`.
    train_seconds, eval_seconds : float
        The run without its evaluations, and one evaluation.
    steps_per_second, samples_per_second : float
        Of training.
    reason : str
        Why it ended, as in `tabwidget.events.FitEnd`.
    n_trained : int
        Weights that were trained.
    """

    epochs: float
    steps: int
    best_step: int
    train_loss: float
    eval_loss: float
    train_seconds: float
    eval_seconds: float
    steps_per_second: float
    samples_per_second: float
    reason: str
    n_trained: int


class Teller(TrainerCallback, ExportableState):
    """Tells of a run as it goes, as events and in ``metrics.jsonl``, and ends it in time."""

    def __init__(
        self,
        model: LabelModel,
        config: TrainSection,
        train: Texts,
        validation: Texts,
        folder: Path,
        on_event: Notify | None,
        stop: threading.Event | None,
    ) -> None:
        self.folder, self.n_rows = folder, 0
        self._model, self._config, self._on_event = model, config, on_event
        self._stop = stop
        self._n_train, self._n_validation = len(train), len(validation)
        self._began = time.perf_counter()
        self._evaluating = 0.0  # seconds, of all evaluations
        self._measured: dict[str, Any] = {}
        self._score = 0.0  # which the best state has the highest of
        self._label_losses: dict[str, float] = {}
        self._evaluations: list[dict[str, Any]] = []
        self._losses: list[tuple[float, int]] = []  # mean, and of how many steps
        self._reported = (0, 0, 0.0)  # step, rows, seconds
        self._evaluated_at = 0.0
        self._over_time = self._stopped = False

    def _emit(self, event: dict[str, Any]) -> None:
        if self._on_event is not None:
            # Who is told may wait for one who waits for the model.
            with self._model.lock.released():
                self._on_event(event)

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.perf_counter() - self._began

    @property
    def share_of_time(self) -> float:
        """How much of the time it may take is used."""
        return min(1.0, self.seconds / self._config.max_seconds) if self._config.max_seconds else 0

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        return {
            "args": {},
            "attributes": {
                "before": self.seconds,
                "evaluating": self._evaluating,
                "n_rows": self.n_rows,
                "evaluations": self._evaluations,
                "losses": self._losses,
            },
        }

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell of the start; a run that goes on has its time behind it."""
        if state.global_step:
            held = state.stateful_callbacks[type(self).__name__]["attributes"]
            self._began = time.perf_counter() - held["before"]
            self._evaluating, self.n_rows = held["evaluating"], held["n_rows"]
            self._evaluations = list(held["evaluations"])
            self._losses = [(loss, steps) for loss, steps in held["losses"]]
            self._cut(state.global_step)
        else:
            (self.folder / "metrics.jsonl").unlink(missing_ok=True)
            self._began = time.perf_counter()
        self._reported = (state.global_step, self.n_rows, self.seconds)
        epochs = self._config.num_train_epochs
        self._emit(
            {
                "event": "FitStart",
                "seconds": self.seconds,
                "n_rows": self._n_train + self._n_validation,
                "n_columns": len(self._model.labels.names),
                "n_train": self._n_train,
                "n_validation": self._n_validation,
                "n_parameters": sum(weight.numel() for weight in self._model.model.parameters()),
                "backend": "textclass",
                "budget_seconds": self._config.max_seconds,
                "total_steps": state.max_steps,
                "total_epochs": None if self._config.max_steps else math.ceil(epochs),
            }
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """End the run when its time is over, and let those ask who wait."""
        limit, often = self._config.max_seconds, self._config.eval_seconds
        self._over_time = limit is not None and self.seconds >= limit
        self._stopped = self._stop is not None and self._stop.is_set()
        if self._over_time or self._stopped:
            control.should_training_stop = True
        elif often is not None and self.seconds >= self._evaluated_at + often:
            # What is measured must be kept as well: it may be the best.
            control.should_evaluate = control.should_save = True
        self._model.lock.yield_to_waiting()
        return control

    def on_substep_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Let those ask who wait."""
        self._model.lock.yield_to_waiting()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Write down and tell what the Trainer reports of training."""
        if not logs or "loss" not in logs:
            return
        step, seconds, rows = state.global_step, self.seconds, self.n_rows
        before, rows_before, seconds_before = self._reported
        self._losses.append((logs["loss"], step - before))
        self._reported = (step, rows, seconds)
        told = {
            "seconds": seconds,
            "step": step,
            "epoch": int(state.epoch or 0),
            "loss": logs["loss"],
            "learning_rate": logs.get("learning_rate", 0.0),
            "rows_per_second": (rows - rows_before) / max(1e-9, seconds - seconds_before),
        }
        self._write({"event": "train", **told})
        self._emit({"event": "TrainReport", **told})

    def measure(self, prediction: Any) -> dict[str, float]:
        """Return the figures of the validation rows, and one that says which state is best.

        Where thresholds will be tuned, the figures are by those of the moment: by 0.5 a model of
        many labels looks as bad as it was until it is nearly learned.
        """
        labels, logits, config = self._model.labels, prediction.predictions, self._config
        targets = np.asarray(prediction.label_ids) > 0.5
        found = self._model.to_probabilities(logits)
        chances = np.where(targets, found, 1 - found).clip(1e-12)
        losses = -np.log(chances).mean(axis=0)
        self._label_losses = dict(zip(labels.names, losses.tolist(), strict=True))
        thresholds = thresholds_for(targets, found, labels, config)
        self._measured = metrics_of(targets, found, thresholds, labels)
        if labels.multi and config.tune_thresholds:
            at_half = metrics_of(targets, found, None, labels)
            self._measured["at_half"] = {name: at_half[name] for name in SCORES}
        loss = float(losses.mean() if labels.multi else -np.log(chances[targets]).mean())
        self._score = selection_score(self._measured, loss, config.metric_for_best_model)
        return {**{name: self._measured[name] for name in SCORES}, BEST: self._score}

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any
    ) -> Any:
        """Write down and tell how well the validation rows are answered; end if no better."""
        spent = metrics.get("eval_runtime", 0.0)
        self._evaluating += spent
        told = {"seconds": self.seconds, "step": state.global_step, "loss": metrics["eval_loss"]}
        evaluation = {
            **told,
            "epoch": state.epoch,
            "eval_seconds": spent,
            **self._measured,
            BEST: self._score,
        }
        self._write({"event": "evaluation", **evaluation})
        self._evaluations.append(evaluation)
        self._evaluated_at = self.seconds
        since = len(self._evaluations) - 1 - self._evaluations.index(self._best)
        patience = self._config.early_stopping_patience
        if patience is not None and since >= patience:
            control.should_training_stop = True
        self._emit(
            {
                "event": "EvalReport",
                **told,
                "column_losses": self._label_losses,
                "best": not since,
                "metrics": self._measured,
            }
        )
        return control

    @property
    def _best(self) -> dict[str, Any]:
        """The first of the best evaluations."""
        return max(self._evaluations, key=lambda one: one[BEST])

    def end(self, state: Any) -> Trained:
        """Tell of the end, and return what the run took."""
        config, best = self._config, self._best
        if self._stopped:
            reason = "stopped"
        elif self._over_time:
            reason = "budget"
        elif state.global_step >= state.max_steps:
            reason = "steps" if config.max_steps else "epochs"
        else:
            reason = "converged"
        self._emit(
            {
                "event": "FitEnd",
                "seconds": self.seconds,
                "step": state.global_step,
                "reason": reason,
                "best_step": best["step"],
                "best_loss": best["loss"],
            }
        )
        seconds = max(1e-9, self.seconds - self._evaluating)
        steps = sum(steps for _, steps in self._losses)
        return Trained(
            epochs=round(state.epoch or 0.0, 3),
            steps=state.global_step,
            best_step=best["step"],
            train_loss=sum(loss * n for loss, n in self._losses) / max(1, steps),
            eval_loss=best["loss"],
            train_seconds=seconds,
            eval_seconds=best["eval_seconds"],
            steps_per_second=state.global_step / seconds,
            samples_per_second=self.n_rows / seconds,
            reason=reason,
            n_trained=sum(w.numel() for w in self._model.model.parameters() if w.requires_grad),
        )

    def _cut(self, step: int) -> None:
        """Drop what was written down after the step that the run goes on from."""
        path = self.folder / "metrics.jsonl"
        whole = [line for line in path.read_text(encoding="utf-8").splitlines(True) if "\n" in line]
        path.write_text(
            "".join(line for line in whole if json.loads(line)["step"] <= step), encoding="utf-8"
        )

    def _write(self, line: dict[str, Any]) -> None:
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

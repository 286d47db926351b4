"""TrainingLog: events, ``metrics.jsonl`` and limits of one training run."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from tabwidget._files import write_atomically
from tabwidget.backends.fit_log import FitLog
from tabwidget.events import Event, Reason, TrainReport, to_dict
from tabwidget.textclass.config import TrainSection
from tabwidget.textclass.data import Texts
from tabwidget.textclass.loading import LabelModel
from tabwidget.textclass.metrics import SCORES, metrics_of, selection_score, thresholds_for

__all__ = ["SELECTION_SCORE", "Notify", "TrainingLog", "TrainingResult"]

SELECTION_SCORE = "selection_score"  # the metric that selects the best checkpoint

Notify = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class TrainingResult:
    """Duration, steps and losses of a training run.

    Attributes
    ----------
    epochs : float
        Epochs completed, with the fraction of the last one.
    steps, best_step : int
        Optimizer steps in all, and up to the best checkpoint.
    train_loss, eval_loss : float
        Mean training loss of the run, and validation loss at `best_step`.
    train_seconds, eval_seconds : float
        Duration without evaluations, and of the evaluation at `best_step`.
    steps_per_second, samples_per_second : float
        Training throughput.
    reason : str
        Why the run ended, as in `tabwidget.events.FitEnd`.
    n_trained : int
        Number of trained parameters.
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


class TrainingLog(TrainerCallback, ExportableState):
    """Emits the events of a run, writes ``metrics.jsonl`` and ends the run at its limits.

    Attributes
    ----------
    fit_log : FitLog
        Clock and counters; the trainer adds to its `n_seen`.
    folder : Path
        Folder of the run.
    """

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
        self.folder = folder
        self.fit_log = FitLog(
            self._emit,
            "textclass",
            max_seconds=config.max_seconds,
            epochs=None if config.max_steps else config.num_train_epochs,
        )
        self._model, self._config, self._on_event = model, config, on_event
        self._stop = stop
        self._n_train, self._n_validation = len(train), len(validation)
        self._eval_seconds = 0.0  # of all evaluations
        self._metrics: dict[str, Any] = {}
        self._score = 0.0
        self._label_losses: dict[str, float] = {}
        self._evaluations: list[dict[str, Any]] = []
        self._losses: list[tuple[float, int]] = []  # mean loss of so many steps
        self._logged_step = 0
        self._evaluated_at = 0.0
        self._over_time = self._stopped = False

    def _emit(self, event: Event) -> None:
        if isinstance(event, TrainReport):
            self._write("train", asdict(event))
        if self._on_event is not None:
            # Released, since the receiver may wait for a thread that waits for the model.
            with self._model.lock.released():
                self._on_event(to_dict(event))

    @property
    def share_of_time(self) -> float:
        """Used share of the time limit, from 0 to 1; 0 without one."""
        return self.fit_log.shares(0).get("budget", 0.0)

    def state(self) -> dict[str, Any]:
        """Return the state to store in a checkpoint."""
        return {
            "args": {},
            "attributes": {
                "seconds": self.fit_log.seconds,
                "eval_seconds": self._eval_seconds,
                "n_seen": self.fit_log.n_seen,
                "evaluations": self._evaluations,
                "losses": self._losses,
            },
        }

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Emit the start; a resumed run continues its clock and counters."""
        log = self.fit_log
        log.n_steps, log.max_steps = state.global_step, state.max_steps
        log.began = time.perf_counter()
        if state.global_step:
            saved = state.stateful_callbacks[type(self).__name__]["attributes"]
            log.began -= saved["seconds"]
            log.n_seen, self._eval_seconds = saved["n_seen"], saved["eval_seconds"]
            self._evaluations = list(saved["evaluations"])
            self._losses = [(loss, steps) for loss, steps in saved["losses"]]
            if self._evaluations:
                log.best_step, log.best_loss = self._best["step"], self._best["loss"]
            self._drop_lines_after(state.global_step)
        else:
            (self.folder / "metrics.jsonl").unlink(missing_ok=True)
        self._logged_step = state.global_step
        log.start(
            n_rows=self._n_train + self._n_validation,
            n_columns=len(self._model.labels.names),
            n_train=self._n_train,
            n_validation=self._n_validation,
            n_parameters=sum(weight.numel() for weight in self._model.model.parameters()),
        )
        log.phase("learning")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """End the run at its time limit, schedule evaluations and let waiting threads predict."""
        log, period = self.fit_log, self._config.eval_seconds
        log.n_steps = state.global_step
        self._over_time = self.share_of_time >= 1
        self._stopped = self._stop is not None and self._stop.is_set()
        if self._over_time or self._stopped:
            control.should_training_stop = True
        elif period is not None and log.seconds >= self._evaluated_at + period:
            # Save with each evaluation, since it may be the best.
            control.should_evaluate = control.should_save = True
        self._model.lock.yield_to_waiting()
        return control

    def on_substep_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Let waiting threads predict."""
        self._model.lock.yield_to_waiting()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Emit the training loss that the Trainer logs."""
        if not logs or "loss" not in logs:
            return
        log = self.fit_log
        self._losses.append((logs["loss"], state.global_step - self._logged_step))
        self._logged_step = log.n_steps = state.global_step
        log.losses.append(logs["loss"])
        log.training(int(state.epoch or 0), logs.get("learning_rate", 0.0), now=True)

    def measure(self, prediction: Any) -> dict[str, float]:
        """Return the validation metrics, with the score that selects the best checkpoint.

        If thresholds will be tuned, they are tuned here, too: at 0.5, a multi-label model scores
        near zero until late in training.
        """
        labels, logits, config = self._model.labels, prediction.predictions, self._config
        targets = np.asarray(prediction.label_ids) > 0.5
        found = self._model.to_probabilities(logits)
        likelihoods = np.where(targets, found, 1 - found).clip(1e-12)
        losses = -np.log(likelihoods).mean(axis=0)
        self._label_losses = dict(zip(labels.names, losses.tolist(), strict=True))
        thresholds = thresholds_for(targets, found, labels, config)
        self._metrics = metrics_of(targets, found, thresholds, labels)
        if labels.multi and config.tune_thresholds:
            at_half = metrics_of(targets, found, None, labels)
            self._metrics["at_half"] = {name: at_half[name] for name in SCORES}
        loss = float(losses.mean() if labels.multi else -np.log(likelihoods[targets]).mean())
        self._score = selection_score(self._metrics, loss, config.metric_for_best_model)
        return {**{name: self._metrics[name] for name in SCORES}, SELECTION_SCORE: self._score}

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any
    ) -> Any:
        """Write and emit the validation metrics; end the run after `patience` without progress."""
        log, duration = self.fit_log, metrics.get("eval_runtime", 0.0)
        log.n_steps = state.global_step
        self._eval_seconds += duration
        self._evaluated_at = log.seconds
        evaluation = {
            "seconds": log.seconds,
            "step": log.n_steps,
            "loss": metrics["eval_loss"],
            "epoch": state.epoch,
            "eval_seconds": duration,
            **self._metrics,
            SELECTION_SCORE: self._score,
        }
        self._write("evaluation", evaluation)
        self._evaluations.append(evaluation)
        n_worse = len(self._evaluations) - 1 - self._evaluations.index(self._best)
        patience = self._config.early_stopping_patience
        if patience is not None and n_worse >= patience:
            control.should_training_stop = True
        log.validation(
            metrics["eval_loss"], self._label_losses, metrics=self._metrics, best=not n_worse
        )
        return control

    @property
    def _best(self) -> dict[str, Any]:
        """The earliest evaluation with the best score."""
        return max(self._evaluations, key=lambda evaluation: evaluation[SELECTION_SCORE])

    def end(self, state: Any) -> TrainingResult:
        """Emit the end, and return the result of the run."""
        log, config, best = self.fit_log, self._config, self._best
        log.n_steps = state.global_step
        reason: Reason = "converged"
        if self._stopped:
            reason = "stopped"
        elif self._over_time:
            reason = "budget"
        elif state.global_step >= state.max_steps:
            reason = "steps" if config.max_steps else "epochs"
        log.end(reason)
        seconds = max(1e-9, log.seconds - self._eval_seconds)
        n_logged = sum(steps for _, steps in self._losses)
        return TrainingResult(
            epochs=round(state.epoch or 0.0, 3),
            steps=state.global_step,
            best_step=best["step"],
            train_loss=sum(loss * n for loss, n in self._losses) / max(1, n_logged),
            eval_loss=best["loss"],
            train_seconds=seconds,
            eval_seconds=best["eval_seconds"],
            steps_per_second=state.global_step / seconds,
            samples_per_second=log.n_seen / seconds,
            reason=reason,
            n_trained=sum(w.numel() for w in self._model.model.parameters() if w.requires_grad),
        )

    def _drop_lines_after(self, step: int) -> None:
        """Remove the lines of ``metrics.jsonl`` after the step of the checkpoint."""
        path = self.folder / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines(True)
        kept = [line for line in lines if "\n" in line and json.loads(line)["step"] <= step]
        write_atomically(path, "".join(kept).encode("utf-8"))

    def _write(self, kind: str, fields: Mapping[str, Any]) -> None:
        line = json.dumps({"event": kind, **fields}, ensure_ascii=False)
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

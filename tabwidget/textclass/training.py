"""Training: one run of a model of labels, by transformers' Trainer."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.integrations.integration_utils import TensorBoardCallback
from transformers.trainer_callback import ExportableState, PrinterCallback

from tabwidget.backends.chance import own_chance
from tabwidget.errors import ConfigError, MissingExtraError, require
from tabwidget.textclass.config import TrainSection
from tabwidget.textclass.data import Texts
from tabwidget.textclass.loading import LabelModel, quiet
from tabwidget.textclass.metrics import SCORES, metrics_of

__all__ = ["Notify", "Trained", "fit", "label_weights"]

Notify = Callable[[Mapping[str, Any]], None]

REPORTS = 200  # of the training loss in a run, about


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


def label_weights(targets: NDArray[np.bool_], multi: bool) -> NDArray[np.float64]:
    """Return what each label weighs in the loss, so that rare ones count as much as frequent ones.

    Of labels that exclude each other: rows over rows of the label, as scikit-learn's "balanced".
    Where a row may have several: what the rows that have a label weigh, rows without it over rows
    with it.

    Examples
    --------
    >>> label_weights(np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=bool), multi=True).round(2)
    array([0.33, 3.  ])
    """
    there = targets.sum(axis=0)
    weights = (len(targets) - there if multi else len(targets) / targets.shape[1]) / there.clip(1)
    return np.where(there > 0, weights, 1.0)


def fit(
    model: LabelModel,
    config: TrainSection,
    train: Texts,
    validation: Texts,
    *,
    seed: int,
    folder: Path,
    on_event: Notify | None = None,
    stop: threading.Event | None = None,
) -> Trained:
    """Train until it is enough, and leave the model with the weights that were best.

    Texts can be labelled by other threads meanwhile, between two steps.

    Parameters
    ----------
    model : LabelModel
        Its weights that require gradients are trained.
    config : TrainSection
        How long and how fast.
    train, validation : Texts
        With targets.
    seed : int
        Of the order of the rows and of dropout.
    folder : Path
        Holds ``metrics.jsonl``, ``logs`` and, as long as the run is not over, ``checkpoints``; a
        run that was killed goes on from the last of them.
    on_event : callable, optional
        Takes events as dicts, as `tabwidget.events.from_dict` reads them; what it raises ends the
        run.
    stop : threading.Event, optional
        Once set, the run ends at the next step.
    """
    if not len(train) or not len(validation):
        where = "train on" if len(validation) else "validate on"
        raise ConfigError(f"there are no rows to {where}: give more rows or another val_fraction")
    teller = _Teller(model, config, train, validation, folder, on_event, stop)
    arguments = _arguments(config, model, len(train), seed, folder / "checkpoints")
    with model.turns.turn(), own_chance(), quiet():
        trainer = _LabelTrainer(model, config, train, validation, arguments, teller)
        trainer.train(resume_from_checkpoint=_last_whole(folder / "checkpoints"))
        model.model.eval()
    return teller.end(trainer.state)


class _LabelTrainer(Trainer):
    """The Trainer of one run: its batches, its loss, its learning rate and its checkpoints."""

    def __init__(
        self,
        model: LabelModel,
        config: TrainSection,
        train: Texts,
        validation: Texts,
        arguments: TrainingArguments,
        teller: _Teller,
    ) -> None:
        self._labelled, self._config, self._teller = model, config, teller
        callbacks: list[TrainerCallback] = [teller]
        if "tensorboard" in config.report_to:
            require("tensorboard", "textclass")
            from torch.utils.tensorboard import SummaryWriter

            logs: Any = TensorBoardCallback  # transformers says no types of it
            callbacks.append(logs(SummaryWriter(str(teller.folder / "logs"))))
        self._weights: Tensor | None = None
        if config.class_weights == "balanced":
            assert train.targets is not None
            weights = label_weights(train.targets, model.labels.multi)
            self._weights = torch.tensor(weights, dtype=torch.float32, device=model.device)
        super().__init__(
            model=model.model,
            args=arguments,
            data_collator=self._collate,
            train_dataset=_Rows(model, train),
            eval_dataset=_Rows(model, validation),
            processing_class=model.tokenizer,
            compute_metrics=teller.measure,
            callbacks=callbacks,
        )
        self.model_accepts_loss_kwargs = False  # the loss of accumulated batches is their mean
        self.remove_callback(PrinterCallback)

    def _collate(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        targets = torch.from_numpy(np.stack([row["labels"] for row in rows]).astype(np.float32))
        return {**self._labelled.collate([row["input_ids"] for row in rows]), "labels": targets}

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the mean loss of a batch; validation rows weigh the same, so that runs compare."""
        targets = inputs.pop("labels")
        logits = model(**inputs).logits.float()
        weights = self._weights if model.training else None
        if self._labelled.labels.multi:
            loss = binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
        else:
            loss = cross_entropy(logits, targets.argmax(-1), weight=weights)
        if model.training:
            self._teller.n_rows += len(targets)
        return (loss, {"logits": logits}) if return_outputs else loss

    def create_scheduler(
        self, num_training_steps: int, optimizer: Any = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        assert self.optimizer is not None
        warmup, teller = self._config.warmup_ratio, self._teller

        def rate(step: int) -> float:
            done = max(step / max(1, num_training_steps), teller.share_of_time)
            return done / warmup if done < warmup else max(0.0, (1 - done) / (1 - warmup))

        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, rate)
        return self.lr_scheduler

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        self._labelled.save(folder)


class _Rows(Dataset[dict[str, Any]]):
    """Rows as token ids, with their targets."""

    def __init__(self, model: LabelModel, texts: Texts) -> None:
        assert texts.targets is not None
        self._ids, self._targets = model.encode(texts.texts), texts.targets

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"input_ids": self._ids[row], "labels": self._targets[row]}


class _Teller(TrainerCallback, ExportableState):
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
        self._n_train, self._n_holdout = len(train), len(validation)
        self._began = time.perf_counter()
        self._evaluating = 0.0  # seconds, of all evaluations
        self._measured: dict[str, Any] = {}
        self._label_losses: dict[str, float] = {}
        self._evaluations: list[dict[str, Any]] = []
        self._losses: list[tuple[float, int]] = []  # mean, and of how many steps
        self._reported = (0, 0, 0.0)  # step, rows, seconds
        self._evaluated_at = 0.0
        self._over_time = self._stopped = False

    def _emit(self, event: dict[str, Any]) -> None:
        if self._on_event is not None:
            # Who is told may wait for one who waits for the model.
            with self._model.turns.released():
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
                "n_rows": self._n_train + self._n_holdout,
                "n_columns": len(self._model.labels.names),
                "n_train": self._n_train,
                "n_holdout": self._n_holdout,
                "n_parameters": sum(weight.numel() for weight in self._model.model.parameters()),
                "engine": "textclass",
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
        self._model.turns.give_way()
        return control

    def on_substep_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Let those ask who wait."""
        self._model.turns.give_way()

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
        """Return the figures of the validation rows, by thresholds of 0.5."""
        labels, logits = self._model.labels, prediction.predictions
        targets = np.asarray(prediction.label_ids) > 0.5
        found = self._model.to_probabilities(logits)
        chances = np.where(targets, found, 1 - found).clip(1e-12)
        losses = -np.log(chances).mean(axis=0)
        self._label_losses = dict(zip(labels.names, losses.tolist(), strict=True))
        self._measured = metrics_of(targets, found, None, labels)
        return {name: self._measured[name] for name in SCORES}

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any
    ) -> Any:
        """Write down and tell how well the validation rows are answered; end if no better."""
        spent = metrics.get("eval_runtime", 0.0)
        self._evaluating += spent
        told = {"seconds": self.seconds, "step": state.global_step, "loss": metrics["eval_loss"]}
        evaluation = {**told, "epoch": state.epoch, "eval_seconds": spent, **self._measured}
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
        metric = self._config.metric_for_best_model
        sign = -1 if metric == "loss" else 1
        return max(self._evaluations, key=lambda one: sign * one[metric])

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


def _arguments(
    config: TrainSection, model: LabelModel, n_rows: int, seed: int, folder: Path
) -> TrainingArguments:
    batches = math.ceil(n_rows / config.batch_size)
    steps = math.ceil(batches / config.gradient_accumulation_steps) * config.num_train_epochs
    metric = config.metric_for_best_model
    others = [name for name in config.report_to if name not in ("tensorboard", "none")]
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.eval_batch_size,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        num_train_epochs=config.num_train_epochs,
        max_steps=config.max_steps or -1,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        optim=_optimizer(config, model),
        bf16=model.dtype == torch.bfloat16,
        fp16=model.dtype == torch.float16,
        use_cpu=model.device.type == "cpu",
        seed=seed % 2**32,
        train_sampling_strategy="group_by_length",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=config.save_total_limit,
        load_best_model_at_end=True,
        metric_for_best_model=metric,
        greater_is_better=metric != "loss",
        logging_steps=min(10, max(1, round((config.max_steps or steps) / REPORTS))),
        logging_first_step=True,
        label_names=["labels"],
        report_to=others or "none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    # One process uses one device.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _last_whole(folder: Path) -> str | None:
    """Return the last checkpoint that was not cut off while it was written."""
    for place in sorted(folder.glob("checkpoint-*"), key=lambda p: -int(p.name.split("-")[1])):
        with contextlib.suppress(OSError, ValueError):
            json.loads((place / "trainer_state.json").read_text(encoding="utf-8"))
            return str(place)
    return None


def _optimizer(config: TrainSection, model: LabelModel) -> str:
    few = any(
        type(module).__name__ in ("HQQLinear", "Linear4bit", "Linear8bitLt")
        for module in model.model.modules()
    )
    if config.optim_8bit_when_4bit and few and model.device.type == "cuda":
        with contextlib.suppress(MissingExtraError):
            require("bitsandbytes", "quant")
            return "adamw_8bit"
    return "adamw_torch"

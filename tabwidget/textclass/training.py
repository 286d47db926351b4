"""One training run of a `LabelModel` with the Trainer of transformers."""

from __future__ import annotations

import contextlib
import json
import math
import threading
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
from transformers.trainer_callback import PrinterCallback

from tabwidget.backends.rng import preserved_rng
from tabwidget.errors import ConfigError, MissingExtraError, require
from tabwidget.textclass.config import TrainSection
from tabwidget.textclass.data import Texts
from tabwidget.textclass.loading import LabelModel, quiet
from tabwidget.textclass.training_log import SELECTION_SCORE, Notify, TrainingLog, TrainingResult

__all__ = ["fit", "label_weights"]

N_REPORTS = 200  # approximate number of training-loss reports per run


def label_weights(targets: NDArray[np.bool_], multi: bool) -> NDArray[np.float64]:
    """Return class weights that balance rare and frequent labels in the loss.

    For single labels ``n / (k * n_label)``, as scikit-learn's "balanced"; for several labels per
    row the weight of positive targets, ``(n - n_label) / n_label``. Absent labels weigh 1.

    Examples
    --------
    >>> label_weights(np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=bool), multi=True).round(2)
    array([0.33, 3.  ])
    """
    counts = targets.sum(axis=0)
    weights = (len(targets) - counts if multi else len(targets) / targets.shape[1]) / counts.clip(1)
    return np.where(counts > 0, weights, 1.0)


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
) -> TrainingResult:
    """Train a model in place, and restore its best weights at the end.

    Other threads can use the model between two steps.

    Parameters
    ----------
    model : LabelModel
        Its parameters that require gradients are trained.
    config : TrainSection
        Limits and hyperparameters.
    train, validation : Texts
        Texts with targets.
    seed : int
        Seed of the row order and of dropout.
    folder : Path
        Gets ``metrics.jsonl``, ``logs`` and, during the run, ``checkpoints``; an interrupted run
        resumes from the last one.
    on_event : callable, optional
        Receives event payloads, which `tabwidget.events.from_dict` restores; an exception from it
        ends the run.
    stop : threading.Event, optional
        Once set, the run ends at the next step.
    """
    if not len(train) or not len(validation):
        part = "train" if len(validation) else "validate"
        raise ConfigError(f"there are no rows to {part} on: give more rows or another val_fraction")
    log = TrainingLog(model, config, train, validation, folder, on_event, stop)
    arguments = _arguments(config, model, len(train), seed, folder / "checkpoints")
    with model.lock.hold(), torch.random.fork_rng(), quiet():
        # The Trainer seeds the global generators, which other code uses during training.
        with preserved_rng():
            trainer = _LabelTrainer(model, config, train, validation, arguments, log)
        torch.manual_seed(seed)
        trainer.train(resume_from_checkpoint=_last_checkpoint(folder / "checkpoints"))
        model.model.eval()
    return log.end(trainer.state)


class _LabelTrainer(Trainer):
    """Trainer with the batches, loss, learning-rate schedule and checkpoints of a `LabelModel`."""

    def __init__(
        self,
        model: LabelModel,
        config: TrainSection,
        train: Texts,
        validation: Texts,
        arguments: TrainingArguments,
        log: TrainingLog,
    ) -> None:
        self._label_model, self._config, self._log = model, config, log
        callbacks: list[TrainerCallback] = [log]
        if "tensorboard" in config.report_to:
            require("tensorboard", "textclass")
            from torch.utils.tensorboard import SummaryWriter

            tensorboard: Any = TensorBoardCallback  # untyped
            callbacks.append(tensorboard(SummaryWriter(str(log.folder / "logs"))))
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
            compute_metrics=log.measure,
            callbacks=callbacks,
        )
        self.model_accepts_loss_kwargs = False  # accumulated batches are averaged
        self.remove_callback(PrinterCallback)

    def _collate(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        targets = torch.from_numpy(np.stack([row["labels"] for row in rows]).astype(np.float32))
        return {**self._label_model.collate([row["input_ids"] for row in rows]), "labels": targets}

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the mean loss of a batch; validation rows are unweighted, to compare runs."""
        targets = inputs.pop("labels")
        logits = model(**inputs).logits.float()
        weights = self._weights if model.training else None
        if self._label_model.labels.multi:
            loss = binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
        else:
            loss = cross_entropy(logits, targets.argmax(-1), weight=weights)
        if model.training:
            self._log.fit_log.n_seen += len(targets)
        return (loss, {"logits": logits}) if return_outputs else loss

    def create_scheduler(
        self, num_training_steps: int, optimizer: Any = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        assert self.optimizer is not None
        warmup, log = self._config.warmup_ratio, self._log

        def factor(step: int) -> float:
            done = max(step / max(1, num_training_steps), log.share_of_time)
            return done / warmup if done < warmup else max(0.0, (1 - done) / (1 - warmup))

        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, factor)
        return self.lr_scheduler

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        self._label_model.save(folder)


class _Rows(Dataset[dict[str, Any]]):
    """Token ids and targets of texts."""

    def __init__(self, model: LabelModel, texts: Texts) -> None:
        assert texts.targets is not None
        self._ids, self._targets = model.encode(texts.texts), texts.targets

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"input_ids": self._ids[row], "labels": self._targets[row]}


def _arguments(
    config: TrainSection, model: LabelModel, n_rows: int, seed: int, folder: Path
) -> TrainingArguments:
    batches = math.ceil(n_rows / config.batch_size)
    steps = math.ceil(batches / config.gradient_accumulation_steps) * config.num_train_epochs
    integrations = [name for name in config.report_to if name not in ("tensorboard", "none")]
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
        metric_for_best_model=SELECTION_SCORE,
        greater_is_better=True,
        logging_steps=min(10, max(1, round((config.max_steps or steps) / N_REPORTS))),
        logging_first_step=True,
        label_names=["labels"],
        report_to=integrations or "none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    # Use one device per process.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _last_checkpoint(folder: Path) -> str | None:
    """Return the newest complete checkpoint."""
    for path in sorted(folder.glob("checkpoint-*"), key=lambda p: -int(p.name.split("-")[1])):
        with contextlib.suppress(OSError, ValueError):
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            return str(path)
    return None


def _optimizer(config: TrainSection, model: LabelModel) -> str:
    quantized = any(
        type(module).__name__ in ("HQQLinear", "Linear4bit", "Linear8bitLt")
        for module in model.model.modules()
    )
    if config.optim_8bit_when_4bit and quantized and model.device.type == "cuda":
        with contextlib.suppress(MissingExtraError):
            require("bitsandbytes", "quant")
            return "adamw_8bit"
    return "adamw_torch"

"""Training: one run of a model of labels, by transformers' Trainer."""

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
from tabwidget.textclass.training_log import BEST, Notify, Teller, Trained

__all__ = ["fit", "label_weights"]

REPORTS = 200  # of the training loss in a run, about


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

    Texts can be labeled by other threads meanwhile, between two steps.

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
    teller = Teller(model, config, train, validation, folder, on_event, stop)
    arguments = _arguments(config, model, len(train), seed, folder / "checkpoints")
    with model.lock.hold(), torch.random.fork_rng(), quiet():
        # Seeds that the Trainer sets are taken back at once: others draw while it trains.
        with preserved_rng():
            trainer = _LabelTrainer(model, config, train, validation, arguments, teller)
        torch.manual_seed(seed)
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
        teller: Teller,
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


def _arguments(
    config: TrainSection, model: LabelModel, n_rows: int, seed: int, folder: Path
) -> TrainingArguments:
    batches = math.ceil(n_rows / config.batch_size)
    steps = math.ceil(batches / config.gradient_accumulation_steps) * config.num_train_epochs
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
        metric_for_best_model=BEST,
        greater_is_better=True,
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

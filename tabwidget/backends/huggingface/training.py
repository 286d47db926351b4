"""HFFit: one fit of a pretrained model, by transformers' Trainer, and what is told of it."""

from __future__ import annotations

import contextlib
import math
import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from tabwidget.backends.base import FitRequest
from tabwidget.backends.huggingface.engine import HFEngine
from tabwidget.backends.huggingface.turns import Turns
from tabwidget.config import TrainingConfig
from tabwidget.errors import ConfigError
from tabwidget.events import EvalReport, Event, FitEnd, FitStart, Reason, TrainExamples, TrainReport
from tabwidget.textlm import RowBatches, RowTokens, collated
from tabwidget.textlm.batches import distinct_orders

__all__ = ["HFFit", "Learner", "split"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Weights = dict[str, Tensor]

BATCH_SIZE = 8
LEARNING_RATE = 1e-4
ADAPTER_LEARNING_RATE = 1e-3
MAX_GRAD_NORM = 1.0
TARGET_SHARE = 0.5  # of the loss, for the columns named as targets
MOST_LOOKED_AT = 128  # rows held out that a loss is taken of
LOOK_STEPS = (5, 50)  # between two looks at least and at most; an epoch, if between these
PATIENCE = 5  # looks without a gain, after which "auto" ends
LEAST_GAIN = 1e-3  # of the loss, that counts as one
REPORT_SECONDS = 0.1
EXAMPLE_SECONDS = 0.5
N_EXAMPLES = 8
NEVER = 10**9  # steps
REENTRANT = {"use_reentrant": False}

OPTIMIZERS = {
    "auto": "adamw_torch",
    "adamw": "adamw_torch",
    "adamw_8bit": "adamw_8bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
    "adafactor": "adafactor",
    "lion": "lion_32bit",
    "sgd": "sgd",
}


class Learner(nn.Module):
    """The loss of a batch: nats a cell, from the tokens that tell of cells alone."""

    accepts_loss_kwargs = False

    def __init__(self, engine: HFEngine, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.model = engine.model
        self._engine, self._smoothing = engine, label_smoothing

    def get_input_embeddings(self) -> nn.Module:
        """Return where NEFTune puts its noise."""
        embeddings: nn.Module = self.model.get_input_embeddings()
        return embeddings

    def forward(
        self, ids: Tensor, at: Tensor, labels: Tensor, weights: Tensor, cells: Tensor
    ) -> dict[str, Tensor]:
        """Return the loss."""
        logits = self._engine.logits_at(ids, at).float()
        losses = cross_entropy(logits, labels, reduction="none", label_smoothing=self._smoothing)
        return {"loss": (losses * weights).sum() / cells.clamp_min(1e-9)}


class HFFit(TrainerCallback):
    """Trains what can be trained of a model, and leaves its best weights in it.

    Parameters
    ----------
    request : FitRequest
        What to learn, and whom to tell.
    engine : HFEngine
        The model; the weights that require gradients are trained.
    tokens : RowTokens
        Writes the rows.
    turns : Turns
        Whose turn it is with the model.
    """

    def __init__(
        self, request: FitRequest, engine: HFEngine, tokens: RowTokens, turns: Turns
    ) -> None:
        self.began = time.perf_counter()
        self.request, self.engine, self.tokens, self.turns = request, engine, tokens, turns
        table, training = request.table, request.training
        self.rows = table.schema.rows(table.frame)[:, : len(tokens.columns)]
        present = np.isfinite(self.rows)
        self.train_rows, self.held_rows = split(present, training, request.seed)
        names = [column.name for column in tokens.columns]
        targets = [index for index, name in enumerate(names) if name in request.targets]
        only = training.loss_on_target_only and bool(targets)
        self.weights = _column_weights(len(names), targets, only)
        natural = np.arange(len(names))
        lengths = np.array(
            [len(tokens.row(self.rows[row], natural).ids) for row in self.train_rows]
        )
        self._check_lengths(int(lengths.max()))
        size = BATCH_SIZE if training.batch_size == "auto" else training.batch_size
        self.batches = RowBatches(
            present[self.train_rows],
            lengths,
            size,
            seed=request.seed,
            copies=training.augmentation_factor,
            last=targets if only else (),
        )
        batches_a_step = training.grad_accumulation_steps * _n_processes()
        self.steps_an_epoch = math.ceil(len(self.batches) / batches_a_step)
        least, most = LOOK_STEPS
        self.look_steps = min(max(least, self.steps_an_epoch), most)
        self.held = self._held_batches(present, targets if only else [])
        self.n_steps = self.n_seen = self.best_step = self.looks_since = 0
        self.best_loss = self.mark = math.inf
        self.look_seconds = self.progress = 0.0
        self.losses: list[float] = []
        self.newest: list[tuple[int, Ints]] = []
        self.reported = self.shown = -math.inf
        self.best: Weights = {}
        self.reason: Reason = "stopped"
        self.trainer: Any = None

    @property
    def seconds(self) -> float:
        """Seconds since the fit began."""
        return time.perf_counter() - self.began

    def run(self) -> None:
        """Train to the end."""
        training = self.request.training
        self._tell_start()
        try:
            with tempfile.TemporaryDirectory() as folder, _own_chance(), self.turns.turn():
                self.look()
                learner = Learner(self.engine, training.label_smoothing)
                self.trainer = _RowTrainer(self, learner, _arguments(self, folder))
                with _activations_twice(self.engine.model, training.gradient_checkpointing):
                    self.trainer.train()
        except Exception:
            self.reason = "failed"
            raise
        finally:
            with self.turns.turn():
                self._give_back_best()
            end = FitEnd(self.seconds, self.n_steps, self.reason, self.best_step, self.best_loss)
            self._emit(end)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Tell of a step, look at the rows held out when it is time to, and end in time."""
        self.n_steps = state.global_step
        self.progress = self._most(max(self._shares().values(), default=0.0))
        over = self._over(ahead=self.look_seconds)
        stopped = self._most(float(self.request.stopped())) > 0
        # Stopped by hand it ends at once, unless that would lose all that was learned.
        if (not self.best_step) if stopped else (over or self.n_steps % self.look_steps == 0):
            self._tell_training(state)
            self.look()
            if self.looks_since >= PATIENCE and self.request.training.lr_scheduler == "auto":
                over = over or "converged"
        elif self.seconds - self.reported >= REPORT_SECONDS:
            self._tell_training(state)
        if self.seconds - self.shown >= EXAMPLE_SECONDS:
            self._tell_examples()
        if stopped or over:
            self.reason = "stopped" if stopped else over or "steps"
            control.should_training_stop = True
        self.turns.give_way()
        return control

    def look(self) -> None:
        """Take the loss of the rows held out; keep the weights if there was none lower."""
        began = time.perf_counter()
        columns = len(self.tokens.columns)
        sums, counts = np.zeros(columns), np.zeros(columns)
        for batch in self.held:
            with self.engine.computing():
                logits = self.engine.logits_at(
                    torch.from_numpy(batch["ids"]).to(self.engine.device),
                    torch.from_numpy(batch["at"]).to(self.engine.device),
                ).float()
                labels = torch.from_numpy(batch["labels"]).to(self.engine.device)
                losses = cross_entropy(logits, labels, reduction="none").double().cpu().numpy()
            owner = batch["owner"]
            np.add.at(sums, owner, losses)
            cells = np.unique(np.stack([batch["row"], owner]), axis=1)
            np.add.at(counts, cells[1], 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            each = sums / counts
            loss = float((sums @ self.weights) / (counts @ self.weights))
        best = loss < self.best_loss
        self.looks_since += 1
        if loss < self.mark * (1 - LEAST_GAIN):
            self.mark, self.looks_since = loss, 0
        if best:
            self.best_loss, self.best_step = loss, self.n_steps
            self.best = {
                name: weight.detach().to("cpu", copy=True) for name, weight in self._trained()
            }
        self.look_seconds = time.perf_counter() - began
        column_losses = {
            column.name: float(each[index])
            for index, column in enumerate(self.tokens.columns)
            if counts[index]
        }
        self._emit(EvalReport(self.seconds, self.n_steps, loss, column_losses, best))

    def batch(self, items: list[tuple[int, Ints]]) -> dict[str, Tensor]:
        """Return rows, each with its column order, as a batch to learn."""
        self.newest = items
        rows = [self.tokens.row(self.rows[self.train_rows[row]], order) for row, order in items]
        made = collated(rows, self.weights)
        return {
            name: torch.from_numpy(made[name])
            for name in ("ids", "at", "labels", "weights", "cells")
        }

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, as a share of the highest."""
        training = self.request.training
        progress = self.progress
        if training.warmup_ratio is not None:
            warm = progress / training.warmup_ratio if training.warmup_ratio else 1.0
        else:
            warm = (step + 1) / max(1, training.warmup_steps)
        if training.lr_scheduler == "cosine":
            high = 0.5 * (1 + math.cos(math.pi * progress))
        elif training.lr_scheduler == "constant":
            high = 1.0
        else:
            high = 1.0 - progress
        return min(1.0, warm) * high

    def _shares(self) -> dict[Reason, float]:
        """Return the share used of each limit."""
        training = self.request.training
        shares: dict[Reason, float] = {}
        if training.max_seconds is not None:
            shares["budget"] = self.seconds / training.max_seconds
        if training.max_steps is not None:
            shares["steps"] = self.n_steps / training.max_steps
        if training.epochs is not None:
            shares["epochs"] = self.n_steps / (training.epochs * self.steps_an_epoch)
        return {reason: min(1.0, share) for reason, share in shares.items()}

    def _over(self, ahead: float) -> Reason | None:
        """Return which limit is reached, with so many seconds still to go for a look."""
        shares = self._shares()
        training = self.request.training
        if training.max_seconds is not None and self._most(
            float(self.seconds + ahead >= training.max_seconds)
        ):
            return "budget"
        steps: tuple[Reason, ...] = ("steps", "epochs")
        return next((reason for reason in steps if shares.get(reason, 0.0) >= 1.0), None)

    def _most(self, said: float) -> float:
        """Return the most that any process says: all must end together, and learn at one rate."""
        accelerator = self.trainer.accelerator
        if accelerator.num_processes == 1:
            return said
        return float(accelerator.gather(torch.tensor([said], device=accelerator.device)).max())

    def _trained(self) -> Iterator[tuple[str, Tensor]]:
        return ((n, p) for n, p in self.engine.model.named_parameters() if p.requires_grad)

    def _emit(self, event: Event) -> None:
        # Of several processes one speaks for all.
        if os.environ.get("RANK", "0") == "0":
            self.request.emit(event)

    def _give_back_best(self) -> None:
        with torch.no_grad():
            for name, weight in self._trained():
                if name in self.best:
                    weight.copy_(self.best[name])
        self.engine.model.eval()

    def _held_batches(
        self, present: NDArray[np.bool_], last: list[int]
    ) -> list[Mapping[str, NDArray[Any]]]:
        """Return the rows held out, each in one order for the whole fit."""
        numbers = self.held_rows[:MOST_LOOKED_AT]
        orders = distinct_orders(present[numbers], 1, seed=self.request.seed, epoch=NEVER)[:, 0]
        orders = np.take_along_axis(orders, np.isin(orders, last).argsort(1, kind="stable"), 1)
        rows = [self.tokens.row(self.rows[n], o) for n, o in zip(numbers, orders, strict=True)]
        rows.sort(key=lambda row: len(row.ids))
        return [
            collated(rows[start : start + BATCH_SIZE], self.weights)
            for start in range(0, len(rows), BATCH_SIZE)
        ]

    def _check_lengths(self, longest: int) -> None:
        asked = self.request.training.max_seq_length
        if asked is not None and longest > asked:
            raise ConfigError(
                f"the longest row has {longest} tokens, more than max_seq_length={asked}: leave "
                "columns out, or allow for more"
            )
        most = self.engine.most_length
        if most is not None and longest > most:
            raise ConfigError(
                f"the longest row has {longest} tokens, and the model reads {most} at most: leave "
                "columns out, or take another model"
            )

    def _tell_start(self) -> None:
        training = self.request.training
        self._emit(
            FitStart(
                self.seconds,
                n_rows=len(self.rows),
                n_columns=len(self.tokens.columns),
                n_train=len(self.train_rows),
                n_holdout=len(self.held_rows),
                n_parameters=sum(p.numel() for p in self.engine.model.parameters()),
                engine="huggingface",
                budget_seconds=training.max_seconds,
                total_steps=training.max_steps,
                total_epochs=training.epochs,
            )
        )

    def _tell_training(self, state: Any) -> None:
        seconds = self.seconds
        self._emit(
            TrainReport(
                seconds,
                step=self.n_steps,
                epoch=int(state.epoch or 0),
                loss=float(np.mean(self.losses)) if self.losses else math.nan,
                learning_rate=float(self.trainer.optimizer.param_groups[0]["lr"]),
                rows_per_second=self.n_seen / max(seconds, 1e-9),
            )
        )
        self.reported, self.losses = seconds, []

    def _tell_examples(self) -> None:
        """Show some of the newest rows, each in the column order it was read in."""
        self.shown = self.seconds
        table, serializer = self.request.table, self.request.serializer
        examples = []
        for row, order in self.newest[:N_EXAMPLES]:
            cells = table.row(int(self.train_rows[row]))
            names = [self.tokens.columns[index].name for index in order]
            examples.append(serializer.serialize({n: cells[n] for n in names if n in cells}).text)
        self._emit(TrainExamples(self.seconds, tuple(examples)))


class _RowTrainer(Trainer):
    """The Trainer of one fit: its batches, its learning rate, and a turn a step."""

    def __init__(self, fit: HFFit, learner: Learner, arguments: TrainingArguments) -> None:
        self._fit = fit
        super().__init__(model=learner, args=arguments, train_dataset=_Rows(), callbacks=[fit])
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader[Any]:
        loader = DataLoader(
            _Rows(), batch_sampler=_Batches(self._fit.batches), collate_fn=self._fit.batch
        )
        return self.accelerator.prepare(loader)

    def create_scheduler(
        self, num_training_steps: int, optimizer: Any = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        assert self.optimizer is not None
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._fit.rate)
        return self.lr_scheduler

    def training_step(self, model: nn.Module, inputs: dict[str, Tensor], *args: Any) -> Tensor:
        loss = super().training_step(model, inputs, *args)
        self._fit.losses.append(float(loss) * self.current_gradient_accumulation_steps)
        self._fit.n_seen += len(inputs["ids"]) * self.accelerator.num_processes
        return loss


class _Rows(Dataset[Any]):
    """Gives back what it is asked for: the batches say row and order themselves."""

    def __len__(self) -> int:
        return NEVER

    def __getitem__(self, item: Any) -> Any:
        return item


class _Batches(Sampler[Any]):
    """The batches of the epoch that the Trainer names."""

    drop_last = False

    def __init__(self, batches: RowBatches) -> None:
        self._batches, self._epoch = batches, 0
        self.batch_size = batches.size

    def __len__(self) -> int:
        return len(self._batches)

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __iter__(self) -> Iterator[Any]:
        return self._batches.epoch(self._epoch)


def _n_processes() -> int:
    """Return how many processes train together, as accelerate and torchrun tell them."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def split(present: NDArray[np.bool_], training: TrainingConfig, seed: int) -> tuple[Ints, Ints]:
    """Return the numbers of the rows to learn and of those held out, by the seed."""
    usable = np.flatnonzero(present.any(axis=1))
    usable = usable if len(usable) > 1 else np.arange(len(present))
    shuffled = np.random.default_rng(seed).permutation(usable)
    n_held = max(1, round(training.validation_fraction * len(usable)))
    return shuffled[n_held:], shuffled[:n_held]


def _column_weights(n_columns: int, targets: list[int], only: bool) -> Floats:
    """Return how much a cell of each column counts; the targets together have at least a share."""
    weights = np.ones(n_columns)
    aimed = np.isin(np.arange(n_columns), targets)
    if only:
        return aimed.astype(np.float64)
    n_others = n_columns - len(targets)
    if targets and n_others:
        share = TARGET_SHARE / (1 - TARGET_SHARE)
        weights[aimed] = max(1.0, share * n_others / len(targets))
    return weights


def _arguments(fit: HFFit, folder: str) -> TrainingArguments:
    training, engine = fit.request.training, fit.engine
    rate = training.learning_rate
    if rate == "auto":
        adapters = any(not p.requires_grad for p in engine.model.parameters())
        rate = ADAPTER_LEARNING_RATE if adapters else LEARNING_RATE
    most = training.max_grad_norm
    arguments = TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=fit.batches.size,
        gradient_accumulation_steps=training.grad_accumulation_steps,
        max_steps=NEVER,  # the limits are ours
        learning_rate=rate,
        weight_decay=training.weight_decay,
        max_grad_norm=MAX_GRAD_NORM if most == "auto" else most or 0.0,
        optim=OPTIMIZERS.get(training.optimizer, OPTIMIZERS["auto"]),
        neftune_noise_alpha=training.neftune_noise_alpha,
        bf16=engine.dtype == torch.bfloat16,
        fp16=engine.dtype == torch.float16,
        use_cpu=engine.device.type == "cpu",
        seed=fit.request.seed % 2**32,
        save_strategy="no",
        logging_strategy="no",
        eval_strategy="no",
        report_to="none",
        ddp_find_unused_parameters=False,
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    # One process uses one device; several are started by accelerate or torchrun.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


@contextlib.contextmanager
def _activations_twice(model: Any, asked: bool) -> Iterator[None]:
    """Compute activations again in the backward pass, if asked, in place of keeping them."""
    if not asked:
        yield
        return
    # Later versions have another name for it.
    kind = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    getattr(model, f"{kind}_checkpointing_enable")(**{f"{kind}_checkpointing_kwargs": REENTRANT})
    model.enable_input_require_grads()
    try:
        yield
    finally:
        getattr(model, f"{kind}_checkpointing_disable")()
        model.disable_input_require_grads()


@contextlib.contextmanager
def _own_chance() -> Iterator[None]:
    """Leave the global random states as they were: the Trainer sets all of them."""
    python, legacy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)

"""Trainer: epochs over texts, with schedules, validation, checkpoints and events."""

from __future__ import annotations

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from torch.utils.data import DataLoader

from tabwidget.minilm.checkpoint import load_checkpoint, save_checkpoint
from tabwidget.minilm.data import (
    Batch,
    Format,
    Split,
    load_texts,
    shifted,
    split_batches,
    text_loader,
)
from tabwidget.minilm.model import LanguageModel
from tabwidget.minilm.threads import limited_threads
from tabwidget.minilm.tokenizer import Tokenizer

__all__ = ["Trainer"]

SCHEDULERS = ("linear", "cosine", "cosine_warmup", "plateau", "none")
DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
REPORT_SECONDS = 0.1
EXAMPLE_SECONDS = 0.5
N_EXAMPLES = 4

Notify = Callable[[dict[str, Any]], None]


class Trainer:
    """Trains a `LanguageModel`.

    Parameters
    ----------
    device : str, default "cpu"
        "cpu" or "cuda".
    learning_rate : float, default 1e-4
        Peak learning rate of AdamW.
    num_epochs : int, default 10
        Epochs per call of `train`.
    warmup_steps : int, default 1000
        Optimizer steps of the warmup ("linear" and "cosine_warmup").
    save_dir : str, Path or None, default "./checkpoints"
        Folder of the checkpoints; None writes none.
    gradient_clip : float, default 1.0
        Maximum gradient norm.
    weight_decay : float, default 0.01
        Decoupled weight decay.
    accumulation_steps : int, default 1
        Batches per optimizer step; every token in them has the same weight.
    scheduler_type : {"linear", "cosine", "cosine_warmup", "plateau", "none"}, default "linear"
        Schedule of the learning rate.
    scheduler_kwargs : dict, optional
        ``t_max`` (steps to the lowest rate) and ``warmup_iters`` for the cosines; arguments of
        ``ReduceLROnPlateau`` for "plateau".
    use_amp : bool, default False
        Mixed precision; on CUDA only.
    amp_dtype : {"float16", "bfloat16"}, optional
        Its type; "float16" by default.
    seed : int, default 0
        Row orders and dropout depend on this and the epoch alone.
    num_threads : int, optional
        Maximum CPU threads; half of torch's by default, since more of them slow each other down
        beside a browser or another program.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> Trainer(num_epochs=3, scheduler_type="cosine").num_epochs
    3
    """

    def __init__(
        self,
        device: str = "cpu",
        learning_rate: float = 1e-4,
        num_epochs: int = 10,
        warmup_steps: int = 1000,
        save_dir: str | Path | None = "./checkpoints",
        gradient_clip: float = 1.0,
        weight_decay: float = 0.01,
        accumulation_steps: int = 1,
        scheduler_type: str = "linear",
        scheduler_kwargs: dict[str, Any] | None = None,
        use_amp: bool = False,
        amp_dtype: str | None = None,
        seed: int = 0,
        num_threads: int | None = None,
    ) -> None:
        kind = torch.device(device).type
        if kind not in ("cpu", "cuda"):
            raise ValueError(f"device={device!r} must be 'cpu' or 'cuda'")
        if kind == "cuda" and not torch.cuda.is_available():
            raise ValueError("device='cuda' needs a GPU, and torch finds no GPU: use device='cpu'")
        for name, value in {"learning_rate": learning_rate, "gradient_clip": gradient_clip}.items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0, not {value!r}")
        for name, value in {"num_epochs": num_epochs, "warmup_steps": warmup_steps}.items():
            if not isinstance(value, int) or value < 0:
                raise ValueError(f"{name} must be an integer of at least 0, not {value!r}")
        if not weight_decay >= 0:
            raise ValueError(f"weight_decay must be at least 0, not {weight_decay!r}")
        if not isinstance(accumulation_steps, int) or accumulation_steps <= 0:
            raise ValueError(f"accumulation_steps must be above 0, not {accumulation_steps!r}")
        if scheduler_type not in SCHEDULERS:
            raise ValueError(f"scheduler_type={scheduler_type!r} must be one of {SCHEDULERS}")
        if amp_dtype is not None and amp_dtype not in DTYPES:
            raise ValueError(f"amp_dtype={amp_dtype!r} must be one of {tuple(DTYPES)}")
        if use_amp and kind != "cuda":
            raise ValueError("use_amp=True needs device='cuda'")
        self.device = torch.device(device)
        self.learning_rate, self.num_epochs = learning_rate, num_epochs
        self.warmup_steps = warmup_steps
        self.save_dir = None if save_dir is None else Path(save_dir)
        self.gradient_clip, self.weight_decay = gradient_clip, weight_decay
        self.accumulation_steps = accumulation_steps
        self.scheduler_type, self.scheduler_kwargs = scheduler_type, dict(scheduler_kwargs or {})
        self.use_amp, self.amp_dtype = use_amp, amp_dtype
        self.seed = seed
        if num_threads is not None and (not isinstance(num_threads, int) or num_threads <= 0):
            raise ValueError(f"num_threads must be above 0, not {num_threads!r}")
        self.num_threads = num_threads

    def load_dataset(self, path: str | Path, format: Format = "text") -> list[str]:
        """Read texts, see `tabwidget.minilm.data.load_texts`."""
        return load_texts(path, format)

    def prepare_dataloader(
        self,
        dataset: Sequence[str],
        tokenizer: Tokenizer,
        batch_size: int = 32,
        sequence_length: int = 128,
        shuffle: bool = True,
    ) -> DataLoader[Any]:
        """Return batches of texts, see `tabwidget.minilm.data.text_loader`."""
        return text_loader(dataset, tokenizer, batch_size, sequence_length, shuffle)

    def train(
        self,
        model: nn.Module,
        train_loader: Iterable[Batch],
        validation_split: float = 0.1,
        resume_from: str | Path | None = None,
        checkpoint_every: int = 1,
        save_latest: bool = True,
        on_event: Notify | None = None,
    ) -> list[dict[str, Any]]:
        """Train for `num_epochs` more epochs.

        Parameters
        ----------
        model : nn.Module
            Has ``compute_loss(input_ids, target_ids, attention_mask)``, as `LanguageModel` does.
        train_loader : DataLoader, or iterable of dict
            The rows of a DataLoader with a sized dataset are split and reshuffled every epoch; of
            any other iterable, the batches are split.
        validation_split : float, default 0.1
            Validation share, in [0, 1).
        resume_from : str or Path, optional
            A checkpoint, or a folder with a ``latest.pt``. Weights, optimizer, schedule, epoch and
            history are restored, so that training continues as if uninterrupted.
        checkpoint_every : int, default 1
            Write ``checkpoint-epoch{N}.pt`` every so many epochs.
        save_latest : bool, default True
            Write ``latest.pt`` after every epoch.
        on_event : callable, optional
            Called with each event as a dict, ``{"event": "TrainReport", "seconds": …}``, with the
            fields of the dataclasses in `tabwidget.events`. Raise in it to stop a run; its
            checkpoints are kept.

        Returns
        -------
        list of dict
            One entry per epoch: "epoch", "train_loss", "val_loss" (None without validation),
            "learning_rate" and "global_step"; also kept as ``model.training_history``.
        """
        if not 0 <= validation_split < 1:
            raise ValueError(f"validation_split must be in [0, 1), not {validation_split!r}")
        if not isinstance(checkpoint_every, int) or checkpoint_every <= 0:
            raise ValueError(f"checkpoint_every must be above 0, not {checkpoint_every!r}")
        split = split_batches(train_loader, validation_split, self.seed)
        run = _Run(self, model, split, on_event)
        if resume_from is not None:
            run.restore(Path(resume_from))
        run.plan()
        with torch.random.fork_rng(devices=[]), self._threads():
            while run.epoch < run.last_epoch:
                run.train_epoch()
                if self.save_dir is None:
                    continue
                if run.epoch % checkpoint_every == 0:
                    run.save(self.save_dir / f"checkpoint-epoch{run.epoch}.pt")
                if save_latest:
                    run.save(self.save_dir / "latest.pt")
        run.end()
        model.eval()
        model.is_trained = True  # type: ignore[assignment]  # nn.Module types its attributes
        return run.history

    @torch.no_grad()
    def evaluate_perplexity(
        self, model: LanguageModel, test_dataset: Sequence[str], batch_size: int = 32
    ) -> float:
        """Return the perplexity per token of texts, EOS included.

        Parameters
        ----------
        model : LanguageModel
            A trained model.
        test_dataset : sequence of str
            Not empty.
        batch_size : int, default 32
            Texts per batch; no effect on the result.
        """
        if not model.is_trained:
            raise RuntimeError("the model is not trained: train it, or set is_trained = True")
        longest = model.encoder.max_seq_length
        loader = text_loader(test_dataset, model.tokenizer, batch_size, longest, shuffle=False)
        model.to(self.device).eval()
        with self._threads():
            return math.exp(_mean_loss(model, loader, self.device))

    def _threads(self) -> contextlib.AbstractContextManager[None]:
        return limited_threads(self.num_threads or max(1, torch.get_num_threads() // 2))


class _Run:
    """One call of `Trainer.train`."""

    def __init__(
        self, trainer: Trainer, model: nn.Module, split: Split, on_event: Notify | None
    ) -> None:
        self.trainer, self.model, self.split = trainer, model.to(trainer.device), split
        self.on_event = on_event or (lambda event: None)
        self.optimizer = torch.optim.AdamW(
            model.parameters(),
            lr=trainer.learning_rate,
            weight_decay=trainer.weight_decay,
            fused=True,
        )
        self.scaler = torch.amp.GradScaler("cuda", enabled=trainer.use_amp)
        self.epoch = self.global_step = self.planned = 0
        self.history: list[dict[str, Any]] = []
        self.scheduler_state: dict[str, Any] | None = None
        self.began = time.perf_counter()
        self.reported_at = self.examples_at = -math.inf
        self.best_loss, self.best_step, self.n_seen = math.inf, 0, 0

    def plan(self) -> None:
        """Set up the schedule over all epochs, done and planned."""
        trainer = self.trainer
        self.last_epoch = self.epoch + trainer.num_epochs
        # A resumed run keeps the schedule it began with.
        self.planned = max(self.planned, self.last_epoch)
        steps = math.ceil(self.split.n_batches / trainer.accumulation_steps)
        self.scheduler = _scheduler(self.optimizer, trainer, steps * self.planned)
        if self.scheduler_state is not None:
            self.scheduler.load_state_dict(self.scheduler_state)
            if isinstance(self.scheduler, LambdaLR):
                factor = self.scheduler.lr_lambdas[0](self.global_step)
                self.optimizer.param_groups[0]["lr"] = trainer.learning_rate * factor
        self._emit(
            "FitStart",
            n_rows=self.split.n_train + self.split.n_validation,
            n_columns=1,
            n_train=self.split.n_train,
            n_validation=self.split.n_validation,
            n_parameters=sum(p.numel() for p in self.model.parameters()),
            backend="minilm text",
            budget_seconds=None,
            total_steps=steps * self.last_epoch,
        )

    def train_epoch(self) -> None:
        """Train on all rows once, then validate."""
        trainer = self.trainer
        torch.manual_seed(trainer.seed * 1_000_003 + self.epoch)
        self.model.train()
        batches, total, count = self.split.train(self.epoch), 0.0, 0
        while group := [
            b for _, b in zip(range(trainer.accumulation_steps), batches, strict=False)
        ]:
            loss, tokens = self._step(group)
            total, count = total + loss * tokens, count + tokens
            self._report(loss, group)
        self.epoch += 1
        train_loss = total / max(1, count)
        val_loss = self._validate()
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(train_loss if val_loss is None else val_loss)
        self.history.append(
            {
                "epoch": self.epoch,
                "train_loss": train_loss,
                "val_loss": val_loss,
                "learning_rate": self._rate(),
                "global_step": self.global_step,
            }
        )
        self.model.training_history = self.history  # type: ignore[assignment]

    def _step(self, group: list[Batch]) -> tuple[float, int]:
        """Take one optimizer step; return the mean loss and the number of target tokens."""
        trainer = self.trainer
        parts = [shifted(batch, trainer.device) for batch in group]
        counts = [int(mask.sum()) for _, _, mask in parts]
        total, summed = max(1, sum(counts)), 0.0
        self.optimizer.zero_grad()
        for (inputs, targets, mask), count in zip(parts, counts, strict=True):
            with self._autocast():
                loss = self.model.compute_loss(inputs, targets, mask) * (count / total)  # type: ignore[operator]
            self.scaler.scale(loss).backward()
            summed += float(loss.detach())
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.model.parameters(), trainer.gradient_clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.global_step += 1
        if isinstance(self.scheduler, LambdaLR):
            self.scheduler.step()
        return summed, total

    @torch.no_grad()
    def _validate(self) -> float | None:
        if not self.split.validation:
            return None
        self.model.eval()
        with self._autocast():
            loss = _mean_loss(self.model, self.split.validation, self.trainer.device)
        better = loss < self.best_loss
        if better:
            self.best_loss, self.best_step = loss, self.global_step
        self._emit("EvalReport", step=self.global_step, loss=loss, column_losses={}, best=better)
        return loss

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        about = {
            "epoch": self.epoch,
            "global_step": self.global_step,
            "planned": self.planned,
            "training_history": self.history,
            "scheduler": _plain_state(self.scheduler),
            "scaler": self.scaler.state_dict(),
            "best": [self.best_loss, self.best_step],
        }
        save_checkpoint(path, self.model.state_dict(), self.optimizer.state_dict(), about)

    def restore(self, path: Path) -> None:
        """Restore a checkpoint."""
        path = path / "latest.pt" if path.is_dir() else path
        weights, optimizer, about = load_checkpoint(path)
        try:
            self.model.load_state_dict(weights)
            self.optimizer.load_state_dict(optimizer)
        except (RuntimeError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise ValueError(f"{str(path)!r} is of a model of another shape ({first})") from error
        self.epoch, self.global_step = about["epoch"], about["global_step"]
        self.planned, self.history = about["planned"], about["training_history"]
        self.scheduler_state = about["scheduler"]
        self.best_loss, self.best_step = about["best"]
        if about["scaler"]:
            self.scaler.load_state_dict(about["scaler"])

    def end(self) -> None:
        """Emit `FitEnd`."""
        self._emit(
            "FitEnd",
            step=self.global_step,
            reason="epochs",
            best_step=self.best_step,
            best_loss=self.best_loss,
        )

    def _report(self, loss: float, group: list[Batch]) -> None:
        seconds = time.perf_counter() - self.began
        self.n_seen += sum(len(batch["input_ids"]) for batch in group)
        if seconds - self.reported_at >= REPORT_SECONDS:
            self.reported_at = seconds
            self._emit(
                "TrainReport",
                step=self.global_step,
                epoch=self.epoch,
                loss=loss,
                learning_rate=self._rate(),
                rows_per_second=self.n_seen / max(seconds, 1e-9),
            )
        tokenizer = getattr(self.model, "tokenizer", None)
        if isinstance(tokenizer, Tokenizer) and seconds - self.examples_at >= EXAMPLE_SECONDS:
            self.examples_at = seconds
            rows = group[0]["input_ids"][:N_EXAMPLES].tolist()
            self._emit("TrainExamples", examples=[tokenizer.decode(row) for row in rows])

    def _emit(self, event: str, **fields: Any) -> None:
        seconds = time.perf_counter() - self.began
        self.on_event({"event": event, "seconds": seconds, **fields})

    def _rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        if not self.trainer.use_amp:
            return contextlib.nullcontext()
        return torch.autocast("cuda", DTYPES[self.trainer.amp_dtype or "float16"])


def _mean_loss(model: nn.Module, batches: Iterable[Batch], device: torch.device) -> float:
    """Return the mean cross-entropy in nats per target token."""
    total, count = 0.0, 0
    for batch in batches:
        inputs, targets, mask = shifted(batch, device)
        tokens = int(mask.sum())
        loss = model.compute_loss(inputs, targets, mask)  # type: ignore[operator]
        total, count = total + float(loss) * tokens, count + tokens
    return total / max(1, count)


def _scheduler(
    optimizer: torch.optim.Optimizer, trainer: Trainer, total: int
) -> LambdaLR | ReduceLROnPlateau:
    """Return the schedule; all but "plateau" depend on the step alone."""
    options = dict(trainer.scheduler_kwargs)
    if trainer.scheduler_type == "plateau":
        return ReduceLROnPlateau(optimizer, **options)
    warmup = 0
    if trainer.scheduler_type in ("linear", "cosine_warmup"):
        warmup = options.pop("warmup_iters", trainer.warmup_steps)
        if warmup >= total:
            warnings.warn(
                f"the learning rate is still rising when training ends: {warmup} warmup steps of "
                f"{total} in all; lower warmup_steps",
                stacklevel=4,
            )
    length = max(1, options.pop("t_max", max(1, total - warmup)))
    if options:
        raise ValueError(f"scheduler_kwargs has unknown keys: {', '.join(options)}")

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        used = min(1.0, (step - warmup) / length)
        if trainer.scheduler_type == "none":
            return 1.0
        if trainer.scheduler_type == "linear":
            return 1 - used
        return (1 + math.cos(math.pi * used)) / 2

    return LambdaLR(optimizer, factor)


def _plain_state(scheduler: LambdaLR | ReduceLROnPlateau) -> dict[str, Any]:
    """Return the JSON part of the scheduler's state."""
    state = scheduler.state_dict()
    return {k: v for k, v in state.items() if isinstance(v, (int, float, str, list, type(None)))}

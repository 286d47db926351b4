"""HFFit: one fit of a pretrained model, by transformers' Trainer."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from tabwidget._typing import Ints
from tabwidget.backends.base import FitRequest
from tabwidget.backends.fair_lock import FairLock
from tabwidget.backends.huggingface.scoring_model import HFScoringModel
from tabwidget.backends.rng import preserved_rng
from tabwidget.backends.text import RowBatches, RowTokens
from tabwidget.backends.text.fit import NEVER, TextFit

__all__ = ["HFFit", "Learner"]


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

    def __init__(self, scorer: HFScoringModel, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.model = scorer.model
        self._scorer, self._smoothing = scorer, label_smoothing

    def get_input_embeddings(self) -> nn.Module:
        """Return where NEFTune puts its noise."""
        embeddings: nn.Module = self.model.get_input_embeddings()
        return embeddings

    def forward(
        self, ids: Tensor, at: Tensor, labels: Tensor, weights: Tensor, cells: Tensor
    ) -> dict[str, Tensor]:
        """Return the loss."""
        logits = self._scorer.logits_at(ids, at).float()
        losses = cross_entropy(logits, labels, reduction="none", label_smoothing=self._smoothing)
        return {"loss": (losses * weights).sum() / cells.clamp_min(1e-9)}


class HFFit(TrainerCallback, TextFit):
    """A fit by transformers' Trainer, in one process or several.

    Parameters
    ----------
    request : FitRequest
        What to learn, and whom to tell.
    scorer : HFScoringModel
        The model; the weights that require gradients are trained.
    tokens : RowTokens
        Writes the rows.
    lock : FairLock
        Whose turn it is with the model.
    """

    scorer: HFScoringModel

    def __init__(
        self, request: FitRequest, scorer: HFScoringModel, tokens: RowTokens, lock: FairLock
    ) -> None:
        # As accelerate and torchrun tell them; of several processes one speaks for all.
        self.processes = int(os.environ.get("WORLD_SIZE", "1"))
        if os.environ.get("RANK", "0") != "0":
            request = replace(request, emit=lambda event: None)
        adapters = any(not weight.requires_grad for weight in scorer.model.parameters())
        super().__init__(request, "huggingface", scorer, tokens, lock, adapters=adapters)
        self.loss, self.n_rows = 0.0, 0
        self.trainer: Any = None

    def train(self) -> None:
        """Do steps until it is enough."""
        training, scorer = self.request.training, self.scorer
        with tempfile.TemporaryDirectory() as folder, preserved_rng():
            learner = Learner(scorer, training.label_smoothing)
            self.trainer = _RowTrainer(self, learner, _arguments(self, folder))
            with _activations_twice(scorer.model, training.gradient_checkpointing):
                self.trainer.train()
        scorer.model.eval()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Tell of a step, and end when it is enough."""
        rate = float(self.trainer.optimizer.param_groups[0]["lr"])
        over = self.after_step(self.loss, self.n_rows, int(state.epoch or 0), rate)
        self.loss, self.n_rows = 0.0, 0
        control.should_training_stop = control.should_training_stop or over
        return control

    def tensors(self, items: list[tuple[int, Ints]]) -> dict[str, Tensor]:
        """Return rows, each with its column order, as what `Learner` takes."""
        made = self.batch(items)
        names = ("ids", "at", "labels", "weights", "cells")
        return {name: torch.from_numpy(made[name]) for name in names}

    def _most(self, said: float) -> float:
        accelerator = self.trainer.accelerator
        if accelerator.num_processes == 1:
            return said
        return float(accelerator.gather(torch.tensor([said], device=accelerator.device)).max())


class _RowTrainer(Trainer):
    """The Trainer of one fit: its batches, its learning rate, and a turn a step."""

    def __init__(self, fit: HFFit, learner: Learner, arguments: TrainingArguments) -> None:
        self._fit = fit
        super().__init__(model=learner, args=arguments, train_dataset=_Rows(), callbacks=[fit])
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader[Any]:
        loader = DataLoader(
            _Rows(), batch_sampler=_Batches(self._fit.batches), collate_fn=self._fit.tensors
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
        self._fit.loss += float(loss)
        self._fit.n_rows += len(inputs["ids"]) * self.accelerator.num_processes
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


def _arguments(fit: HFFit, folder: str) -> TrainingArguments:
    training, scorer = fit.request.training, fit.scorer
    arguments = TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=fit.batches.size,
        gradient_accumulation_steps=training.grad_accumulation_steps,
        max_steps=NEVER,  # the limits are ours
        learning_rate=fit.highest_rate,
        weight_decay=training.weight_decay,
        max_grad_norm=fit.max_grad_norm,
        optim=OPTIMIZERS.get(training.optimizer, OPTIMIZERS["auto"]),
        neftune_noise_alpha=training.neftune_noise_alpha,
        bf16=scorer.dtype == torch.bfloat16,
        fp16=scorer.dtype == torch.float16,
        use_cpu=scorer.device.type == "cpu",
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

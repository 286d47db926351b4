"""HFFit: training of a pretrained model by transformers' Trainer."""

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
from tabwidget.backends.text import RowTokens
from tabwidget.backends.text.batches import RowBatches
from tabwidget.backends.text.fit import TextFit

__all__ = ["OPTIMIZERS", "HFFit", "RowLoss"]

NO_LIMIT = 10**9  # steps: `TextFit` ends the training

OPTIMIZERS = {
    "auto": "adamw_torch",
    "adamw": "adamw_torch",
    "adamw_8bit": "adamw_8bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
    "adafactor": "adafactor",
    "lion": "lion_32bit",
    "sgd": "sgd",
}


class RowLoss(nn.Module):
    """The loss of a batch of rows, in nats per cell.

    It is the weighted sum of the cross-entropies of the cells' tokens over the sum of the cells'
    weights; names and punctuation do not count.
    """

    accepts_loss_kwargs = False

    def __init__(self, scorer: HFScoringModel, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.model = scorer.model
        self._scorer, self._smoothing = scorer, label_smoothing

    def get_input_embeddings(self) -> nn.Module:
        """Return the embeddings, to which NEFTune adds noise."""
        embeddings: nn.Module = self.model.get_input_embeddings()
        return embeddings

    def forward(
        self, ids: Tensor, at: Tensor, labels: Tensor, weights: Tensor, cells: Tensor
    ) -> dict[str, Tensor]:
        """Return the loss of a batch (see `collate`)."""
        logits = self._scorer.logits_at(ids, at).float()
        losses = cross_entropy(logits, labels, reduction="none", label_smoothing=self._smoothing)
        return {"loss": (losses * weights).sum() / cells.clamp_min(1e-9)}


class HFFit(TrainerCallback, TextFit):
    """A fit by transformers' Trainer, in one process or several.

    Parameters
    ----------
    request : FitRequest
        The table, the training settings, and where events go.
    scorer : HFScoringModel
        The model; weights that require gradients are trained.
    tokens : RowTokens
        Encodes the rows.
    lock : FairLock
        Held while the model is used.
    """

    scorer: HFScoringModel

    def __init__(
        self, request: FitRequest, scorer: HFScoringModel, tokens: RowTokens, lock: FairLock
    ) -> None:
        # Set by accelerate and torchrun; only the first of several processes emits events.
        if os.environ.get("RANK", "0") != "0":
            request = replace(request, emit=lambda event: None)
        adapters = any(not weight.requires_grad for weight in scorer.model.parameters())
        super().__init__(
            request,
            "huggingface",
            scorer,
            tokens,
            lock,
            adapters=adapters,
            processes=int(os.environ.get("WORLD_SIZE", "1")),
        )
        self.loss, self.n_rows = 0.0, 0
        self.trainer: Any = None

    def train(self) -> None:
        """Take steps until `after_step` returns True."""
        training, scorer = self.request.training, self.scorer
        with tempfile.TemporaryDirectory() as folder, preserved_rng():
            loss = RowLoss(scorer, training.label_smoothing)
            self.trainer = _RowTrainer(self, loss, _arguments(self, folder))
            with _checkpointing(scorer.model, training.gradient_checkpointing):
                self.trainer.train()
        scorer.model.eval()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Log a step, and stop the Trainer once training is over."""
        rate = float(self.trainer.optimizer.param_groups[0]["lr"])
        over = self.after_step(self.loss, self.n_rows, int(state.epoch or 0), rate)
        self.loss, self.n_rows = 0.0, 0
        control.should_training_stop = control.should_training_stop or over
        return control

    def tensors(self, items: list[tuple[int, Ints]]) -> dict[str, Tensor]:
        """Return rows, each with its column order, as arguments of `RowLoss`."""
        batch = self.batch(items)
        names = ("ids", "at", "labels", "weights", "cells")
        return {name: torch.from_numpy(batch[name]) for name in names}

    def _max_over_processes(self, value: float) -> float:
        accelerator = self.trainer.accelerator
        if accelerator.num_processes == 1:
            return value
        return float(accelerator.gather(torch.tensor([value], device=accelerator.device)).max())


class _RowTrainer(Trainer):
    """The Trainer of one fit, with its batches and learning rate."""

    def __init__(self, fit: HFFit, loss: RowLoss, arguments: TrainingArguments) -> None:
        self._fit = fit
        super().__init__(model=loss, args=arguments, train_dataset=_Rows(), callbacks=[fit])
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
    """A data set that returns its index: batches hold rows and orders themselves."""

    def __len__(self) -> int:
        return NO_LIMIT

    def __getitem__(self, item: Any) -> Any:
        return item


class _Batches(Sampler[Any]):
    """The batches of the epoch that the Trainer sets."""

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
        max_steps=NO_LIMIT,
        learning_rate=fit.settings.learning_rate,
        weight_decay=training.weight_decay,
        max_grad_norm=fit.settings.max_grad_norm,
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
    # One device per process; accelerate or torchrun start several processes.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


@contextlib.contextmanager
def _checkpointing(model: Any, enabled: bool) -> Iterator[None]:
    """Recompute activations in the backward pass instead of keeping them, if enabled."""
    if not enabled:
        yield
        return
    # Later versions of transformers renamed the methods.
    kind = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    getattr(model, f"{kind}_checkpointing_enable")(
        **{f"{kind}_checkpointing_kwargs": {"use_reentrant": False}}
    )
    model.enable_input_require_grads()
    try:
        yield
    finally:
        getattr(model, f"{kind}_checkpointing_disable")()
        model.disable_input_require_grads()

"""Pretraining of the in-context model on synthetic tables: steps, validation, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from tabwidget.backends.pretrained.features import Kind
from tabwidget.backends.pretrained.mechanisms import Draw
from tabwidget.backends.pretrained.model import VECTOR_SIZE, InContextModel
from tabwidget.backends.pretrained.scoring import log_likelihood
from tabwidget.backends.pretrained.synthetic import (
    SyntheticTables,
    hide_query_cells,
    synthetic_tables,
)
from tabwidget.minilm.files import read_tensors, write_tensors
from tabwidget.minilm.optimizer import ema_of, optimizers_of

__all__ = [
    "Pretraining",
    "PretrainingConfig",
    "draw_tables",
    "validate",
]

KINDS: tuple[Kind, Kind] = ("number", "levels")
VALIDATION_SEED = 999


@dataclass(frozen=True)
class PretrainingConfig:
    """Settings of a pretraining run."""

    seconds: float = 60.0
    steps: int | None = None  # an end before `seconds`
    seed: int = 0
    batch_rows: int = 2048  # context and query rows of all tables of one kind in a step
    min_rows: int = 32  # of a context
    max_rows: int = 600
    max_columns: int = 24
    queries: int = 64
    learning_rate: float = 1e-3
    matrix_learning_rate: float = 0.01
    muon: bool = True
    weight_decay: float = 0.03
    warmup_steps: int = 50
    ema_decay: float = 0.998
    log_every: float = 10.0  # seconds
    checkpoint_every: float = 60.0


def draw_tables(
    config: PretrainingConfig, kind: Kind, draw: Draw
) -> tuple[SyntheticTables, int, Tensor]:
    """Return tables of random size with cells hidden, the context's size, and column vectors.

    Examples
    --------
    >>> draw = Draw(torch.Generator().manual_seed(0))
    >>> tables, n_context, vectors = draw_tables(PretrainingConfig(), "levels", draw)
    >>> tables.target.shape[1] - n_context, vectors.shape[2]
    (64, 12)
    """
    plain = draw.plain
    n_context = round(math.exp(plain.uniform(math.log(config.min_rows), math.log(config.max_rows))))
    columns = int(math.exp(plain.uniform(math.log(1.5), math.log(config.max_columns + 1))))
    columns = min(max(columns, 1), config.max_columns)
    rows = n_context + config.queries
    count = max(1, min(config.batch_rows // rows, 14 * config.batch_rows // (rows * columns)))
    tables = synthetic_tables(count, rows, columns, kind, draw.generator)
    known = hide_query_cells(tables.known, n_context, draw)
    tables = SyntheticTables(**{**vars(tables), "known": known})
    return tables, n_context, draw.normal(count, columns, VECTOR_SIZE)


@torch.no_grad()
def validate(
    model: InContextModel, device: str = "cpu", tables: int = 8, sizes: int = 20
) -> dict[str, float]:
    """Return mean losses on synthetic tables of a fixed seed, and the gains over the marginal.

    Parameters
    ----------
    model : InContextModel
        The model.
    device : str, default "cpu"
        Device of the model.
    tables, sizes : int
        Number of tables of each size and kind, and of sizes.

    Returns
    -------
    dict of str to float
        ``loss_number``, ``gain_number``, ``loss_levels``, ``gain_levels``, in nats.
    """
    draw = Draw(torch.Generator(device).manual_seed(VALIDATION_SEED))
    found: dict[str, float] = {}
    for kind in KINDS:
        losses, gains = [], []
        for size in range(sizes):
            n_context = (60, 120, 250, 500)[size % 4]
            columns = (3, 6, 10, 16, 4)[size % 5]
            drawn = synthetic_tables(tables, n_context + 96, columns, kind, draw.generator)
            drawn = SyntheticTables(
                **{**vars(drawn), "known": hide_query_cells(drawn.known, n_context, draw)}
            )
            vectors = draw.normal(tables, columns, VECTOR_SIZE)
            log_p, marginal = log_likelihood(drawn, n_context, model, vectors)
            losses.append(-float(log_p.mean()))
            gains.append(float((log_p - marginal).mean()))
        found[f"loss_{kind}"] = round(sum(losses) / sizes, 5)
        found[f"gain_{kind}"] = round(sum(gains) / sizes, 5)
    return found


class Pretraining:
    """A pretraining run: it can be saved and resumed between any two steps.

    Parameters
    ----------
    model : InContextModel
        The model, on its device; its weights are trained in place.
    config : PretrainingConfig
        Settings.
    report : callable
        Called with one JSON-like dict for each report.
    """

    def __init__(
        self,
        model: InContextModel,
        config: PretrainingConfig,
        report: Callable[[dict[str, Any]], None] = print,
    ) -> None:
        self.model, self.config, self.report = model, config, report
        self.device = next(model.parameters()).device
        self.step, self.tables, self.elapsed = 0, 0, 0.0
        self.weights = list(model.requires_grad_(True).parameters())
        self.optimizers = optimizers_of(
            model,
            model.blocks,
            learning_rate=config.learning_rate,
            matrix_learning_rate=config.matrix_learning_rate,
            weight_decay=config.weight_decay,
            muon=config.muon,
        )
        self._rates = [optimizer.param_groups[0]["lr"] for optimizer in self.optimizers]
        self.ema: AveragedModel = ema_of(model, config.ema_decay)
        self.ema.update_parameters(model)

    def run(self, checkpoint: Path | None = None) -> None:
        """Train until the time or the steps are over, with checkpoints on the way."""
        start = time.monotonic() - self.elapsed
        reported = saved = time.monotonic()
        sums: dict[str, list[float]] = {}
        while not self.finished:
            for name, value in self.train_step().items():
                sums.setdefault(name, []).append(value)
            now = time.monotonic()
            self.elapsed = now - start
            if now - reported > self.config.log_every or self.finished:
                means = {name: round(sum(all_) / len(all_), 4) for name, all_ in sums.items()}
                self.report({"event": "training", **self.progress(), **means})
                reported, sums = now, {}
            if checkpoint is not None and now - saved > self.config.checkpoint_every:
                self.save(checkpoint)
                saved = now
        if checkpoint is not None:
            self.save(checkpoint)

    @property
    def finished(self) -> bool:
        """Whether the time or the steps are over."""
        over = self.config.steps is not None and self.step >= self.config.steps
        return over or self.elapsed >= self.config.seconds

    def progress(self) -> dict[str, Any]:
        """Return how far the run is."""
        return {"step": self.step, "tables": self.tables, "seconds": round(self.elapsed, 1)}

    def train_step(self) -> dict[str, float]:
        """Train on one batch of each kind; return losses and gains over the marginal in nats."""
        self._set_rates()
        draw = Draw(torch.Generator(self.device).manual_seed(self.config.seed * 2**32 + self.step))
        figures = {}
        self.model.train()
        for kind in KINDS:
            tables, n_context, vectors = draw_tables(self.config, kind, draw)
            with torch.autocast(
                self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"
            ):
                log_p, marginal = log_likelihood(tables, n_context, self.model, vectors)
            loss = -log_p.mean()
            if math.isfinite(loss.item()):
                loss.backward()
            figures[f"loss_{kind}"] = loss.item()
            figures[f"gain_{kind}"] = float((log_p.detach() - marginal).mean())
            self.tables += len(tables)
        norm = torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        if math.isfinite(float(norm)):
            for optimizer in self.optimizers:
                optimizer.step()
        self.model.zero_grad(set_to_none=True)
        self.ema.update_parameters(self.model)
        self.step += 1
        return figures

    def _set_rates(self) -> None:
        """Warm up over the first steps, and decay to zero with a cosine."""
        done = self.elapsed / self.config.seconds
        if self.config.steps is not None:
            done = max(done, self.step / self.config.steps)
        factor = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        factor *= min(1.0, (self.step + 1) / max(1, self.config.warmup_steps))
        for optimizer, rate in zip(self.optimizers, self._rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor

    def averaged(self) -> dict[str, Tensor]:
        """Return the moving average of the weights."""
        return self.ema.module.state_dict()

    def save(self, path: Path) -> None:
        """Write a checkpoint: weights, their average, the optimizers' state and the progress."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"ema.{name}": value for name, value in self.averaged().items()}
        for number, optimizer in enumerate(self.optimizers):
            for index, state in optimizer.state_dict()["state"].items():
                for name, value in state.items():
                    tensors[f"optimizer.{number}.{index}.{name}"] = torch.as_tensor(value)
        about = {
            "model": self.model.config,
            "pretraining": asdict(self.config),
            "progress": [self.step, self.tables, self.elapsed, int(self.ema.n_averaged)],
        }
        write_tensors(path, tensors, about)

    def load(self, path: Path) -> None:
        """Go on where the run that wrote a checkpoint was.

        Raises
        ------
        ValueError
            If the file is not a checkpoint, or one of another model.
        """
        tensors, about = read_tensors(path)
        if "progress" not in about or about["model"] != self.model.config:
            raise ValueError(f"{str(path)!r} is not a checkpoint of this model's pretraining")
        self.model.load_state_dict(dict(_below("model", tensors)))
        self.ema.module.load_state_dict(dict(_below("ema", tensors)))
        for number, optimizer in enumerate(self.optimizers):
            states: dict[int, dict[str, Tensor]] = {}
            for full, value in _below(f"optimizer.{number}", tensors):
                index, _, name = full.partition(".")
                states.setdefault(int(index), {})[name] = value
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": states, "param_groups": groups})
        self.step, self.tables, self.elapsed, averaged = about["progress"]
        self.ema.n_averaged.fill_(averaged)


def _below(prefix: str, tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors whose names start with a prefix, without it."""
    for name, value in tensors.items():
        if name.startswith(prefix + "."):
            yield name[len(prefix) + 1 :], value

"""MiniLMBackend: the default backend, cell models trained from scratch in seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tabwidget._typing import Floats
from tabwidget.backends.base import FitRequest, Prediction
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.minilm.fit import (
    MAX_READ,
    MiniLMFit,
    Size,
    cell_column,
    encoded,
    present_in,
)
from tabwidget.backends.minilm_text.backend import MiniLMTextBackend
from tabwidget.backends.threads import cores, few_threads, one_thread
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.minilm.cell_model import CellModel, Cells, missing_last
from tabwidget.minilm.gaussian_prior import Moments
from tabwidget.params import warn_unused
from tabwidget.serializers.base import Serializer
from tabwidget.table import Column, Table
from tabwidget.table.column_orders import column_orders

__all__ = ["MiniLMBackend"]


# Fields of the configs that have an effect here.
SUPPORTED_FIELDS = {
    "augmentation_factor",
    "batch_size",
    "dropout",
    "epochs",
    "grad_accumulation_steps",
    "heads",
    "layers",
    "learning_rate",
    "loss_on_target_only",
    "lr_scheduler",
    "max_grad_norm",
    "max_seconds",
    "max_steps",
    "members",
    "validation_fraction",
    "warmup_ratio",
    "warmup_steps",
    "weight_decay",
    "width",
}
BLOCK_WEIGHTS = 8  # of a block, in squares of its width
MAX_TOKENS = 8_000  # in one inference batch, whose activations then stay in a core's cache


class MiniLMBackend:
    """Cell models (see `tabwidget.minilm.cell_model`), averaged over members and column orders.

    Parameters
    ----------
    model_config : ModelConfig, optional
        Size of the models.
    tokens : {"cells", "text"}, default "cells"
        What the models read: cells as they are, or rows as text, for which
        `tabwidget.backends.MiniLMTextBackend` is returned.

    Examples
    --------
    >>> MiniLMBackend().name, MiniLMBackend(tokens="text").name
    ('minilm', 'minilm-text')
    """

    name = "minilm"

    def __new__(cls, model_config: ModelConfig | None = None, tokens: str = "cells") -> Any:
        """Return a backend that reads such tokens."""
        if tokens == "text":
            return MiniLMTextBackend(model_config)
        if tokens != "cells":
            raise ConfigError(f"tokens={tokens!r} is neither 'cells' nor 'text'")
        return super().__new__(cls)

    def __init__(self, model_config: ModelConfig | None = None, tokens: str = "cells") -> None:
        self.model_config = model_config or ModelConfig()
        # Replaced as a whole while training, never changed: who asks needs no lock.
        self._members: tuple[CellModel, ...] = ()
        self._columns: tuple[Column, ...] = ()
        self._near = np.empty((0, 0), dtype=np.int64)
        self._held: list[NDArray[np.int64]] = []
        self._seed = 0

    @property
    def ready(self) -> bool:
        """Whether there are weights to ask."""
        return bool(self._members)

    @few_threads()
    def fit(self, request: FitRequest) -> None:
        """Learn a table; returns when a limit is reached, or ``request.stopped()`` says so."""
        for config in (request.training, self.model_config):
            warn_unused(config, _supported(request.training, self.model_config), self.name)
        columns = request.table.schema.inputs
        if not request.resume:
            # An instance that learns another table must not answer with the weights of the last.
            self._members = ()
        fit = MiniLMFit(request, self.model_config, columns, self._members)
        self._columns, self._near, self._seed = columns, fit.near, request.seed
        self._held = fit.held_rows
        fit.run(self._publish)

    def size(self, table: Table, serializer: Serializer, training: TrainingConfig) -> ModelSize:
        """Return the size of the models that a fit would train."""
        columns = table.schema.inputs
        config, size = self.model_config, Size.of(len(table), len(columns))
        members = size.members if config.members == "auto" else config.members
        blocks = members * BLOCK_WEIGHTS * config.layers * config.width**2
        vectors = sum(len(column.support) + 1 for column in columns)
        weights = blocks + members * vectors * config.width
        batch = size.batch_size if training.batch_size == "auto" else training.batch_size
        return ModelSize(
            n_parameters=weights,
            n_trained=weights,
            n_multiplied=blocks,
            weight_bytes=4,
            layers=members * config.layers,
            width=config.width,
            vocabulary=vectors,
            tokens_per_row=2.0 * min(len(columns), MAX_READ),
            rows_per_step=batch,
            device="cpu",
        )

    def _publish(self, members: tuple[CellModel, ...]) -> None:
        self._members = members

    @few_threads()
    def predict(
        self, contexts: Floats, targets: Sequence[int] | NDArray[np.int64], orders: int = 16
    ) -> Prediction:
        """Return the distribution of column ``targets[i]`` given row i of `contexts`."""
        members = self._ready_members()
        asked = np.asarray(targets, dtype=np.int64)
        contexts = contexts.copy()
        contexts[np.arange(len(contexts)), asked] = np.nan
        each = max(1, orders // len(members))

        def answered(rows: slice) -> tuple[Floats, Floats]:
            found = self._answers(members, contexts[rows], asked[rows], each)
            mean = found.mean(0)
            return mean / mean.sum(1, keepdims=True), np.abs(found - mean).sum(2).mean(0) / 2

        tokens = each * (min(len(self._columns), MAX_READ) + 1)
        probabilities, spread = zip(*_mapped(answered, len(contexts), tokens), strict=True)
        return Prediction(np.concatenate(probabilities), np.concatenate(spread))

    @few_threads()
    def validation_predictions(self, rows: Floats, target: int) -> tuple[NDArray[np.int64], Floats]:
        """Return the answers on validation rows, each by a member that never saw it."""
        numbers, answers = [], []
        for member, held in zip(self._ready_members(), self._held, strict=False):
            asked = held[np.isfinite(rows[held, target])]
            contexts = rows[asked]
            contexts[:, target] = np.nan
            targets = np.full(len(asked), target)
            for part in _batches(len(asked), min(len(self._columns), MAX_READ) + 1):
                found = self._answers([member], contexts[part], targets[part], 1)[0]
                numbers.append(asked[part])
                answers.append(found)
        return np.concatenate(numbers), np.concatenate(answers)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what was learned, as strict JSON holds it, and arrays by name."""
        members = self._ready_members()
        arrays = {"neighbors": self._near}
        for index, column in enumerate(members[0].columns):
            if column.nodes is not None:
                arrays[f"nodes.{index}"] = column.nodes.numpy()
        for number, member in enumerate(members):
            for name, weight in member.state_dict().items():
                arrays[f"member.{number}.{name}"] = weight.numpy()
        content = {"seed": self._seed, "n_members": len(members), "shape": members[0].shape}
        return content, arrays

    def restore(
        self,
        columns: Sequence[Column],
        content: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Take back what `state` returned of these columns."""
        self._columns, self._near = tuple(columns), arrays["neighbors"]
        self._seed, self._held = content["seed"], []
        nodes = [arrays.get(f"nodes.{index}") for index in range(len(columns))]
        members = []
        for number in range(content["n_members"]):
            start = f"member.{number}."
            weights = {
                name.removeprefix(start): torch.from_numpy(array)
                for name, array in arrays.items()
                if name.startswith(start)
            }
            cells = [cell_column(c, n) for c, n in zip(columns, nodes, strict=True)]
            parts = {f.name: weights[f"gaussian.{f.name}"] for f in fields(Moments)}
            moments = Moments(**parts)
            shape = content["shape"]
            member = CellModel(cells, **shape, moments=moments, generator=torch.Generator())
            member.load_state_dict(weights)
            members.append(member.eval())
        self._members = tuple(members)

    def grow(self, columns: Sequence[Column]) -> None:
        """Take in new values of the columns: levels after the old ones, numbers anywhere."""
        members = self._ready_members()
        nodes = [None if c.nodes is None else c.nodes.numpy() for c in members[0].columns]
        cells = [cell_column(c, n) for c, n in zip(columns, nodes, strict=True)]
        generator = torch.Generator().manual_seed(self._seed)
        self._members = tuple(member.grown(cells, generator) for member in members)
        self._columns = tuple(columns)

    @few_threads()
    def chain(self, rows: Floats) -> Floats:
        """Return each cell's log-probability given the cells read before it in its row."""
        members = self._ready_members()
        columns = len(self._columns)
        out = np.zeros((len(rows), columns))
        # An order depends on the row's place in the table, not on the batch.
        drawn = torch.from_numpy(column_orders(len(rows), columns, seed=self._seed, epoch=0))
        for part in _batches(len(rows), 2 * min(columns, MAX_READ)):
            cells = encoded(members[0], self._columns, rows[part])
            known = cells.present
            total = np.zeros(out[part].shape)
            for member in members:
                found = _chained(member, cells, drawn[part], known)
                # A value that the support lacks has no probability.
                total += found.double().exp().where(cells.answer >= 0, 0).numpy()
            with np.errstate(divide="ignore"):
                out[part] = np.where(known.numpy(), np.log(total / len(members)), 0)
        return out

    def _answers(
        self, members: Sequence[CellModel], contexts: Floats, targets: NDArray[np.int64], each: int
    ) -> Floats:
        """Return the answers of every member and order, shape ``(answers, rows, support)``."""
        known = present_in(self._columns, contexts)
        # A wide table's rows are read in part: the question's neighbors, and others by chance.
        count = known.sum(1).clip(max=MAX_READ - 1)
        near = np.zeros(known.shape)
        np.put_along_axis(near, self._near[targets], 1, axis=1)
        length = int(count.max(initial=0)) + 1
        # With one cell known or none there is one order. Otherwise their number must not depend on
        # the rows of the batch, or an answer would.
        each = each if length > 2 else 1
        rng = np.random.default_rng([self._seed, known.shape[1]])
        # The members place values alike: what is encoded for one is so for all.
        cells = encoded(members[0], self._columns, contexts)
        repeated = cells[torch.arange(len(contexts)).repeat(each)] if each > 1 else cells
        wide = known.shape[1] > MAX_READ
        out = []
        for number, member in enumerate(members):
            orders = []
            for _ in range(each):
                # The same keys for every row: an answer does not depend on the rows beside it.
                keys = rng.random((1, known.shape[1]))
                order = np.where(known, keys - near, 2.0).argsort(1)[:, :length]
                order[np.arange(len(contexts)), count] = targets
                orders.append(order)
            # Every other time all that is known is read together; else one cell after the other.
            together = (np.arange(each) + number) % 2 == 0
            prefix = np.concatenate([count if wide or one else count * 0 for one in together])
            found = member.predict(
                repeated,
                torch.from_numpy(np.concatenate(orders)),
                torch.from_numpy(count).repeat(each),
                torch.from_numpy(prefix),
            )
            out.append(found.numpy().reshape(each, len(contexts), -1))
        return np.concatenate(out).astype(np.float64)

    def _ready_members(self) -> tuple[CellModel, ...]:
        if not self._members:
            raise NotFittedError("there is nothing to ask yet: call fit first")
        return self._members


def _supported(training: TrainingConfig, model: ModelConfig) -> set[str]:
    """Return the fields of the configs that have an effect, or ask for what is done anyway."""
    fields = set(SUPPORTED_FIELDS)
    if training.optimizer in ("adamw", "muon"):
        fields.add("optimizer")
    if model.device == "cpu":
        fields.add("device")
    if model.precision == "fp32":
        fields.add("precision")
    return fields


@torch.no_grad()
def _chained(member: CellModel, cells: Cells, orders: Tensor, known: Tensor) -> Tensor:
    """Return the log-probability of each cell given those before it, shape ``(rows, columns)``.

    Rows of a wide table are read half by half: each half sees the one before it.
    """
    if orders.shape[1] <= MAX_READ:
        return member(cells, missing_last(orders, known))[0]
    half = MAX_READ // 2
    # All rows read the same columns together.
    order = orders[:1].expand(len(orders), -1)
    out = torch.zeros(orders.shape)
    for start in range(0, orders.shape[1], half):
        before = order[:, max(0, start - half) : start]
        after = missing_last(order[:, start : start + half], known)
        read = torch.cat((before, after), dim=1)
        prefix = torch.full((len(read),), before.shape[1])
        found, _ = member(cells, read, prefix, hidden=~known)
        out += found
    return out


def _mapped(work: Callable[[slice], Any], n_rows: int, tokens_per_row: int) -> list[Any]:
    """Do a piece of work for each batch of rows, on all cores if there are several."""
    parts = list(_batches(n_rows, tokens_per_row))
    if len(parts) == 1:
        return [work(parts[0])]
    # Each on one core: threads that share a batch wait for each other at every operation.
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(one_thread()(work), parts))


def _batches(n_rows: int, tokens_per_row: int) -> Iterator[slice]:
    """Yield slices of the rows whose tokens fit the memory set aside."""
    size = max(1, MAX_TOKENS // tokens_per_row)
    for start in range(0, max(1, n_rows), size):
        yield slice(start, start + size)

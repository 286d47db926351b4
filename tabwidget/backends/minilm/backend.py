"""MiniLMBackend: the fitted network, an ensemble of cell models trained from scratch in seconds.

Shapes: B rows, C columns, S the largest support of a column, D members times column orders.
"""

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
from tabwidget.backends.base import FitRequest, FittedWeights, Prediction, arrays_below
from tabwidget.backends.cost import ModelSize
from tabwidget.backends.minilm.encoding import cell_column, encode, present_cells
from tabwidget.backends.minilm.fit import MiniLMFit
from tabwidget.backends.minilm.reading_orders import MAX_READ
from tabwidget.backends.minilm.size_defaults import ModelSettings
from tabwidget.backends.threads import cores, few_threads, one_thread
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import NotFittedError
from tabwidget.minilm.cell_data import Cells
from tabwidget.minilm.cell_model import CellModel, missing_last
from tabwidget.minilm.gaussian_prior import Moments
from tabwidget.params import warn_unused
from tabwidget.serializers.base import Serializer
from tabwidget.table import Column, Table
from tabwidget.table.column_orders import column_orders

__all__ = ["MiniLMBackend"]


# Fields of the configs that have an effect on this backend.
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
# Small operations of a step, in units of `small_operation_seconds`: in all, per block, per column.
STEP_OPERATIONS, BLOCK_OPERATIONS, COLUMN_OPERATIONS = 10, 10, 7
BLOCK_WEIGHTS = 8  # weights of a block, in squares of its width
MAX_TOKENS = 8_000  # per inference batch, so that its activations stay in a core's cache


class MiniLMBackend(FittedWeights):
    """Cell models (see `tabwidget.minilm.cell_model`), averaged over members and column orders.

    Parameters
    ----------
    model_config : ModelConfig, optional
        Size of the models.

    Attributes
    ----------
    validation_rows : list of ndarray of int
        Row numbers of each member's validation rows in the last fit; empty for a loaded model.

    Examples
    --------
    >>> backend = MiniLMBackend(ModelConfig(width=32))
    >>> backend.name, backend.ready
    ('minilm', False)
    """

    name = "minilm"

    def __init__(self, model_config: ModelConfig | None = None) -> None:
        self.model_config = model_config or ModelConfig()
        # Replaced as a whole in training, never changed: predictions need no lock.
        self._members: tuple[CellModel, ...] = ()
        self._columns: tuple[Column, ...] = ()
        self._near = np.empty((0, 0), dtype=np.int64)
        self.validation_rows: list[NDArray[np.int64]] = []
        self._seed = 0

    @property
    def ready(self) -> bool:
        """Whether there are weights to predict with."""
        return bool(self._members)

    @property
    def n_members(self) -> int:
        """Number of fitted models."""
        return len(self._members)

    @few_threads()
    def fit(self, request: FitRequest) -> None:
        """Fit a table; returns at the first limit, or once ``request.stopped()`` is true."""
        for config in (request.training, self.model_config):
            warn_unused(config, _supported(request.training, self.model_config), self.name)
        columns = request.table.schema.inputs
        if not request.resume:
            # The weights of the last table must not be used for another one.
            self._members = ()
        fit = MiniLMFit(request, self.model_config, columns, self._members)
        self._columns, self._near, self._seed = columns, fit.near, request.seed
        self.validation_rows = fit.validation_rows
        fit.run(self._publish)

    def size(self, table: Table, serializer: Serializer, training: TrainingConfig) -> ModelSize:
        """Return the size of the models that a fit would train."""
        columns, config = table.schema.inputs, self.model_config
        settings = ModelSettings.of(len(table), len(columns), config, training)
        blocks = settings.members * BLOCK_WEIGHTS * config.layers * config.width**2
        vectors = sum(len(column.support) + 1 for column in columns)
        weights = blocks + settings.members * vectors * config.width
        return ModelSize(
            n_parameters=weights,
            n_trained=weights,
            n_multiplied=blocks,
            weight_bytes=4,
            layers=settings.members * config.layers,
            width=config.width,
            vocabulary=vectors,
            tokens_per_row=2.0 * min(len(columns), MAX_READ),
            rows_per_step=settings.batch_size,
            device="cpu",
            small_operations=settings.members
            * (
                STEP_OPERATIONS
                + BLOCK_OPERATIONS * config.layers
                + COLUMN_OPERATIONS * len(columns)
            ),
        )

    def _publish(self, members: tuple[CellModel, ...]) -> None:
        self._members = members

    @few_threads()
    def predict(
        self, contexts: Floats, targets: Sequence[int] | NDArray[np.int64], orders: int = 16
    ) -> Prediction:
        """Return the distribution of column ``targets[i]`` given row i of `contexts`."""
        members = self._ready_members()
        numbers = np.asarray(targets, dtype=np.int64)
        contexts = contexts.copy()
        contexts[np.arange(len(contexts)), numbers] = np.nan
        n_orders = max(1, orders // len(members))

        def predicted(rows: slice) -> tuple[Floats, Floats]:
            each = self._distributions(members, contexts[rows], numbers[rows], n_orders)
            mean = each.mean(0)
            # Total variation distance to the mean: |p - mean|_1 / 2.
            return mean / mean.sum(1, keepdims=True), np.abs(each - mean).sum(2).mean(0) / 2

        tokens = n_orders * (min(len(self._columns), MAX_READ) + 1)
        probabilities, spread = zip(*_mapped(predicted, len(contexts), tokens), strict=True)
        return Prediction(np.concatenate(probabilities), np.concatenate(spread))

    @few_threads()
    def validation_predictions(self, rows: Floats, target: int) -> tuple[NDArray[np.int64], Floats]:
        """Return predictions of validation rows, each by a member not trained on the row."""
        numbers, distributions = [], []
        for member, validation in enumerate(self.validation_rows[: self.n_members]):
            scored = validation[np.isfinite(rows[validation, target])]
            numbers.append(scored)
            targets = np.full(len(scored), target)
            distributions.append(self.predict_by_member(member, rows[scored], targets))
        return np.concatenate(numbers), np.concatenate(distributions)

    @few_threads()
    def predict_by_member(
        self, number: int, contexts: Floats, targets: NDArray[np.int64]
    ) -> Floats:
        """Return the probabilities that one member predicts, by one column order.

        Parameters
        ----------
        number : int
            Number of the member.
        contexts, targets
            As for `predict`.
        """
        member = self._ready_members()[number]
        contexts = contexts.copy()
        contexts[np.arange(len(contexts)), targets] = np.nan
        parts = _batches(len(contexts), min(len(self._columns), MAX_READ) + 1)
        found = [self._distributions([member], contexts[p], targets[p], 1)[0] for p in parts]
        return np.concatenate(found)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the fitted state: JSON content, and arrays by name."""
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
        """Restore what `state` returned for these columns."""
        self._columns, self._near = tuple(columns), arrays["neighbors"]
        self._seed, self.validation_rows = content["seed"], []
        nodes = [arrays.get(f"nodes.{index}") for index in range(len(columns))]
        members = []
        for number in range(content["n_members"]):
            own = arrays_below(f"member.{number}.", arrays)
            weights = {name: torch.from_numpy(array) for name, array in own.items()}
            parts = [cell_column(c, n) for c, n in zip(columns, nodes, strict=True)]
            moments = Moments(**{f.name: weights[f"gaussian.{f.name}"] for f in fields(Moments)})
            shape = content["shape"]
            member = CellModel(parts, **shape, moments=moments, generator=torch.Generator())
            member.load_state_dict(weights)
            members.append(member.eval())
        self._members = tuple(members)

    def grow(self, columns: Sequence[Column]) -> None:
        """Extend the support of the columns: new levels after the old ones, numbers anywhere."""
        members = self._ready_members()
        nodes = [None if c.nodes is None else c.nodes.numpy() for c in members[0].columns]
        parts = [cell_column(c, n) for c, n in zip(columns, nodes, strict=True)]
        generator = torch.Generator().manual_seed(self._seed)
        self._members = tuple(member.grown(parts, generator) for member in members)
        self._columns = tuple(columns)

    @few_threads()
    def chain(self, rows: Floats) -> Floats:
        """Return each cell's log-probability given the cells read before it in its row."""
        members = self._ready_members()
        columns = len(self._columns)
        out = np.zeros((len(rows), columns))
        # A row's order depends on its place in the table, not on the batch.
        drawn = torch.from_numpy(column_orders(len(rows), columns, seed=self._seed, epoch=0))
        for part in _batches(len(rows), 2 * min(columns, MAX_READ)):
            cells = encode(members[0], self._columns, rows[part])
            total = np.zeros(out[part].shape)
            for member in members:
                log_probs = _chained(member, cells, drawn[part])
                # A value outside the support has probability 0.
                total += log_probs.double().exp().where(cells.code >= 0, 0).numpy()
            with np.errstate(divide="ignore"):
                out[part] = np.where(cells.present.numpy(), np.log(total / len(members)), 0)
        return out

    def _distributions(
        self,
        members: Sequence[CellModel],
        contexts: Floats,
        targets: NDArray[np.int64],
        n_orders: int,
    ) -> Floats:
        """Return the probabilities of every member and column order, shape ``(D, B, S)``."""
        present = present_cells(self._columns, contexts)
        # A row of a wide table is read in part: neighbors of the target, and a random sample.
        count = present.sum(1).clip(max=MAX_READ - 1)
        near = np.zeros(present.shape)
        np.put_along_axis(near, self._near[targets], 1, axis=1)
        length = int(count.max(initial=0)) + 1
        # One cell or none has one order. Otherwise the number of orders must not depend on the
        # batch, or a prediction would.
        n_orders = n_orders if length > 2 else 1
        rng = np.random.default_rng([self._seed, present.shape[1]])
        # Members share their nodes, so that one encoding serves all.
        cells = encode(members[0], self._columns, contexts)
        if n_orders > 1:
            cells = cells[torch.arange(len(contexts)).repeat(n_orders)]
        wide = present.shape[1] > MAX_READ
        distributions = []
        for number, member in enumerate(members):
            orders = []
            for _ in range(n_orders):
                # All rows share the keys, so that a prediction does not depend on other rows.
                keys = rng.random((1, present.shape[1]))
                order = np.where(present, keys - near, 2.0).argsort(1)[:, :length]
                order[np.arange(len(contexts)), count] = targets
                orders.append(order)
            # Alternately the evidence is read together as a prefix, or one cell after the other.
            as_prefix = (np.arange(n_orders) + number) % 2 == 0
            prefix = np.concatenate([count if wide or one else count * 0 for one in as_prefix])
            probabilities = member.predict(
                cells,
                torch.from_numpy(np.concatenate(orders)),
                torch.from_numpy(count).repeat(n_orders),
                torch.from_numpy(prefix),
            )
            distributions.append(probabilities.numpy().reshape(n_orders, len(contexts), -1))
        return np.concatenate(distributions).astype(np.float64)

    def _ready_members(self) -> tuple[CellModel, ...]:
        if not self._members:
            raise NotFittedError("this model is not fitted yet: call fit() first")
        return self._members


def _supported(training: TrainingConfig, model: ModelConfig) -> set[str]:
    """Return the settings that have an effect, and those equal to the only option here."""
    fields = set(SUPPORTED_FIELDS)
    if training.optimizer in ("adamw", "muon"):
        fields.add("optimizer")
    if model.device == "cpu":
        fields.add("device")
    if model.precision == "fp32":
        fields.add("precision")
    return fields


@torch.no_grad()
def _chained(member: CellModel, cells: Cells, orders: Tensor) -> Tensor:
    """Return the log-probability of each cell given those before it, shape ``(B, C)``.

    Rows of a wide table are read in halves of `MAX_READ`: each half sees the one before it.
    """
    present = cells.present
    if orders.shape[1] <= MAX_READ:
        return member(cells, missing_last(orders, present))[0]
    half = MAX_READ // 2
    # All rows read the same columns together.
    order = orders[:1].expand(len(orders), -1)
    out = torch.zeros(orders.shape)
    for start in range(0, orders.shape[1], half):
        before = order[:, max(0, start - half) : start]
        after = missing_last(order[:, start : start + half], present)
        read = torch.cat((before, after), dim=1)
        prefix = torch.full((len(read),), before.shape[1])
        log_probs, _ = member(cells, read, prefix, hidden=~present)
        out += log_probs
    return out


def _mapped(work: Callable[[slice], Any], n_rows: int, tokens_per_row: int) -> list[Any]:
    """Call `work` for each batch of rows, on all cores if there are several."""
    parts = list(_batches(n_rows, tokens_per_row))
    if len(parts) == 1:
        return [work(parts[0])]
    # One core per batch: threads that share a batch wait for each other at every operation.
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(one_thread()(work), parts))


def _batches(n_rows: int, tokens_per_row: int) -> Iterator[slice]:
    """Yield slices of the rows of at most `MAX_TOKENS` tokens."""
    size = max(1, MAX_TOKENS // tokens_per_row)
    for start in range(0, max(1, n_rows), size):
        yield slice(start, start + size)

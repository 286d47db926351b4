"""InContextModel: p(target | any cells known) of a new table, from its rows as context.

Each row is one vector: what closed forms say of it, and for a context row its answer. In every
block all rows attend to the context rows. The answer of a query row is a mixture::

    p = (1 - c) * ((1 - g) * softmax(logits + log shares) + g * retrieval) + c * normal

where `retrieval` gives the answers of the context rows, weighted by attention, and `normal` (of
numbers) is a normal distribution around the ridge regression's prediction, on the score's scale.

Shapes: B tables, N context rows, Q query rows, R either of them, D columns, H heads, W width,
K answers. Sources: TabPFN (Hollmann et al., 2023) for pretraining on synthetic tables, and
TabICL (Qu et al., 2025) for one vector per row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tabwidget.backends.pretrained.features import (
    N_ANSWERS,
    N_CLASSES,
    Answers,
    ContextStatistics,
    Features,
    Kind,
    RowFeatures,
)

__all__ = ["VECTOR_SIZE", "Context", "InContextModel", "Mixture"]

VECTOR_SIZE = 12  # of the random vector that identifies a column
CELL_SIZE = N_CLASSES + 7 + VECTOR_SIZE
ROWS_AT_SCALE_ONE = 100.0  # attention sharpens with the logarithm of rows over this
MIN_RETRIEVED = 1e-7
MIN_STD = 0.01
MAX_PLAIN = 4_096  # numbers


@dataclass(frozen=True)
class Mixture:
    """The parts of the answer to each query row.

    Attributes
    ----------
    log_answers : Tensor of shape (B, Q, K)
        Log-probabilities of the direct head.
    retrieved : Tensor of shape (B, Q, N)
        Weights of the context rows; they sum to one.
    retrieval_gate : Tensor of shape (B, Q, 1)
        Logit of the share of the retrieval head.
    normal_gate : Tensor of shape (B, Q, 1) or None
        Logit of the share of the normal component; None for levels.
    mean, std : Tensor of shape (B, Q) or None
        Of the normal component, on the scale of normal scores.
    """

    log_answers: Tensor
    retrieved: Tensor
    retrieval_gate: Tensor
    normal_gate: Tensor | None = None
    mean: Tensor | None = None
    std: Tensor | None = None

    def log_probs(self, codes: Tensor, *, normal: bool = True) -> Tensor:
        """Return the log-probabilities of the answers, shape ``(B, Q, K)``.

        Parameters
        ----------
        codes : int64 Tensor of shape (B, N)
            Answers of the context rows.
        normal : bool, default True
            Whether to add the normal component.
        """
        n_answers = self.log_answers.shape[-1]
        near = self.retrieved @ functional.one_hot(codes, n_answers).float()
        gate = self.retrieval_gate
        mixed = torch.logaddexp(
            self.log_answers + functional.logsigmoid(-gate),
            near.clamp_min(MIN_RETRIEVED).log() + functional.logsigmoid(gate),
        )
        if self.normal_gate is None or not normal:
            return mixed
        cuts = torch.arange(1, n_answers, device=mixed.device) / n_answers
        inside = self.normal_mass(torch.special.ndtri(cuts)).clamp_min(MIN_RETRIEVED).log()
        gate = self.normal_gate
        return torch.logaddexp(
            mixed + functional.logsigmoid(-gate), inside + functional.logsigmoid(gate)
        )

    def normal_mass(self, cuts: Tensor) -> Tensor:
        """Return the normal component's probability between cuts.

        Parameters
        ----------
        cuts : Tensor of shape (n,), increasing
            On the scale of normal scores.

        Returns
        -------
        Tensor of shape (B, Q, n + 1)
            Below the first cut, between neighbors, and above the last.
        """
        assert self.mean is not None
        assert self.std is not None
        below = torch.special.ndtr((cuts - self.mean[..., None]) / self.std[..., None])
        below = functional.pad(functional.pad(below, (0, 1), value=1.0), (1, 0))
        return below.diff(dim=-1)


@dataclass(frozen=True)
class Context:
    """What query rows need of the context rows of one target.

    Attributes
    ----------
    kind : {"number", "levels"}
        Kind of the target.
    statistics : ContextStatistics
        Sums over the context rows.
    column_vectors : Tensor of shape (B, D, size of a vector)
        Random vectors of the columns.
    keys, values : list of Tensor of shape (B, H, N, W / H)
        Keys and values of the context rows, per block.
    retrieval_keys : Tensor of shape (B, N, W)
        Keys of the retrieval head.
    """

    kind: Kind
    statistics: ContextStatistics
    column_vectors: Tensor
    keys: list[Tensor]
    values: list[Tensor]
    retrieval_keys: Tensor

    @property
    def n_bytes(self) -> int:
        """Memory of the tensors."""
        own = sum(x.nbytes for x in (*self.keys, *self.values, self.retrieval_keys))
        return own + self.statistics.n_bytes


class Block(nn.Module):
    """A transformer block in which all rows attend to the context rows.

    Parameters
    ----------
    width, heads, hidden : int
        Width of a row, attention heads, and width of the feed-forward layer.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.sharpness = nn.Parameter(torch.zeros(heads))
        for weight in (self.output.weight, self.down.weight, self.down.bias):
            nn.init.zeros_(weight)

    def keys_and_values(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values of context rows, each ``(B, H, N, W / H)``.

        The keys carry the sharpness of each head for this number of rows.
        """
        keys, values = self.key_value(self.attention_norm(rows)).chunk(2, -1)
        scale = 1 + self.sharpness * math.log(rows.shape[1] / ROWS_AT_SCALE_ONE)
        scaled = self._split(keys) * scale[:, None, None].to(keys.dtype)
        # Contiguous per head, since every later question reads them.
        return scaled.contiguous(), self._split(values).contiguous()

    def forward(
        self, rows: Tensor, contexts: Sequence[tuple[Tensor, Tensor]], sizes: Sequence[int]
    ) -> Tensor:
        """Return rows after attention to their contexts and the feed-forward layer.

        Parameters
        ----------
        rows : Tensor of shape (B, R, W)
            Rows of all contexts together, so that one product serves them all.
        contexts : sequence of pairs of Tensor
            Keys and values of each context.
        sizes : sequence of int
            Number of the rows that read each context.
        """
        queries = self._split(self.query(self.attention_norm(rows)))
        read = [
            functional.scaled_dot_product_attention(part, keys, values)
            for part, (keys, values) in zip(queries.split(sizes, 2), contexts, strict=True)
        ]
        attended = read[0] if len(read) == 1 else torch.cat(read, 2)
        rows = rows + self.output(attended.transpose(1, 2).flatten(2))
        hidden = _gelu(self.up(self.mlp_norm(rows)))
        return rows + self.down(hidden)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class InContextModel(nn.Module):
    """A transformer over the rows of a table; see the module's docstring.

    Parameters
    ----------
    width, layers, heads, hidden, cell_width : int
        Width of a row, number of blocks, attention heads, width of a feed-forward layer, and width
        of a cell.

    Examples
    --------
    >>> model = InContextModel(width=32, layers=2, heads=2, hidden=32, cell_width=16)
    >>> sum(weight.numel() for weight in model.parameters()) > 10_000
    True
    """

    def __init__(
        self,
        width: int = 192,
        layers: int = 10,
        heads: int = 6,
        hidden: int = 384,
        cell_width: int = 128,
    ) -> None:
        super().__init__()
        self.config = {
            "width": width,
            "layers": layers,
            "heads": heads,
            "hidden": hidden,
            "cell_width": cell_width,
        }
        k = N_CLASSES
        # Numbers and levels as targets have layers of their own where features differ in meaning.
        self.cell = nn.ModuleDict({x: nn.Linear(CELL_SIZE, cell_width) for x in N_ANSWERS})
        self.cell_output = nn.Linear(cell_width, width)
        self.row = nn.ModuleDict(
            {"number": nn.Linear(k + 4, width), "levels": nn.Linear(3 * k + 2, width)}
        )
        self.answer = nn.ModuleDict(
            {
                "number": nn.Sequential(
                    nn.Linear(5 + N_ANSWERS["number"], width), nn.GELU(), nn.Linear(width, width)
                ),
                "levels": nn.Embedding(k, width),
            }
        )
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.ModuleDict({x: nn.Linear(width, n) for x, n in N_ANSWERS.items()})
        self.retrieval_query = nn.Linear(width, width, bias=False)
        self.retrieval_key = nn.Linear(width, width, bias=False)
        self.retrieval_gate = nn.Linear(width, 1)
        self.retrieval_sharpness = nn.Parameter(torch.tensor(0.0))
        self.naive_bayes_weight = nn.Parameter(torch.tensor(0.3))
        self.normal = nn.Linear(width, 3)  # gate, shift of the mean, log of the scale
        for layer in (*self.head.values(), self.retrieval_gate, self.normal):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.retrieval_gate.bias, -1.0)
        with torch.no_grad():
            self.normal.bias[0] = -1.0

    def forward(self, features: Features) -> Tensor:
        """Return the log-probabilities of the query rows' answers, shape ``(B, Q, K)``."""
        return self.mixture(features).log_probs(features.answers.codes)

    def mixture(self, features: Features) -> Mixture:
        """Return the parts of the answers of the query rows."""
        context = self.context(
            features.statistics, features.context, features.answers, features.column_vectors
        )
        return self.ask([context], [features.query])[0]

    def context(
        self,
        statistics: ContextStatistics,
        rows: RowFeatures,
        answers: Answers,
        column_vectors: Tensor,
    ) -> Context:
        """Run the context rows, and return what query rows need of them."""
        kind = answers.kind
        x = self._rows(statistics, rows, kind, column_vectors)
        x = x + self._answers(answers, rows.predictions)
        keys, values = [], []
        for block in self.blocks:
            key, value = block.keys_and_values(x)  # type: ignore[operator]
            keys.append(key)
            values.append(value)
            x = block(x, [(key, value)], [x.shape[1]])
        retrieval_keys = self.retrieval_key(self.norm(x))
        return Context(kind, statistics, column_vectors, keys, values, retrieval_keys)

    def ask(self, contexts: Sequence[Context], queries: Sequence[RowFeatures]) -> list[Mixture]:
        """Return the parts of the answers of query rows to each context, all in one pass."""
        each = [
            self._rows(context.statistics, query, context.kind, context.column_vectors)
            for context, query in zip(contexts, queries, strict=True)
        ]
        sizes = [rows.shape[1] for rows in each]
        rows = each[0] if len(each) == 1 else torch.cat(each, 1)
        for number, block in enumerate(self.blocks):
            rows = block(rows, [(c.keys[number], c.values[number]) for c in contexts], sizes)
        rows = self.norm(rows)
        wanted, gates = self.retrieval_query(rows), self.retrieval_gate(rows).float()
        parts = (x.split(sizes, 1) for x in (rows, wanted, gates))
        return [
            self._mixture(context, query, *of_context)
            for context, query, *of_context in zip(contexts, queries, *parts, strict=True)
        ]

    def _mixture(
        self, context: Context, query: RowFeatures, rows: Tensor, wanted: Tensor, gate: Tensor
    ) -> Mixture:
        logits = self.head[context.kind](rows).float() + context.statistics.log_shares[:, None]
        if context.kind == "levels":
            logits = logits + self.naive_bayes_weight * query.naive_bayes
        affinity = (wanted @ context.retrieval_keys.mT).float()
        affinity = affinity * self.retrieval_sharpness.exp() / math.sqrt(rows.shape[-1])
        log_answers, retrieved = torch.log_softmax(logits, -1), torch.softmax(affinity, -1)
        if context.kind == "levels":
            return Mixture(log_answers, retrieved, gate)
        normal_gate, shift, scale = self.normal(rows).float().split(1, -1)
        spread = query.spreads[..., 0]
        mean = query.predictions[..., 0] + shift[..., 0] * spread
        std = spread * scale[..., 0].clamp(-4, 3).exp() + MIN_STD
        return Mixture(log_answers, retrieved, gate, normal_gate, mean, std)

    def _rows(
        self,
        statistics: ContextStatistics,
        rows: RowFeatures,
        kind: Kind,
        column_vectors: Tensor,
    ) -> Tensor:
        """Return the vectors of rows without their answers, shape ``(B, R, W)``."""
        cells, z = rows.cells, rows.cells.scores
        shape = z.shape
        is_number = cells.is_number[:, None].expand(shape).float()
        scalars = [
            z,
            z.abs(),
            (z**2 - 1).clamp(-1, 6) * is_number,
            rows.counts * 0.3,
            is_number,
            (statistics.strengths * 0.3)[:, None].expand(shape),
            torch.full_like(z, math.log(statistics.n_rows / ROWS_AT_SCALE_ONE)),
        ]
        vectors = column_vectors[:, None].expand(-1, shape[1], -1, -1)
        read = torch.cat([rows.log_ratios, torch.stack(scalars, -1), vectors], -1)
        read = _gelu(self.cell[kind](read)) * cells.known[..., None]
        vector = self.cell_output(read.sum(2)) / math.sqrt(shape[2]) * 1.5
        known = cells.known.float().sum(2, keepdim=True)
        scale = 1.0 if kind == "number" else 3.0
        of_row = [
            rows.predictions * scale,
            rows.spreads,
            rows.naive_bayes * 0.3,
            known / shape[2],
            torch.log1p(known),
        ]
        return vector + self.row[kind](torch.cat(of_row, -1))

    def _answers(self, answers: Answers, predictions: Tensor) -> Tensor:
        """Return the vectors of the context rows' answers, shape ``(B, N, W)``."""
        if answers.kind == "levels":
            return self.answer["levels"](answers.codes)
        z = answers.scores[..., None]
        error = z - predictions
        one_hot = functional.one_hot(answers.codes, N_ANSWERS["number"]).float()
        return self.answer["number"](
            torch.cat([z, z.abs(), z**2 - 1, error, error.abs(), one_hot], -1)
        )


def _gelu(x: Tensor) -> Tensor:
    """Return GELU; for few numbers by plain operations, since oneDNN's takes long to set up."""
    if x.numel() > MAX_PLAIN or x.requires_grad:
        return functional.gelu(x)
    return 0.5 * x * (1 + torch.erf(x * math.sqrt(0.5)))

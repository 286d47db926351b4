"""The cell model: a language model of table rows in which one cell is one token.

Shapes: B batch, R cells read (length of an order), Q query tokens, C columns, N nodes of all
columns, S support values, W width, F features of the Gaussian prior.

A row is read in any order of its columns: first a prefix, whose cells attend to each other, then
one cell after the other. A query token per target column attends to the cells before its place in
the order. For column c and a value v between the nodes k and k + 1::

    e_k         = scale_k * w_k + x_k * slope_c        vector of a node at position x_k
    e(v)        = (1 - t) * e_k + t * e_{k+1}          t = (v - x_k) / (x_{k+1} - x_k)
    logit_c(v)  = (h . e(v) / sqrt(W) + bias_c(v) + prior_weight_c * log g_c(v)) / temperature_c
    p(v | ...)  = softmax over the support of c

where h is the hidden state of the query token and g_c the Gaussian prior (`gaussian_prior`). The
output layer is tied to the input vectors.

Reading the evidence as a prefix needs no order (a prefix language model, Raffel et al. 2020, over
orders drawn anew for every row and epoch, as in XLNet, Yang et al. 2019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tabwidget.minilm.cell_data import CellColumn, Cells
from tabwidget.minilm.gaussian_prior import GaussianPrior, Moments
from tabwidget.minilm.transformer import Transformer

__all__ = ["CellModel", "missing_last"]

_BUCKET = 32  # support size of the smallest bucket; each next bucket is 8 times as large


class CellModel(nn.Module):
    """An autoregressive model of a row's cells in any order.

    Parameters
    ----------
    columns : sequence of CellColumn
        One per column of the table.
    width, layers, heads : int
        Size of the transformer.
    dropout : float
        Share of activations dropped in training.
    moments : Moments, optional
        Moments of the training rows, for a Gaussian prior on numbers; no prior by default.
    generator : torch.Generator, optional
        Generator of the initial weights; torch's global one by default.
    """

    owner: Tensor
    node_scale: Tensor
    position: Tensor
    support_node: Tensor
    support_between: Tensor
    support_mask: Tensor
    bucket_of: Tensor
    temperature: Tensor

    def __init__(
        self,
        columns: Sequence[CellColumn],
        *,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        moments: Moments | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.columns, self.n_columns, self.width = tuple(columns), len(columns), width
        self.shape = {"width": width, "layers": layers, "heads": heads, "dropout": dropout}
        self.n_support = [len(column.support) for column in columns]
        self.input_only = [index for index, column in enumerate(columns) if column.width]
        self._number_nodes(columns)
        self._place_support(columns)

        def normal(n: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(n, width, generator=generator))

        self.query, self.column_embedding = normal(self.n_columns), normal(self.n_columns)
        self.node_weight, self.slope = normal(len(self.owner)), normal(self.n_columns)
        self.input_projection = nn.ParameterList(normal(c.width) for c in columns if c.width)
        self.start = nn.Parameter(torch.zeros(1, width))
        # Fitted last, on validation rows; saved with the weights.
        self.register_buffer("temperature", torch.ones(self.n_columns))
        self.bias = nn.Parameter(torch.zeros(self.n_columns, max(self.n_support)))
        # On tables, twice the width is as good as the usual four times, at half the cost.
        self.transformer = Transformer(width, 2 * width, layers, heads, dropout, generator)
        self.gaussian = None if moments is None else GaussianPrior(moments, self._cuts())

    def _number_nodes(self, columns: Sequence[CellColumn]) -> None:
        """Number the nodes of all columns consecutively."""
        self.nodes = [column.nodes for column in columns]
        counts = [
            len(column.support) if column.nodes is None else len(column.nodes) for column in columns
        ]
        owner = torch.arange(len(columns)).repeat_interleave(torch.tensor(counts))
        is_level = torch.tensor([nodes is None for nodes in self.nodes])[owner]
        # Levels start at unit scale; numbers start close to points of one line.
        node_scale = torch.where(is_level, 1.0, 0.3)[:, None]
        self.first_node = [sum(counts[:index]) for index in range(len(columns))]
        self._constant("owner", owner)
        self._constant("node_scale", node_scale)
        self._constant("position", torch.cat([_positions(column) for column in columns])[:, None])

    def _place_support(self, columns: Sequence[CellColumn]) -> None:
        """Place every column's support on its nodes, padded to the longest."""
        shape = (len(columns), max(self.n_support))
        # Columns of similar support share a matrix product; a long one must not widen the others.
        buckets = [
            min(min(_BUCKET * 8**k for k in range(9) if _BUCKET * 8**k >= n), shape[1]) if n else 0
            for n in self.n_support
        ]
        self.buckets = sorted({bucket for bucket in buckets if bucket})
        self._constant("bucket_of", torch.tensor(buckets))
        self._constant("support_node", torch.zeros(shape, dtype=torch.int64))
        self._constant("support_between", torch.zeros(shape))
        # Added to the logits: -inf beyond a column's own support.
        self._constant("support_mask", torch.full(shape, -torch.inf))
        for index, column in enumerate(columns):
            count = len(column.support)
            node, between = self.place(index, column.support)
            self.support_node[index, :count] = node
            self.support_between[index, :count] = between
            self.support_mask[index, :count] = 0

    def _cuts(self) -> Tensor:
        cuts = torch.full((self.n_columns, max(self.n_support) + 1), torch.nan).double()
        for index, column in enumerate(self.columns):
            if column.cuts is not None:
                cuts[index, : len(column.cuts)] = column.cuts
        return cuts

    def _constant(self, name: str, value: Tensor) -> None:
        """Register a tensor that follows the model to a device but is not saved."""
        self.register_buffer(name, value, persistent=False)

    def place(self, column: int, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Return the node at or below each number, and the position between it and the next.

        Numbers beyond the outermost nodes are clamped to them. The result for NaN is arbitrary.
        """
        nodes, first = self.nodes[column], self.first_node[column]
        numbers = torch.nan_to_num(numbers)
        if nodes is None:
            return first + numbers.long(), torch.zeros(numbers.shape)
        if len(nodes) == 1:
            return torch.full(numbers.shape, first), torch.zeros(numbers.shape)
        below = (torch.searchsorted(nodes, numbers, right=True) - 1).clamp(0, len(nodes) - 2)
        between = (numbers - nodes[below]) / (nodes[below + 1] - nodes[below])
        return first + below, between.clamp(0, 1).float()

    def node_vectors(self) -> Tensor:
        """Return the vectors of all nodes, shape ``(N, W)``."""
        scaled = self.node_weight * self.node_scale
        return torch.addcmul(scaled, self.position, self.slope[self.owner])

    def value_vectors(self, vectors: Tensor, node: Tensor, between: Tensor) -> Tensor:
        """Return the vectors of values between nodes, shape ``(*node.shape, W)``."""
        above = (node + 1).clamp_max(len(vectors) - 1)
        low = functional.embedding(node, vectors)
        return torch.lerp(low, functional.embedding(above, vectors), between[..., None])

    def forward(
        self,
        cells: Cells,
        orders: Tensor,
        prefix: Tensor | None = None,
        generator: torch.Generator | None = None,
        hidden: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the log-probability of each cell given the cells before it.

        Parameters
        ----------
        cells : Cells
            A batch of rows.
        orders : int64 Tensor of shape (B, R)
            The columns that each row reads, in order; missing cells last unless they are hidden.
            All rows read the same set of columns, possibly not all of the table.
        prefix : int64 Tensor of shape (B,), optional
            Number of cells of each row read together, without an order, before the others follow
            one by one; 0 by default. Cells of the prefix are not scored.
        generator : torch.Generator, optional
            Generator of the dropout.
        hidden : bool Tensor of shape (B, C), optional
            Cells that no query attends to.

        Returns
        -------
        Tensor of shape (B, C)
            In nats; zero where a cell is not scored.
        bool Tensor of shape (B, C)
            Whether the cell is scored: False for missing cells, columns not read, and the prefix.
        """
        prefix = orders.new_zeros(len(orders)) if prefix is None else prefix
        log_probs = self.bias.new_zeros(self.n_columns, len(orders))
        all_scored = torch.zeros(log_probs.shape, dtype=torch.bool)
        for columns, logits, codes, scored in self._scored(
            cells, orders, prefix, generator, hidden
        ):
            log_probs = log_probs.index_copy(0, columns, -_losses(logits, codes).where(scored, 0))
            all_scored[columns] = scored
        return log_probs.T, all_scored.T

    @torch.no_grad()
    def fit_prior_weight(
        self, candidates: Sequence[float], cells: Cells, orders: Tensor, prefix: Tensor
    ) -> None:
        """Set each column's prior weight to the likeliest candidate, without the network.

        Parameters
        ----------
        candidates : sequence of float
            Prior weights to choose among.
        cells, orders, prefix
            As in `forward`, for rows that the prior was not fitted to.
        """
        if self.gaussian is None:
            return
        losses = []
        for weight in candidates:
            self.gaussian.prior_weight.fill_(weight)
            losses.append(self.losses_at([1.0], cells, orders, prefix, network=False)[0])
        self.gaussian.prior_weight.copy_(torch.tensor(candidates)[torch.stack(losses).argmin(0)])

    @torch.no_grad()
    def losses_at(
        self,
        temperatures: Sequence[float],
        cells: Cells,
        orders: Tensor,
        prefix: Tensor,
        *,
        network: bool = True,
    ) -> Tensor:
        """Return each column's loss at several temperatures, summed over the scored cells.

        Parameters
        ----------
        temperatures : sequence of float
            Applied to all columns, on top of their own temperatures.
        cells, orders, prefix
            As in `forward`.
        network : bool, default True
            False uses the biases and the Gaussian prior alone.

        Returns
        -------
        Tensor of shape (n_temperatures, C)
        """
        out = torch.zeros(len(temperatures), self.n_columns)
        for columns, logits, codes, scored in self._scored(cells, orders, prefix, network=network):
            for i, temperature in enumerate(temperatures):
                out[i, columns] = (_losses(logits / temperature, codes) * scored).sum(1)
        return out

    def _scored(
        self,
        cells: Cells,
        orders: Tensor,
        prefix: Tensor,
        generator: torch.Generator | None = None,
        hidden: Tensor | None = None,
        *,
        network: bool = True,
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Yield columns, their logits, the codes (-1 if missing), and which cells are scored."""
        vectors = self.node_vectors()
        first, n_read = int(prefix.min()), orders.shape[1]
        queries = torch.arange(first, n_read).expand(len(orders), -1)
        columns = orders[0].sort().values
        # The place where each column is read, so that one product covers all rows of a column.
        place = orders.argsort(dim=1)
        masked = None if hidden is None else hidden.gather(1, orders[:, :-1])
        states = (
            self._states(vectors, cells, orders, prefix, queries, generator, masked)
            if network
            else vectors.new_zeros(len(orders), n_read - first, self.width)
        )
        at = (place - first).clamp_min(0)[..., None].expand(-1, -1, self.width)
        by_column = states.gather(1, at).transpose(0, 1)
        conditionals = None
        if self.gaussian is not None:
            place_of = orders.new_full((len(orders), self.n_columns), n_read)
            place_of[:, columns] = place
            if hidden is not None:
                place_of = place_of.masked_fill(hidden, n_read)
            conditionals = self.gaussian.conditionals(cells.features, cells.fold, place_of, n_read)
        codes = cells.code[:, columns].T
        scored = (place >= prefix[:, None]).T & (codes >= 0)
        for bucket in self.buckets:
            own = (self.bucket_of[columns] == bucket).nonzero()[:, 0]
            if len(own):
                logits = self._logits(vectors, columns[own], by_column[own], bucket, conditionals)
                yield columns[own], logits, codes[own], scored[own]

    @torch.no_grad()
    def predict(
        self, cells: Cells, orders: Tensor, n_evidence: Tensor, prefix: Tensor | None = None
    ) -> Tensor:
        """Return the probabilities of one target column per row.

        Parameters
        ----------
        cells : Cells
            A batch of rows; only the cells before the target in `orders` are used.
        orders : int64 Tensor of shape (B, R)
            The columns in the order read; the target of row i is at place ``n_evidence[i]``.
        n_evidence : int64 Tensor of shape (B,)
            Number of cells read before the target.
        prefix : int64 Tensor of shape (B,), optional
            How many of them are read together, without an order; all by default.

        Returns
        -------
        Tensor of shape (B, S)
            Zero beyond the target's own support.
        """
        vectors = self.node_vectors()
        targets = orders.gather(1, n_evidence[:, None])
        prefix = n_evidence if prefix is None else prefix
        states = self._states(vectors, cells, orders, prefix, n_evidence[:, None])[:, 0]
        conditionals = None
        if self.gaussian is not None:
            n_read = orders.shape[1]
            place = torch.arange(n_read).expand_as(orders)
            # Columns after the target are not read, even if the target is among them again.
            place = place.masked_fill(place > n_evidence[:, None], n_read)
            place_of = orders.new_full((len(orders), self.n_columns), n_read)
            place_of = place_of.scatter_reduce(1, orders, place, "amin")
            conditionals = self.gaussian.conditionals(cells.features, cells.fold, place_of, n_read)
        out = states.new_zeros(len(orders), self.support_mask.shape[1])
        for column in targets.unique().tolist():
            at, count = (targets[:, 0] == column).nonzero()[:, 0], self.n_support[column]
            own = None if conditionals is None else (conditionals[0][at], conditionals[1][at])
            logits = self._logits(vectors, torch.tensor([column]), states[at][None], count, own)
            out[at, :count] = logits[0].softmax(-1)
        return out

    def grown(self, columns: Sequence[CellColumn], generator: torch.Generator) -> CellModel:
        """Return a model of the same columns with a larger support and the same weights.

        Parameters
        ----------
        columns : sequence of CellColumn
            New levels follow the old ones; the support of a number may change, its nodes may not.
        generator : torch.Generator
            Generator of the new levels' vectors.
        """
        moments = None if self.gaussian is None else self.gaussian.moments
        new = CellModel(columns, **self.shape, moments=moments, generator=generator)  # type: ignore[arg-type]
        old_state, new_state = self.state_dict(), new.state_dict()
        for name, weight in new_state.items():
            if name not in ("node_weight", "bias"):
                weight.copy_(old_state[name])
        for index, column in enumerate(columns):
            count = (self.owner == index).sum()
            to, at = new.first_node[index], self.first_node[index]
            new.node_weight.data[to : to + count] = self.node_weight.data[at : at + count]
            before = self.columns[index].support
            nearest = (torch.searchsorted(before, column.support)).clamp_max(len(before) - 1)
            same = before[nearest] == column.support
            new.bias.data[index, : len(same)] = self.bias.data[index, nearest].where(same, 0)
        return new.train(self.training)

    def _logits(
        self,
        vectors: Tensor,
        columns: Tensor,
        states: Tensor,
        size: int,
        conditionals: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        """Return the logits of the first `size` support values, shape ``(columns, B, size)``.

        Parameters
        ----------
        states : Tensor of shape (columns, B, W)
            Hidden states of the query tokens.
        conditionals : two Tensors of shape (B, F), or None
            Conditional mean and standard deviation under the Gaussian prior.
        """
        node, between = self.support_node[columns, :size], self.support_between[columns, :size]
        inverse = 1 / self.temperature[columns, None]
        bias = self.bias[columns, :size] * inverse + self.support_mask[columns, :size]
        logits = torch.baddbmm(
            bias[:, None],
            states * inverse[..., None],
            self.value_vectors(vectors, node, between).mT,
            alpha=self.width**-0.5,
        )
        prior = self.gaussian
        if prior is None or conditionals is None or not prior.is_number[columns].any():
            return logits
        return logits + prior.logits(columns, *conditionals, size) * inverse[..., None]

    def _states(
        self,
        vectors: Tensor,
        cells: Cells,
        orders: Tensor,
        prefix: Tensor,
        places: Tensor,
        generator: torch.Generator | None = None,
        masked: Tensor | None = None,
    ) -> Tensor:
        """Return the hidden states of query tokens, shape ``(B, Q, W)``.

        Parameters
        ----------
        places : int64 Tensor of shape (B, Q)
            Place of each query token in the order; it attends to the cells before that place.
        masked : bool Tensor of shape (B, R - 1), optional
            Cells that no token attends to.
        """
        read = orders[:, :-1]  # the last column of an order is only a target
        value = self.value_vectors(
            vectors, cells.node.gather(1, read), cells.between.gather(1, read)
        )
        first = 0
        for column, weight in zip(self.input_only, self.input_projection, strict=True):
            projected = cells.plain[:, first : first + len(weight)] @ weight
            value = torch.where((read == column)[..., None], projected[:, None], value)
            first += len(weight)
        value = value + functional.embedding(read, self.column_embedding)
        query = functional.embedding(orders.gather(1, places), self.query)
        start_token = self.start.expand(len(orders), 1, -1)
        x = torch.cat((start_token, value, query), dim=1)
        mask = _attention_mask(prefix, places, read.shape[1])
        if masked is not None:
            mask = mask & ~functional.pad(masked, (1, 0))[:, None, None]
        return self.transformer.forward_queries(x, mask, 1 + read.shape[1], generator)


def _attention_mask(prefix: Tensor, places: Tensor, n_read: int) -> Tensor:
    """Return what each token attends to, shape ``(B or 1, 1, 1 + n_read + Q, 1 + n_read)``.

    Tokens are the start token, which all attend to, the cells read, and the queries.
    """
    if bool((prefix == prefix[0]).all() and (places == places[0]).all()):
        prefix, places = prefix[:1], places[:1]
    cell = torch.arange(n_read)
    values = (cell <= cell[:, None]) | (cell < prefix[:, None, None])
    queries = cell < places[..., None]
    start = torch.zeros(len(prefix), 1, n_read, dtype=torch.bool)
    mask = torch.cat((start, values.expand(len(prefix), -1, -1), queries), dim=1)
    return functional.pad(mask, (1, 0), value=True)[:, None]


def missing_last(orders: Tensor, present: Tensor) -> Tensor:
    """Return the orders with each row's missing cells moved to its end.

    Examples
    --------
    >>> present = torch.tensor([[True, True, False]])
    >>> missing_last(torch.tensor([[2, 0, 1]]), present).tolist()
    [[0, 1, 2]]
    """
    if present.all():
        return orders
    missing = (~present).gather(1, orders).to(torch.uint8)
    return orders.gather(1, missing.argsort(dim=1, stable=True))


def _positions(column: CellColumn) -> Tensor:
    """Return the standardized positions of the column's nodes; zeros for levels."""
    if column.nodes is None or len(column.nodes) == 1:
        return torch.zeros(len(column.support if column.nodes is None else column.nodes))
    nodes = column.nodes
    return ((nodes - nodes.mean()) / nodes.std().clamp_min(1e-12)).float()


def _losses(logits: Tensor, codes: Tensor) -> Tensor:
    """Return the cross-entropy of each code, shape ``(columns, B)``; zero if missing."""
    losses = functional.cross_entropy(
        logits.flatten(0, 1), codes.flatten(), ignore_index=-1, reduction="none"
    )
    return losses.view(codes.shape)

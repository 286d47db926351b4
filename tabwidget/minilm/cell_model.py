"""The cell model: a word-level language model in which one cell of a table is one word.

A row is read in any order of its columns: first a prefix, whose cells see each other, then one
cell after the other. A question, a token of the column asked, sees the cells before its place in
the order and no other question. A value's vector lies on its column's *nodes*: a level is a node; a
number lies between two nodes and its vector between theirs. The output layer is tied to the same
vectors, so one softmax at a question is p(column | the cells before it).

Reading what is known as a prefix answers without an order (a prefix language model, Raffel et al.
2020, over orders drawn anew for every row and epoch, as in XLNet, Yang et al. 2019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn import functional

from tabwidget.minilm.encoder import Transformer
from tabwidget.minilm.gaussian_prior import Gaussian, Moments

__all__ = ["CellColumn", "CellModel", "Cells", "missing_last"]

_SIZE = 32  # answers of the smallest product


@dataclass(frozen=True)
class CellColumn:
    """What the model knows of a column.

    Attributes
    ----------
    answers : Tensor of shape (n_answers,)
        The values that a question is answered on, as numbers; a level's index for categories.
    nodes : Tensor of shape (n_nodes,), increasing, or None
        Where on the number line the vectors are learned; None for categories, a node a level.
    cuts : Tensor of shape (n_answers + 1,), increasing, or None
        Where the answers meet on the number line; None for categories.
    width : int
        Of a column that is read but never asked, how many numbers one of its cells is; else 0.
    """

    answers: Tensor
    nodes: Tensor | None
    cuts: Tensor | None = None
    width: int = 0


@dataclass(frozen=True)
class Cells:
    """Rows, ready for the model: each cell as a place between two nodes.

    Attributes
    ----------
    node : int64 Tensor of shape (n_rows, n_columns)
        The node at or below the value.
    between : float Tensor of shape (n_rows, n_columns)
        How far the value lies from that node to the next, 0 to 1.
    answer : int64 Tensor of shape (n_rows, n_columns)
        Index of the value among its column's answers; -1 if missing.
    present : bool Tensor of shape (n_rows, n_columns)
        Whether it can be read.
    plain : float Tensor of shape (n_rows, sum of the columns' widths)
        Cells of the columns that are never asked.
    features : float Tensor of shape (n_rows, n_features)
        What the Gaussian reads of a row.
    fold : int64 Tensor of shape (n_rows,)
        Which part of the rows that the Gaussian learned from a row is in; -1 for none.
    """

    node: Tensor
    between: Tensor
    answer: Tensor
    present: Tensor
    plain: Tensor
    features: Tensor
    fold: Tensor

    @classmethod
    def of(cls, node: Tensor, between: Tensor, answer: Tensor) -> Cells:
        """Return rows of which each column is asked, for a model without a Gaussian."""
        nothing = torch.empty(len(node), 0)
        fold = torch.full((len(node),), -1)
        return cls(node, between, answer, answer >= 0, nothing, nothing, fold)

    def __len__(self) -> int:
        return len(self.node)

    def __getitem__(self, rows: Tensor | slice) -> Cells:
        return Cells(*(getattr(self, part.name)[rows] for part in fields(self)))


class CellModel(nn.Module):
    """An autoregressive model of a row's cells in any order.

    Parameters
    ----------
    columns : sequence of CellColumn
        One a column of the table.
    width, layers, heads : int
        Size of the transformer.
    dropout : float
        Share of activations dropped while training.
    moments : Moments, optional
        Of the rows learned from: the answers on numbers start from what a Gaussian says.
    generator : torch.Generator, optional
        Source of chance of the first weights; torch's own by default.
    """

    owner: Tensor
    own_scale: Tensor
    position: Tensor
    answer_node: Tensor
    answer_between: Tensor
    closed: Tensor
    size_of: Tensor
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
        self.n_answers = [len(column.answers) for column in columns]
        self.only_read = [index for index, column in enumerate(columns) if column.width]
        self._lay_out(columns)
        self._place_answers(columns)

        def drawn(n: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(n, width, generator=generator))

        self.question, self.column = drawn(self.n_columns), drawn(self.n_columns)
        self.own, self.slope = drawn(len(self.owner)), drawn(self.n_columns)
        # What is only read enters by a linear map of its own.
        self.reads = nn.ParameterList(drawn(column.width) for column in columns if column.width)
        self.beginning = nn.Parameter(torch.zeros(1, width))
        # Learned last, from validation rows; saved with the weights, unlike what is laid out.
        self.register_buffer("temperature", torch.ones(self.n_columns))
        self.bias = nn.Parameter(torch.zeros(self.n_columns, max(self.n_answers)))
        # Twice the width does as well on tables as the usual four times, at half the cost.
        self.transformer = Transformer(width, 2 * width, layers, heads, dropout, generator)
        self.gaussian = None if moments is None else Gaussian(moments, self._cuts())

    def _lay_out(self, columns: Sequence[CellColumn]) -> None:
        """Number all nodes of all columns one after the other."""
        self.nodes = [column.nodes for column in columns]
        counts = [
            len(column.answers) if column.nodes is None else len(column.nodes) for column in columns
        ]
        owner = torch.arange(len(columns)).repeat_interleave(torch.tensor(counts))
        is_level = torch.tensor([nodes is None for nodes in self.nodes])[owner]
        # Levels start apart at unit scale; numbers start as points of one line, with small detours.
        own_scale = torch.where(is_level, 1.0, 0.3)[:, None]
        self.starts = [sum(counts[:index]) for index in range(len(columns))]
        self._constant("owner", owner)
        self._constant("own_scale", own_scale)
        self._constant("position", torch.cat([_positions(column) for column in columns])[:, None])

    def _place_answers(self, columns: Sequence[CellColumn]) -> None:
        """Place every column's answers on its nodes, padded to the longest."""
        shape = (len(columns), max(self.n_answers))
        # Columns of about as many answers share a product; a long one must not widen the others.
        size = [min(_SIZE * 8**k for k in range(9) if _SIZE * 8**k >= n) for n in self.n_answers]
        size = [min(one, shape[1]) if n else 0 for one, n in zip(size, self.n_answers, strict=True)]
        self.sizes = sorted({one for one in size if one})
        self._constant("size_of", torch.tensor(size))
        self._constant("answer_node", torch.zeros(shape, dtype=torch.int64))
        self._constant("answer_between", torch.zeros(shape))
        # Added to the logits: no answer beyond a column's own.
        self._constant("closed", torch.full(shape, -torch.inf))
        for index, column in enumerate(columns):
            count = len(column.answers)
            node, between = self.place(index, column.answers)
            self.answer_node[index, :count] = node
            self.answer_between[index, :count] = between
            self.closed[index, :count] = 0

    def _cuts(self) -> Tensor:
        cuts = torch.full((self.n_columns, max(self.n_answers) + 1), torch.nan).double()
        for index, column in enumerate(self.columns):
            if column.cuts is not None:
                cuts[index, : len(column.cuts)] = column.cuts
        return cuts

    def _constant(self, name: str, value: Tensor) -> None:
        """Keep a tensor that follows the model to a device but is no weight."""
        self.register_buffer(name, value, persistent=False)

    def place(self, column: int, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Return the node at or below each number, and how far it lies towards the next.

        Numbers beyond the outermost nodes are read as the outermost. NaN is placed anywhere.
        """
        nodes, start = self.nodes[column], self.starts[column]
        numbers = torch.nan_to_num(numbers)
        if nodes is None:
            return start + numbers.long(), torch.zeros(numbers.shape)
        if len(nodes) == 1:
            return torch.full(numbers.shape, start), torch.zeros(numbers.shape)
        below = (torch.searchsorted(nodes, numbers, right=True) - 1).clamp(0, len(nodes) - 2)
        between = (numbers - nodes[below]) / (nodes[below + 1] - nodes[below])
        return start + below, between.clamp(0, 1).float()

    def node_vectors(self) -> Tensor:
        """Return the vectors of all nodes, shape ``(n_nodes, width)``."""
        own = self.own * self.own_scale
        return torch.addcmul(own, self.position, self.slope[self.owner])

    def values(self, vectors: Tensor, node: Tensor, between: Tensor) -> Tensor:
        """Return the vectors of values that lie between nodes."""
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
        orders : int64 Tensor of shape (batch, n_read)
            The columns each row reads, in its order, missing cells last unless they are hidden.
            All rows read the same columns; they may be some of the table's.
        prefix : int64 Tensor of shape (batch,), optional
            How many cells of each row are read together, without an order, before the others
            follow one by one; none by default. Nothing is asked within the prefix.
        generator : torch.Generator, optional
            Source of chance of the dropout.
        hidden : bool Tensor of shape (batch, n_columns), optional
            Cells that no question sees.

        Returns
        -------
        Tensor of shape (batch, n_columns)
            In nats; zero where nothing was asked.
        bool Tensor of shape (batch, n_columns)
            Whether it was asked: not so for missing cells, columns not read, and the prefix.
        """
        prefix = orders.new_zeros(len(orders)) if prefix is None else prefix
        likely = self.bias.new_zeros(self.n_columns, len(orders))
        was_asked = torch.zeros(likely.shape, dtype=torch.bool)
        for columns, logits, answers, asked in self._answered(
            cells, orders, prefix, generator, hidden
        ):
            likely = likely.index_copy(0, columns, -_losses(logits, answers).where(asked, 0))
            was_asked[columns] = asked
        return likely.T, was_asked.T

    @torch.no_grad()
    def trust_gaussian(
        self, trusts: Sequence[float], cells: Cells, orders: Tensor, prefix: Tensor
    ) -> None:
        """Let each column trust the Gaussian as far as makes rows likeliest without the network.

        Parameters
        ----------
        trusts : sequence of float
            To choose among: powers of what it says.
        cells, orders, prefix
            As in `forward`, of rows that its covariance is not of.
        """
        if self.gaussian is None:
            return
        losses = []
        for trust in trusts:
            self.gaussian.trust.fill_(trust)
            losses.append(self.losses_at([1.0], cells, orders, prefix, network=False)[0])
        self.gaussian.trust.copy_(torch.tensor(trusts)[torch.stack(losses).argmin(0)])

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
        """Return each column's loss at several temperatures, summed over what is asked.

        Parameters
        ----------
        temperatures : sequence of float
            That all columns answer at, on top of their own.
        cells, orders, prefix
            As in `forward`.
        network : bool, default True
            False leaves only the biases and the Gaussian to answer.

        Returns
        -------
        Tensor of shape (n_temperatures, n_columns)
        """
        out = torch.zeros(len(temperatures), self.n_columns)
        for columns, logits, answers, asked in self._answered(
            cells, orders, prefix, network=network
        ):
            for i, temperature in enumerate(temperatures):
                out[i, columns] = (_losses(logits / temperature, answers) * asked).sum(1)
        return out

    def _answered(
        self,
        cells: Cells,
        orders: Tensor,
        prefix: Tensor,
        generator: torch.Generator | None = None,
        hidden: Tensor | None = None,
        *,
        network: bool = True,
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Yield columns, their logits, the answers (-1 if missing), and whether each was asked."""
        vectors = self.node_vectors()
        first, n_read = int(prefix.min()), orders.shape[1]
        questions = torch.arange(first, n_read).expand(len(orders), -1)
        columns = orders[0].sort().values
        # Where each column was read, so that those of a column can be answered in one product.
        place = orders.argsort(dim=1)
        unseen = None if hidden is None else hidden.gather(1, orders[:, :-1])
        states = (
            self._states(vectors, cells, orders, prefix, questions, generator, unseen)
            if network
            else vectors.new_zeros(len(orders), n_read - first, self.width)
        )
        at = (place - first).clamp_min(0)[..., None].expand(-1, -1, self.width)
        by_column = states.gather(1, at).transpose(0, 1)
        linear = None
        if self.gaussian is not None:
            everywhere = orders.new_full((len(orders), self.n_columns), n_read)
            everywhere[:, columns] = place
            if hidden is not None:
                everywhere = everywhere.masked_fill(hidden, n_read)
            linear = self.gaussian.conditionals(cells.features, cells.fold, everywhere, n_read)
        answers = cells.answer[:, columns].T
        asked = (place >= prefix[:, None]).T & (answers >= 0)
        for size in self.sizes:
            mine = (self.size_of[columns] == size).nonzero()[:, 0]
            if len(mine):
                logits = self._logits(vectors, columns[mine], by_column[mine], size, linear)
                yield columns[mine], logits, answers[mine], asked[mine]

    @torch.no_grad()
    def predict(
        self, cells: Cells, orders: Tensor, known: Tensor, prefix: Tensor | None = None
    ) -> Tensor:
        """Return the probabilities of one column's answers in each row.

        Parameters
        ----------
        cells : Cells
            A batch of rows; only the cells that `orders` reads before the question count.
        orders : int64 Tensor of shape (batch, length)
            The columns in the order read; the one at place ``known[i]`` is asked in row i.
        known : int64 Tensor of shape (batch,)
            How many cells are read before the question.
        prefix : int64 Tensor of shape (batch,), optional
            How many of them are read together, without an order; all by default.

        Returns
        -------
        Tensor of shape (batch, most answers)
            Zero beyond the asked column's own answers.
        """
        vectors = self.node_vectors()
        asked = orders.gather(1, known[:, None])
        states = self._states(
            vectors, cells, orders, known if prefix is None else prefix, known[:, None]
        )[:, 0]
        linear = None
        if self.gaussian is not None:
            n_read = orders.shape[1]
            place = torch.arange(n_read).expand_as(orders)
            # What stands behind the question is not read, be it the column asked once more.
            place = place.masked_fill(place > known[:, None], n_read)
            everywhere = orders.new_full((len(orders), self.n_columns), n_read)
            everywhere = everywhere.scatter_reduce(1, orders, place, "amin")
            linear = self.gaussian.conditionals(cells.features, cells.fold, everywhere, n_read)
        out = states.new_zeros(len(orders), self.closed.shape[1])
        for column in asked.unique().tolist():
            at, count = (asked[:, 0] == column).nonzero()[:, 0], self.n_answers[column]
            mine = None if linear is None else (linear[0][at], linear[1][at])
            logits = self._logits(vectors, torch.tensor([column]), states[at][None], count, mine)
            out[at, :count] = logits[0].softmax(-1)
        return out

    def grown(self, columns: Sequence[CellColumn], generator: torch.Generator) -> CellModel:
        """Return a model of the same columns with more answers that knows what this one does.

        Parameters
        ----------
        columns : sequence of CellColumn
            Levels, where there are new ones, stand after the old; numbers may be answered on
            others than before, at the same nodes.
        generator : torch.Generator
            Source of chance of the new levels' vectors.
        """
        moments = None if self.gaussian is None else self.gaussian.moments
        new = CellModel(columns, **self.shape, moments=moments, generator=generator)  # type: ignore[arg-type]
        mine, others = self.state_dict(), new.state_dict()
        for name, weight in others.items():
            if name not in ("own", "bias"):
                weight.copy_(mine[name])
        for index, column in enumerate(columns):
            count = (self.owner == index).sum()
            start, at = new.starts[index], self.starts[index]
            new.own.data[start : start + count] = self.own.data[at : at + count]
            before = self.columns[index].answers
            nearest = (torch.searchsorted(before, column.answers)).clamp_max(len(before) - 1)
            same = before[nearest] == column.answers
            new.bias.data[index, : len(same)] = self.bias.data[index, nearest].where(same, 0)
        return new.train(self.training)

    def _logits(
        self,
        vectors: Tensor,
        columns: Tensor,
        hidden: Tensor,
        size: int,
        linear: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        """Return logits of the first `size` answers, shape ``(columns, batch, size)``.

        Parameters
        ----------
        hidden : Tensor of shape (columns, batch, width)
            States of the questions.
        linear : two Tensors of shape (batch, n_features), or None
            What the Gaussian says.
        """
        node, between = self.answer_node[columns, :size], self.answer_between[columns, :size]
        cooled = 1 / self.temperature[columns, None]
        bias = self.bias[columns, :size] * cooled + self.closed[columns, :size]
        logits = torch.baddbmm(
            bias[:, None],
            hidden * cooled[..., None],
            self.values(vectors, node, between).mT,
            alpha=self.width**-0.5,
        )
        if self.gaussian is None or linear is None or not self.gaussian.is_number[columns].any():
            return logits
        return logits + self.gaussian.logits(columns, *linear, size) * cooled[..., None]

    def _states(
        self,
        vectors: Tensor,
        cells: Cells,
        orders: Tensor,
        prefix: Tensor,
        places: Tensor,
        generator: torch.Generator | None = None,
        unseen: Tensor | None = None,
    ) -> Tensor:
        """Return the hidden state of questions, shape ``(batch, questions, width)``.

        Parameters
        ----------
        places : int64 Tensor of shape (batch, questions)
            The place in the order that each question stands at; it sees the cells before that.
        unseen : bool Tensor of shape (batch, n_read - 1), optional
            Cells that nothing sees.
        """
        read = orders[:, :-1]  # the last is only asked
        value = self.values(vectors, cells.node.gather(1, read), cells.between.gather(1, read))
        start = 0
        for column, weight in zip(self.only_read, self.reads, strict=True):
            own = cells.plain[:, start : start + len(weight)] @ weight
            value = torch.where((read == column)[..., None], own[:, None], value)
            start += len(weight)
        value = value + functional.embedding(read, self.column)
        question = functional.embedding(orders.gather(1, places), self.question)
        beginning = self.beginning.expand(len(orders), 1, -1)
        x = torch.cat((beginning, value, question), dim=1)
        mask = _visible(prefix, places, read.shape[1])
        if unseen is not None:
            mask = mask & ~functional.pad(unseen, (1, 0))[:, None, None]
        return self.transformer.ask(x, mask, 1 + read.shape[1], generator)


def _visible(prefix: Tensor, places: Tensor, n_read: int) -> Tensor:
    """Return which cells each position sees, shape ``(batch or 1, 1, positions, 1 + n_read)``.

    Positions are the beginning, which all see, the cells read, and the questions.
    """
    if bool((prefix == prefix[0]).all() and (places == places[0]).all()):
        prefix, places = prefix[:1], places[:1]
    cell = torch.arange(n_read)
    values = (cell <= cell[:, None]) | (cell < prefix[:, None, None])
    questions = cell < places[..., None]
    nothing = torch.zeros(len(prefix), 1, n_read, dtype=torch.bool)
    seen = torch.cat((nothing, values.expand(len(prefix), -1, -1), questions), dim=1)
    return functional.pad(seen, (1, 0), value=True)[:, None]


def missing_last(orders: Tensor, present: Tensor) -> Tensor:
    """Return the orders with each row's missing cells moved to its end."""
    if present.all():
        return orders
    missing = (~present).gather(1, orders).to(torch.uint8)
    return orders.gather(1, missing.argsort(dim=1, stable=True))


def _positions(column: CellColumn) -> Tensor:
    """Return the column's nodes on its number line, standardized; zeros for levels."""
    if column.nodes is None or len(column.nodes) == 1:
        return torch.zeros(len(column.answers if column.nodes is None else column.nodes))
    nodes = column.nodes
    return ((nodes - nodes.mean()) / nodes.std().clamp_min(1e-12)).float()


def _losses(logits: Tensor, answers: Tensor) -> Tensor:
    """Return the cross-entropy of each answer, shape ``(columns, batch)``; zero if missing."""
    losses = functional.cross_entropy(
        logits.flatten(0, 1), answers.flatten(), ignore_index=-1, reduction="none"
    )
    return losses.view(answers.shape)

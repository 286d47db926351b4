"""The cell model: a word-level language model in which one cell of a table is one word.

A row ``petal=1.4, species=setosa`` is the sequence ``[petal] [1.4] [species] [setosa]``: a column
token asks, the value token answers. A value's vector lies on its column's *nodes*: a level is a
node; a number lies between two nodes and its vector between theirs. The output layer is tied to
the same vectors, so one softmax at a question is p(column | the cells before it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tabwidget.minilm.encoder import Transformer

__all__ = ["CellColumn", "CellModel", "Cells", "missing_last"]


@dataclass(frozen=True)
class CellColumn:
    """What the model knows of a column.

    Attributes
    ----------
    answers : Tensor of shape (n_answers,)
        The values that a question is answered on, as numbers; a level's index for categories.
    nodes : Tensor of shape (n_nodes,), increasing, or None
        Where on the number line the vectors are learned; None for categories, a node a level.
    """

    answers: Tensor
    nodes: Tensor | None


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
    """

    node: Tensor
    between: Tensor
    answer: Tensor

    def __len__(self) -> int:
        return len(self.node)

    def __getitem__(self, rows: Tensor | slice) -> Cells:
        return Cells(self.node[rows], self.between[rows], self.answer[rows])


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
    """

    owner: Tensor
    own_scale: Tensor
    position: Tensor
    answer_node: Tensor
    answer_between: Tensor
    closed: Tensor

    def __init__(
        self,
        columns: Sequence[CellColumn],
        *,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.n_columns, self.width = len(columns), width
        self.n_answers = [len(column.answers) for column in columns]
        self._lay_out(columns)
        self._place_answers(columns)
        self.question = nn.Parameter(torch.randn(self.n_columns, width))
        self.own = nn.Parameter(torch.randn(len(self.owner), width))
        self.slope = nn.Parameter(torch.randn(self.n_columns, width))
        self.bias = nn.Parameter(torch.zeros(self.n_columns, max(self.n_answers)))
        # Twice the width does as well on tables as the usual four times, at half the cost.
        self.transformer = Transformer(width, 2 * width, layers, heads, dropout)

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
        self._constant("answer_node", torch.zeros(shape, dtype=torch.int64))
        self._constant("answer_between", torch.zeros(shape))
        self._constant("closed", torch.ones(shape, dtype=torch.bool))
        for index, column in enumerate(columns):
            count = len(column.answers)
            node, between = self.place(index, column.answers)
            self.answer_node[index, :count] = node
            self.answer_between[index, :count] = between
            self.closed[index, :count] = False

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

    def forward(self, cells: Cells, orders: Tensor) -> Tensor:
        """Return the log-probabilities of every column's answers, each given the cells before it.

        Parameters
        ----------
        cells : Cells
            A batch of rows.
        orders : int64 Tensor of shape (batch, n_columns)
            The order each row is read in, missing cells last.

        Returns
        -------
        Tensor of shape (n_columns, batch, most answers)
            ``-inf`` beyond a column's own answers.
        """
        vectors = self.node_vectors()
        hidden = self._hidden(vectors, cells, orders)
        place = orders.argsort(dim=1)[..., None].expand_as(hidden)
        answers = self.values(vectors, self.answer_node, self.answer_between)
        logits = torch.baddbmm(
            self.bias[:, None],
            hidden.gather(1, place).transpose(0, 1),
            answers.mT,
            alpha=self.width**-0.5,
        )
        return logits.masked_fill(self.closed[:, None], -torch.inf).log_softmax(-1)

    @torch.no_grad()
    def predict(self, cells: Cells, orders: Tensor, known: Tensor) -> Tensor:
        """Return the probabilities of one column's answers in each row.

        Parameters
        ----------
        cells : Cells
            A batch of rows; only the cells that `orders` reads before the question count.
        orders : int64 Tensor of shape (batch, length)
            The columns in the order read; the one at place ``known[i]`` is asked in row i.
        known : int64 Tensor of shape (batch,)
            How many cells are read before the question.

        Returns
        -------
        Tensor of shape (batch, most answers)
            Zero beyond the asked column's own answers.
        """
        vectors = self.node_vectors()
        rows = torch.arange(len(orders))
        asked = orders[rows, known]
        hidden = self._hidden(vectors, cells, orders)[rows, known]
        out = hidden.new_zeros(len(orders), self.closed.shape[1])
        for column in asked.unique().tolist():
            at, count = (asked == column).nonzero()[:, 0], self.n_answers[column]
            node, between = self.answer_node[column, :count], self.answer_between[column, :count]
            answers = self.values(vectors, node, between)
            logits = torch.addmm(
                self.bias[column, :count], hidden[at], answers.mT, alpha=self.width**-0.5
            )
            out[at, :count] = logits.softmax(-1)
        return out

    def _hidden(self, vectors: Tensor, cells: Cells, orders: Tensor) -> Tensor:
        """Return the hidden state at every question, shape ``(batch, length, width)``."""
        value = self.values(vectors, cells.node.gather(1, orders), cells.between.gather(1, orders))
        question = functional.embedding(orders, self.question)
        x = torch.stack((question, value), dim=2).flatten(1, 2)[:, :-1]
        return self.transformer(x)[:, 0::2]


def missing_last(orders: Tensor, present: Tensor) -> Tensor:
    """Return the orders with each row's missing cells moved to its end."""
    if present.all():
        return orders
    missing = (~present).gather(1, orders).to(torch.uint8)
    return orders.gather(1, missing.argsort(dim=1, stable=True))


def _positions(column: CellColumn) -> Tensor:
    """Return the column's nodes on its number line, standardised; zeros for levels."""
    if column.nodes is None or len(column.nodes) == 1:
        return torch.zeros(len(column.answers if column.nodes is None else column.nodes))
    nodes = column.nodes
    return ((nodes - nodes.mean()) / nodes.std().clamp_min(1e-12)).float()

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

__all__ = ["CellColumn", "CellModel", "Cells"]


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
        self.question = nn.Parameter(torch.randn(self.n_columns, width))
        self.own = nn.Parameter(torch.randn(len(self.is_level), width))
        self.slope = nn.Parameter(torch.randn(self.n_columns, width))
        self.bias = nn.Parameter(torch.zeros(self.n_columns, max(self.n_answers)))
        self.transformer = Transformer(width, 4 * width, layers, heads, dropout)

    def _lay_out(self, columns: Sequence[CellColumn]) -> None:
        """Number all nodes of all columns, and place each column's answers on them."""
        places, levels, owners, starts, positions = [], [], [], [], []
        start = 0
        for index, column in enumerate(columns):
            nodes = column.nodes
            count = len(column.answers) if nodes is None else len(nodes)
            if nodes is None:
                position = torch.zeros(count)
            else:
                spread = nodes.std() if count > 1 else torch.tensor(1.0)
                position = ((nodes - nodes.mean()) / spread.clamp_min(1e-12)).float()
            positions.append(position)
            levels.append(torch.full((count,), nodes is None))
            owners.append(torch.full((count,), index))
            starts.append(start)
            start += count
        self.register_buffer("start", torch.tensor(starts), persistent=False)
        self.register_buffer("is_level", torch.cat(levels), persistent=False)
        self.register_buffer("own_scale", torch.where(torch.cat(levels), 1.0, 0.3)[:, None], persistent=False)
        self.register_buffer("owner", torch.cat(owners), persistent=False)
        self.register_buffer("position", torch.cat(positions), persistent=False)
        self.nodes = [column.nodes for column in columns]
        most = max(self.n_answers)
        answer_node = torch.zeros(self.n_columns, most, dtype=torch.int64)
        answer_between = torch.zeros(self.n_columns, most)
        closed = torch.ones(self.n_columns, most, dtype=torch.bool)
        for index, column in enumerate(columns):
            node, between = self.place(index, column.answers)
            answer_node[index, : len(node)] = node
            answer_between[index, : len(node)] = between
            closed[index, : len(node)] = False
        self.register_buffer("answer_node", answer_node, persistent=False)
        self.register_buffer("answer_between", answer_between, persistent=False)
        self.register_buffer("closed", closed, persistent=False)

    def place(self, column: int, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Return the node at or below each number, and how far it lies towards the next.

        Numbers beyond the outermost nodes are read as the outermost. NaN is placed anywhere.
        """
        nodes, start = self.nodes[column], int(self.start[column])
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
        return torch.addcmul(own, self.position[:, None], self.slope[self.owner])

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
        value = self.values(vectors, cells.node.gather(1, orders), cells.between.gather(1, orders))
        question = functional.embedding(orders, self.question)
        x = torch.stack((question, value), dim=2).flatten(1, 2)[:, :-1]
        hidden = self.transformer(x)[:, 0::2]
        place = orders.argsort(dim=1)[..., None].expand_as(hidden)
        return self._log_probabilities(vectors, hidden.gather(1, place).transpose(0, 1))

    def _log_probabilities(self, vectors: Tensor, hidden: Tensor) -> Tensor:
        answers = self.values(vectors, self.answer_node, self.answer_between)
        logits = torch.baddbmm(
            self.bias[:, None], hidden, answers.mT, alpha=self.width**-0.5
        ).masked_fill(self.closed[:, None], -torch.inf)
        return logits.log_softmax(-1)

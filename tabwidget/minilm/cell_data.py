"""The data a cell model reads: the columns of a table, and rows of encoded cells."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

__all__ = ["CellColumn", "Cells"]


@dataclass(frozen=True)
class CellColumn:
    """A column of the model.

    Attributes
    ----------
    support : Tensor of shape (n_support,)
        Values that get a probability, as numbers; level indices for categories.
    nodes : Tensor of shape (n_nodes,), increasing, or None
        Points of the number line that have a learned vector; None for categories, which have one
        node per level.
    cuts : Tensor of shape (n_support + 1,), increasing, or None
        Boundaries between the support values on the number line; None for categories.
    width : int
        Numbers per cell of a column that is only an input; 0 for a column that is also a target.
    """

    support: Tensor
    nodes: Tensor | None
    cuts: Tensor | None = None
    width: int = 0


@dataclass(frozen=True)
class Cells:
    """Encoded rows: each cell as a point between two nodes.

    Attributes
    ----------
    node : int64 Tensor of shape (n_rows, n_columns)
        The node at or below the value.
    between : float Tensor of shape (n_rows, n_columns)
        Position of the value between that node and the next, 0 to 1.
    code : int64 Tensor of shape (n_rows, n_columns)
        Index of the value in its column's support; -1 if missing.
    present : bool Tensor of shape (n_rows, n_columns)
        Whether the cell can be read.
    plain : float Tensor of shape (n_rows, sum of the columns' widths)
        Cells of the columns that are only inputs.
    features : float Tensor of shape (n_rows, n_features)
        Standardized features for the Gaussian prior.
    fold : int64 Tensor of shape (n_rows,)
        Training fold of the Gaussian prior that the row is in; -1 for none.

    Examples
    --------
    >>> node = torch.tensor([[0, 3], [1, 4]])
    >>> cells = Cells.of(node, torch.zeros(2, 2), torch.tensor([[0, -1], [1, 1]]))
    >>> cells.present.tolist(), len(cells[1:])
    ([[True, False], [True, True]], 1)
    """

    node: Tensor
    between: Tensor
    code: Tensor
    present: Tensor
    plain: Tensor
    features: Tensor
    fold: Tensor

    @classmethod
    def of(cls, node: Tensor, between: Tensor, code: Tensor) -> Cells:
        """Return rows whose columns are all targets, for a model without a Gaussian prior."""
        empty = torch.empty(len(node), 0)
        fold = torch.full((len(node),), -1)
        return cls(node, between, code, code >= 0, empty, empty, fold)

    def __len__(self) -> int:
        return len(self.node)

    def __getitem__(self, rows: Tensor | slice) -> Cells:
        return Cells(*(getattr(self, part.name)[rows] for part in fields(self)))

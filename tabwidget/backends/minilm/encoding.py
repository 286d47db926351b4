"""Encoding of a table for the cell model: its columns as `CellColumn`, its rows as `Cells`.

Shapes: B rows, C columns, T the C columns that are also targets, which come first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tabwidget._typing import Floats
from tabwidget.minilm.cell_data import CellColumn, Cells
from tabwidget.minilm.cell_model import CellModel
from tabwidget.table import Column

__all__ = ["cell_column", "cell_columns", "encode", "present_cells"]


def cell_columns(columns: Sequence[Column], rows: Floats) -> list[CellColumn]:
    """Return the columns of a new model of a table.

    Parameters
    ----------
    columns : sequence of Column
        The inputs of the table's schema.
    rows : ndarray of shape (B, row width)
        Training rows as `TableSchema.rows` returns them.
    """
    return [
        cell_column(column, _nodes(column, rows[:, index]) if column.role == "feature" else None)
        for index, column in enumerate(columns)
    ]


def cell_column(column: Column, nodes: Floats | None) -> CellColumn:
    """Return a column of the model; `nodes` is None for categories and texts."""
    support = torch.from_numpy(np.asarray(column.grid, dtype=np.float64))
    if nodes is None:
        return CellColumn(support, None, width=0 if column.embedding is None else column.width)
    cuts = np.concatenate([[column.low], (column.grid[1:] + column.grid[:-1]) / 2, [column.high]])
    if column.edges is not None:
        # Beside an atom the cut stays halfway: the atom's own bin is too narrow to matter.
        atoms = np.pad(column.atoms, 1)
        cuts = np.where(atoms[1:] | atoms[:-1], cuts, column.edges)
    return CellColumn(support, torch.from_numpy(nodes), torch.from_numpy(cuts))


def encode(model: CellModel, columns: Sequence[Column], rows: Floats) -> Cells:
    """Return rows, as `TableSchema.rows` returns them, as cells of the model."""
    present = present_cells(columns, rows)
    n_targets = sum(column.role == "feature" for column in columns)
    numbers = torch.from_numpy(rows[:, :n_targets])
    features = torch.empty(len(rows), 0)
    if model.gaussian is not None:
        features = model.gaussian.features(numbers)
    # Texts have neither nodes nor codes.
    node = torch.zeros(present.shape, dtype=torch.int64)
    between, code = torch.zeros(present.shape), torch.full(present.shape, -1)
    for index, column in enumerate(columns[:n_targets]):
        node[:, index], between[:, index] = model.place(index, numbers[:, index])
        code[:, index] = torch.from_numpy(column.codes(rows[:, index]))
    return Cells(
        node,
        between,
        code,
        torch.from_numpy(present),
        torch.from_numpy(np.nan_to_num(rows[:, n_targets:])).float(),
        features,
        torch.full((len(rows),), -1),
    )


def present_cells(columns: Sequence[Column], rows: Floats) -> NDArray[np.bool_]:
    """Return which cells are present, shape ``(B, C)``."""
    starts = np.cumsum([0, *(column.width for column in columns[:-1])])
    return np.isfinite(rows[:, starts])


def _nodes(column: Column, numbers: Floats) -> Floats | None:
    """Return the nodes of a number: bin edges and atoms, or its distinct values without bins."""
    if not column.is_number:
        return None
    if column.edges is None:
        return np.unique(numbers[np.isfinite(numbers)])
    # An atom is one node, not the two edges of its narrow bin.
    atoms = np.pad(column.atoms, 1)
    edges = column.edges[~(atoms[1:] | atoms[:-1])]
    return np.unique(np.concatenate([edges, column.grid[column.atoms]]))

"""Tests of the encoding of a table for the cell model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from tabwidget.backends.minilm.encoding import cell_columns, encode, present_cells
from tabwidget.minilm.cell_model import CellModel
from tabwidget.table import Table

N = 120


@pytest.fixture(scope="module")
def table() -> Table:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "level": rng.choice(["a", "b", "c"], N),
            "number": rng.normal(size=N).round(3),
            "text": [
                f"we came on day {i} and it was {rng.choice(['warm', 'cold', 'dark'])} in there"
                for i in range(N)
            ],
        }
    )
    frame.loc[3, "level"] = None
    frame.loc[5, "number"] = np.nan
    return Table(frame)


def test_cells_have_nodes_codes_and_presence(table: Table) -> None:
    columns, rows = table.schema.inputs, table.schema.rows(table.frame)
    parts = cell_columns(columns, rows)
    model = CellModel(parts, width=8, layers=1, heads=2)
    cells = encode(model, columns, rows)
    assert cells.present.shape == (N, len(columns))
    assert [int(i) for i in (~cells.present).nonzero()[:, 0]] == [3, 5]
    level, number = columns[0], columns[1]
    assert cells.code[3, 0] == cells.code[5, 1] == -1
    assert cells.code[0, 0] == level.codes(rows[:1, 0])[0]
    # A value is the interpolation of its nodes.
    nodes, t = parts[1].nodes, cells.between[:, 1].double()
    assert nodes is not None
    below = cells.node[:, 1] - model.first_node[1]
    value = nodes[below] * (1 - t) + nodes[below + 1] * t
    present = cells.present[:, 1]
    numbers = torch.from_numpy(rows[:, 1])
    torch.testing.assert_close(value[present], numbers[present], atol=1e-5, rtol=0)
    assert number.is_number


def test_texts_are_inputs_without_a_support(table: Table) -> None:
    columns, rows = table.schema.inputs, table.schema.rows(table.frame)
    text = next(c for c in columns if c.name == "text")
    parts = cell_columns(columns, rows)
    assert [part.width for part in parts] == [0, 0, text.width]
    model = CellModel(parts, width=8, layers=1, heads=2)
    assert encode(model, columns, rows).plain.shape == (N, text.width)
    assert present_cells(columns, rows)[:, 2].all()


def test_cuts_enclose_every_support_value(table: Table) -> None:
    columns, rows = table.schema.inputs, table.schema.rows(table.frame)
    part = cell_columns(columns, rows)[1]
    assert part.cuts is not None
    assert len(part.cuts) == len(part.support) + 1
    assert (part.cuts[:-1] <= part.support).all()
    assert (part.support <= part.cuts[1:]).all()


def test_an_atom_is_one_node() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": np.where(np.arange(4000) % 2, 0.0, rng.normal(size=4000))})
    table = Table(frame)
    [column], rows = table.schema.inputs, table.schema.rows(frame)
    assert column.atoms.any()
    [part] = cell_columns([column], rows)
    assert part.nodes is not None
    assert (part.nodes == 0.0).sum() == 1
    assert part.nodes.diff().min() > 0

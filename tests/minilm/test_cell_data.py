"""Tests of CellColumn and Cells."""

from __future__ import annotations

import torch

from tabwidget.minilm.cell_data import Cells


def test_rows_are_selected_from_every_part() -> None:
    code = torch.tensor([[0, 1], [-1, 2], [1, 0]])
    cells = Cells(
        code + 5,
        torch.rand(3, 2),
        code,
        code >= 0,
        torch.rand(3, 4),
        torch.rand(3, 6),
        torch.arange(3),
    )
    picked = cells[torch.tensor([2, 0])]
    assert len(picked) == 2
    assert picked.fold.tolist() == [2, 0]
    for name in ("node", "between", "code", "present", "plain", "features"):
        assert torch.equal(getattr(picked, name), getattr(cells, name)[[2, 0]])
    assert torch.equal(cells[1:].code, code[1:])


def test_without_a_prior_a_cell_is_present_where_it_has_a_code() -> None:
    cells = Cells.of(torch.zeros(2, 2).long(), torch.zeros(2, 2), torch.tensor([[0, -1], [3, 1]]))
    assert cells.present.tolist() == [[True, False], [True, True]]
    assert cells.features.shape == cells.plain.shape == (2, 0)
    assert cells.fold.tolist() == [-1, -1]

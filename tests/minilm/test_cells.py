"""The cell model: exact conditionals that see only the cells before the question."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tabwidget.minilm.cells import CellColumn, CellModel, Cells

LEVELS, NUMBER, OTHER = 0, 1, 2


@pytest.fixture
def model() -> CellModel:
    torch.manual_seed(0)
    columns = [
        CellColumn(torch.arange(3, dtype=torch.float64), None),
        CellColumn(
            torch.tensor([0.0, 1.0, 5.0], dtype=torch.float64),
            torch.tensor([0.0, 1.0, 2.0, 10.0], dtype=torch.float64),
        ),
        CellColumn(torch.arange(2, dtype=torch.float64), None),
    ]
    return CellModel(columns, width=16, layers=2, heads=2).eval()


def cells(model: CellModel, *rows: tuple[float, float, float]) -> Cells:
    numbers = torch.tensor(rows, dtype=torch.float64)
    places = [model.place(i, numbers[:, i]) for i in range(3)]
    node = torch.stack([node for node, _ in places], 1)
    between = torch.stack([between for _, between in places], 1)
    return Cells(node, between, torch.zeros_like(node))


def orders(*order: int) -> Tensor:
    return torch.tensor([order])


def test_probabilities_sum_to_one_over_each_columns_own_answers(model: CellModel) -> None:
    found = model(cells(model, (0, 1.5, 1)), orders(2, 0, 1)).exp()
    torch.testing.assert_close(found.sum(-1), torch.ones(3, 1))
    assert found[OTHER, 0, 2] == 0


def test_a_question_sees_only_the_cells_before_it(model: CellModel) -> None:
    order = orders(OTHER, NUMBER, LEVELS)
    before = model(cells(model, (0, 1.5, 1)), order)
    after = model(cells(model, (2, 1.5, 1)), order)
    torch.testing.assert_close(before, after)
    changed = model(cells(model, (0, 9.0, 1)), order)
    torch.testing.assert_close(before[NUMBER], changed[NUMBER])
    assert not torch.allclose(before[LEVELS], changed[LEVELS])


def test_asking_is_what_training_saw(model: CellModel) -> None:
    row, order = cells(model, (0, 1.5, 1)), orders(OTHER, NUMBER, LEVELS)
    trained = model(row, order).exp()
    for known, column in enumerate([OTHER, NUMBER, LEVELS]):
        asked = model.predict(row, order, torch.tensor([known]))
        torch.testing.assert_close(asked, trained[column])


def test_rows_may_ask_different_columns_after_different_cells(model: CellModel) -> None:
    rows = cells(model, (0, 1.5, 1), (2, 0.2, 0))
    order = torch.tensor([[NUMBER, LEVELS, OTHER], [OTHER, NUMBER, LEVELS]])
    together = model.predict(rows, order, torch.tensor([1, 2]))
    for row, known in enumerate([1, 2]):
        alone = model.predict(rows[row : row + 1], order[row : row + 1], torch.tensor([known]))
        torch.testing.assert_close(together[row : row + 1], alone)


def test_a_number_between_two_nodes_lies_between_their_vectors(model: CellModel) -> None:
    vectors = model.node_vectors()
    at = [
        model.values(vectors, *model.place(NUMBER, torch.tensor([x]).double())) for x in (2, 6, 10)
    ]
    torch.testing.assert_close(at[1], (at[0] + at[2]) / 2)


def test_numbers_beyond_the_nodes_are_read_as_the_outermost(model: CellModel) -> None:
    inside, outside = cells(model, (0, 10.0, 0)), cells(model, (0, 1e9, 0))
    order = orders(NUMBER, LEVELS, OTHER)
    torch.testing.assert_close(model(inside, order), model(outside, order))


def test_a_column_of_one_value_is_certain() -> None:
    columns = [CellColumn(torch.zeros(1, dtype=torch.float64), torch.zeros(1).double())]
    model = CellModel(columns, width=8, layers=1, heads=2)
    row = Cells(torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1), torch.zeros(1, 1).long())
    assert model(row, torch.zeros(1, 1, dtype=torch.int64)).tolist() == [[[0.0]]]

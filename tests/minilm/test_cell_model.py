"""The cell model: exact conditionals that see only the cells before the question."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tabwidget.minilm.cell_model import CellColumn, CellModel, Cells

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
    return Cells.of(node, between, torch.zeros_like(node))


def orders(*order: int) -> Tensor:
    return torch.tensor([order])


def test_probabilities_sum_to_one_over_each_columns_own_answers(model: CellModel) -> None:
    row = cells(model, (0, 1.5, 1))
    found = model.predict(row, orders(NUMBER, OTHER), torch.tensor([1]))
    torch.testing.assert_close(found.sum(-1), torch.ones(1))
    assert found[0, 2] == 0


def test_a_question_sees_only_the_cells_before_it(model: CellModel) -> None:
    order = orders(OTHER, NUMBER, LEVELS)
    before, _ = model(cells(model, (0, 1.5, 1)), order)
    after, _ = model(cells(model, (2, 1.5, 1)), order)
    torch.testing.assert_close(before, after)
    changed, _ = model(cells(model, (0, 9.0, 1)), order)
    torch.testing.assert_close(before[:, [NUMBER, OTHER]], changed[:, [NUMBER, OTHER]])
    assert not torch.allclose(before[:, LEVELS], changed[:, LEVELS])


@pytest.mark.parametrize("prefix", [0, 1, 2])
def test_asking_is_what_training_saw(model: CellModel, prefix: int) -> None:
    row, order = cells(model, (0, 1.5, 1)), orders(OTHER, NUMBER, LEVELS)
    trained, asked = model(row, order, torch.tensor([prefix]))
    for known, column in enumerate([OTHER, NUMBER, LEVELS]):
        assert bool(asked[0, column]) == (known >= prefix)
        if known < prefix:
            continue
        answers = model.predict(row, order, torch.tensor([known]), torch.tensor([prefix]))
        torch.testing.assert_close(answers[:, 0].log(), trained[:, column])


def test_cells_read_together_have_no_order(model: CellModel) -> None:
    row, known = cells(model, (0, 1.5, 1)), torch.tensor([2])
    one = model.predict(row, orders(OTHER, NUMBER, LEVELS), known)
    other = model.predict(row, orders(NUMBER, OTHER, LEVELS), known)
    torch.testing.assert_close(one, other)
    one_by_one = model.predict(row, orders(OTHER, NUMBER, LEVELS), known, torch.tensor([0]))
    assert not torch.allclose(one, one_by_one)


def test_missing_cells_are_not_asked(model: CellModel) -> None:
    row = cells(model, (0, 1.5, 1))
    row.answer[0, NUMBER] = -1
    likely, asked = model(row, orders(OTHER, LEVELS, NUMBER))
    assert asked.tolist() == [[True, False, True]]
    assert likely[0, NUMBER] == 0


def test_some_of_the_columns_may_be_read(model: CellModel) -> None:
    row = cells(model, (0, 1.5, 1))
    likely, asked = model(row, orders(LEVELS, NUMBER))
    assert asked.tolist() == [[True, True, False]]
    whole, _ = model(row, orders(LEVELS, NUMBER, OTHER))
    torch.testing.assert_close(likely[:, :OTHER], whole[:, :OTHER])


def test_columns_of_many_and_few_answers_stand_side_by_side() -> None:
    columns = [CellColumn(torch.arange(n, dtype=torch.float64), None) for n in (2, 700, 40)]
    model = CellModel(columns, width=8, layers=1, heads=2).eval()
    answers = torch.tensor([[1, 398, 18]])
    nodes = torch.tensor([[1, 400, 720]])
    row = Cells.of(nodes, torch.zeros(1, 3), answers)
    likely, _ = model(row, orders(1, 0, 2))
    for known, column in enumerate([1, 0, 2]):
        causal = torch.tensor([0])
        p = model.predict(row, orders(1, 0, 2), torch.tensor([known]), causal)
        torch.testing.assert_close(p[0, row.answer[0, column]].log(), likely[0, column])
        assert p[0, model.n_answers[column] :].sum() == 0


def test_no_weight_comes_from_the_global_generator() -> None:
    columns = [CellColumn(torch.arange(3, dtype=torch.float64), None)]
    before = torch.random.get_rng_state()
    first, second = (
        CellModel(columns, width=8, generator=torch.Generator().manual_seed(1)) for _ in range(2)
    )
    assert torch.equal(before, torch.random.get_rng_state())
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


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
    torch.testing.assert_close(model(inside, order)[0], model(outside, order)[0])


def test_a_column_of_one_value_is_certain() -> None:
    columns = [CellColumn(torch.zeros(1, dtype=torch.float64), torch.zeros(1).double())]
    model = CellModel(columns, width=8, layers=1, heads=2)
    one = torch.zeros(1, 1, dtype=torch.int64)
    row = Cells.of(one, torch.zeros(1, 1), one)
    assert model(row, torch.zeros(1, 1, dtype=torch.int64))[0].tolist() == [[0.0]]

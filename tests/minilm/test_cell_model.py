"""Tests of CellModel: causal attention, prefixes, support, and places on the number line."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tabwidget.minilm.cell_data import CellColumn, Cells
from tabwidget.minilm.cell_model import CellModel, missing_last

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


def test_probabilities_sum_to_one_over_the_support(model: CellModel) -> None:
    row = cells(model, (0, 1.5, 1))
    p = model.predict(row, orders(NUMBER, OTHER), torch.tensor([1]))
    torch.testing.assert_close(p.sum(-1), torch.ones(1))
    assert p[0, 2] == 0


def test_a_query_attends_only_to_the_cells_before_it(model: CellModel) -> None:
    order = orders(OTHER, NUMBER, LEVELS)
    before, _ = model(cells(model, (0, 1.5, 1)), order)
    after, _ = model(cells(model, (2, 1.5, 1)), order)
    torch.testing.assert_close(before, after)
    changed, _ = model(cells(model, (0, 9.0, 1)), order)
    torch.testing.assert_close(before[:, [NUMBER, OTHER]], changed[:, [NUMBER, OTHER]])
    assert not torch.allclose(before[:, LEVELS], changed[:, LEVELS])


@pytest.mark.parametrize("prefix", [0, 1, 2])
def test_predict_agrees_with_the_training_log_probabilities(model: CellModel, prefix: int) -> None:
    row, order = cells(model, (0, 1.5, 1)), orders(OTHER, NUMBER, LEVELS)
    trained, scored = model(row, order, torch.tensor([prefix]))
    for n_evidence, column in enumerate([OTHER, NUMBER, LEVELS]):
        assert bool(scored[0, column]) == (n_evidence >= prefix)
        if n_evidence < prefix:
            continue
        p = model.predict(row, order, torch.tensor([n_evidence]), torch.tensor([prefix]))
        torch.testing.assert_close(p[:, 0].log(), trained[:, column])


def test_a_prefix_has_no_order(model: CellModel) -> None:
    row, n_evidence = cells(model, (0, 1.5, 1)), torch.tensor([2])
    one = model.predict(row, orders(OTHER, NUMBER, LEVELS), n_evidence)
    other = model.predict(row, orders(NUMBER, OTHER, LEVELS), n_evidence)
    torch.testing.assert_close(one, other)
    one_by_one = model.predict(row, orders(OTHER, NUMBER, LEVELS), n_evidence, torch.tensor([0]))
    assert not torch.allclose(one, one_by_one)


def test_missing_cells_are_not_scored(model: CellModel) -> None:
    row = cells(model, (0, 1.5, 1))
    row.code[0, NUMBER] = -1
    log_probs, scored = model(row, orders(OTHER, LEVELS, NUMBER))
    assert scored.tolist() == [[True, False, True]]
    assert log_probs[0, NUMBER] == 0


def test_a_part_of_the_columns_may_be_read(model: CellModel) -> None:
    row = cells(model, (0, 1.5, 1))
    log_probs, scored = model(row, orders(LEVELS, NUMBER))
    assert scored.tolist() == [[True, True, False]]
    whole, _ = model(row, orders(LEVELS, NUMBER, OTHER))
    torch.testing.assert_close(log_probs[:, :OTHER], whole[:, :OTHER])


def test_columns_may_have_small_and_large_supports() -> None:
    columns = [CellColumn(torch.arange(n, dtype=torch.float64), None) for n in (2, 700, 40)]
    model = CellModel(columns, width=8, layers=1, heads=2).eval()
    codes = torch.tensor([[1, 398, 18]])
    nodes = torch.tensor([[1, 400, 720]])
    row = Cells.of(nodes, torch.zeros(1, 3), codes)
    log_probs, _ = model(row, orders(1, 0, 2))
    for n_evidence, column in enumerate([1, 0, 2]):
        causal = torch.tensor([0])
        p = model.predict(row, orders(1, 0, 2), torch.tensor([n_evidence]), causal)
        torch.testing.assert_close(p[0, row.code[0, column]].log(), log_probs[0, column])
        assert p[0, model.n_support[column] :].sum() == 0


def test_initial_weights_leave_the_global_generator_alone() -> None:
    columns = [CellColumn(torch.arange(3, dtype=torch.float64), None)]
    before = torch.random.get_rng_state()
    first, second = (
        CellModel(columns, width=8, generator=torch.Generator().manual_seed(1)) for _ in range(2)
    )
    assert torch.equal(before, torch.random.get_rng_state())
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_rows_of_a_batch_may_have_different_targets_and_evidence(model: CellModel) -> None:
    rows = cells(model, (0, 1.5, 1), (2, 0.2, 0))
    order = torch.tensor([[NUMBER, LEVELS, OTHER], [OTHER, NUMBER, LEVELS]])
    together = model.predict(rows, order, torch.tensor([1, 2]))
    for row, n_evidence in enumerate([1, 2]):
        alone = model.predict(rows[row : row + 1], order[row : row + 1], torch.tensor([n_evidence]))
        torch.testing.assert_close(together[row : row + 1], alone)


def test_vectors_between_two_nodes_are_interpolated(model: CellModel) -> None:
    vectors = model.node_vectors()
    at = [
        model.value_vectors(vectors, *model.place(NUMBER, torch.tensor([x]).double()))
        for x in (2, 6, 10)
    ]
    torch.testing.assert_close(at[1], (at[0] + at[2]) / 2)


def test_numbers_beyond_the_nodes_are_clamped(model: CellModel) -> None:
    inside, outside = cells(model, (0, 10.0, 0)), cells(model, (0, 1e9, 0))
    order = orders(NUMBER, LEVELS, OTHER)
    torch.testing.assert_close(model(inside, order)[0], model(outside, order)[0])


def test_a_column_of_one_value_is_certain() -> None:
    columns = [CellColumn(torch.zeros(1, dtype=torch.float64), torch.zeros(1).double())]
    model = CellModel(columns, width=8, layers=1, heads=2)
    one = torch.zeros(1, 1, dtype=torch.int64)
    row = Cells.of(one, torch.zeros(1, 1), one)
    assert model(row, torch.zeros(1, 1, dtype=torch.int64))[0].tolist() == [[0.0]]


def test_the_temperature_softens_the_distribution(model: CellModel) -> None:
    row, order, none = cells(model, (0, 1.5, 1)), orders(LEVELS), torch.tensor([0])
    before = model.predict(row, order, none)[0]
    model.temperature[LEVELS] = 2.0
    expected = before.log().div(2).softmax(-1)
    torch.testing.assert_close(model.predict(row, order, none)[0], expected)


def test_a_grown_model_keeps_its_weights_and_gains_levels(model: CellModel) -> None:
    columns = list(model.columns)
    columns[OTHER] = CellColumn(torch.arange(5, dtype=torch.float64), None)
    grown = model.grown(columns, torch.Generator().manual_seed(0))
    row, order, two = cells(model, (0, 1.5, 1)), orders(OTHER, NUMBER, LEVELS), torch.tensor([2])
    torch.testing.assert_close(
        grown.predict(row, order, two)[:, :3], model.predict(row, order, two)
    )
    assert grown.predict(row, orders(OTHER), torch.tensor([0])).count_nonzero() == 5


def test_missing_cells_move_to_the_end_in_their_order() -> None:
    present = torch.tensor([[True, False, True, False], [True, True, True, True]])
    order = torch.tensor([[3, 0, 1, 2]] * 2)
    assert missing_last(order, present).tolist() == [[0, 2, 3, 1], [3, 0, 1, 2]]

"""The in-context model: cached and uncached answers, invariances, and the prototype's answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tabwidget.backends.pretrained.features import Answers, Cells, ContextStatistics, Kind, encode
from tabwidget.backends.pretrained.model import InContextModel
from tabwidget.backends.pretrained.weights import pretrained_model
from tests.backends.pretrained.tables import N_CONTEXT, encoded, random_table, small_model

KINDS = pytest.mark.parametrize("kind", ["number", "levels"])
PROTOTYPE = Path(__file__).with_name("prototype.safetensors")


@KINDS
def test_answers_are_probabilities(kind: Kind) -> None:
    found, _ = encoded(kind)
    p = small_model()(found).exp()
    torch.testing.assert_close(p.sum(-1), torch.ones(p.shape[:2]), atol=1e-4, rtol=0)


@KINDS
def test_several_contexts_in_one_pass_answer_as_each_alone(kind: Kind) -> None:
    model, found = small_model(), encoded(kind)[0]
    other, _ = encoded("number", seed=1)
    contexts = [
        model.context(f.statistics, f.context, f.answers, f.column_vectors) for f in (found, other)
    ]
    both = model.ask(contexts, [found.query, other.query])
    alone = model.mixture(found)
    torch.testing.assert_close(both[0].log_answers, alone.log_answers, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(both[0].retrieved, alone.retrieved, atol=1e-5, rtol=1e-5)
    assert contexts[0].n_bytes > 2 * 2 * N_CONTEXT * 32 * 4


@KINDS
def test_the_order_of_rows_and_columns_has_no_effect(kind: Kind) -> None:
    model, table = pretrained_model(), random_table(kind)
    rows = torch.cat([torch.randperm(N_CONTEXT), torch.arange(N_CONTEXT, N_CONTEXT + 9)])
    columns = torch.tensor([2, 0, 3, 1])
    shuffled = {
        name: x[:, rows][..., columns] if name in ("numbers", "codes", "known") else x
        for name, x in table.items()
    }
    shuffled["target"] = table["target"][:, rows]
    shuffled["is_number"] = table["is_number"][:, columns]
    shuffled["column_vectors"] = table["column_vectors"][:, columns]
    expected = model(encode(**table)[0])
    got = model(encode(**shuffled)[0])
    torch.testing.assert_close(got, expected, atol=2e-4, rtol=1e-4)


def test_an_unknown_cell_has_no_effect() -> None:
    model, table = small_model(), random_table("number")
    changed = dict(table)
    changed["numbers"] = table["numbers"].where(table["known"], 77.0)
    changed["codes"] = table["codes"].where(table["known"], 4)
    assert torch.equal(model(encode(**table)[0]), model(encode(**changed)[0]))


def test_the_normal_component_sums_to_one_and_is_sharp_where_the_spread_is_small() -> None:
    model = small_model()
    mixture = model.mixture(encoded("number")[0])
    cuts = torch.linspace(-2, 2, 9)
    mass = mixture.normal_mass(cuts)
    torch.testing.assert_close(mass.sum(-1), torch.ones(mass.shape[:2]), atol=1e-5, rtol=0)
    sharp = replace(mixture, std=torch.full_like(mixture.std, 1e-3))  # type: ignore[arg-type]
    assert (sharp.normal_mass(cuts).amax(-1) > 0.99).float().mean() > 0.9


def test_an_untrained_model_answers_the_shares_of_the_table() -> None:
    torch.manual_seed(0)
    model = InContextModel(width=32, layers=2, heads=2, hidden=32, cell_width=16)
    found, _ = encoded("number")
    mixture = model.mixture(found)
    expected = found.statistics.log_shares[:, None].expand_as(mixture.log_answers)
    torch.testing.assert_close(mixture.log_answers, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", ["numbers", "levels", "sparse"])
def test_the_answers_equal_those_of_the_prototype(name: str) -> None:
    """Three tables with the prototype's answers: numbers, levels, and few known cells."""
    with safe_open(PROTOTYPE, framework="pt") as file:
        keys = [key for key in file.keys() if key.startswith(name)]  # noqa: SIM118
        read = {key.split(".")[1]: file.get_tensor(key) for key in keys}
    kind: Kind = "levels" if name == "levels" else "number"
    found, _ = encode(
        read["numbers"],
        read["codes"],
        read["is_number"],
        read["known"],
        read["target"],
        int(read["n_context"]),
        kind,
        read["column_vectors"],
    )
    mixture = pretrained_model().mixture(found)
    p = mixture.log_probs(found.answers.codes, normal=False).exp()
    assert float((p - read["probabilities"]).abs().max()) < 1e-3


@KINDS
def test_a_context_of_one_row_and_one_column(kind: Kind) -> None:
    cells = Cells(
        torch.zeros(1, 1, 1),
        torch.zeros(1, 1, 1, dtype=torch.int64),
        torch.ones(1, 1, 1, dtype=torch.bool),
        torch.ones(1, 1, dtype=torch.bool),
    )
    answers = (
        Answers.of_levels(torch.zeros(1, 1, dtype=torch.int64))
        if kind == "levels"
        else Answers.of_ranks(torch.zeros(1, 1), torch.full((1, 1), 0.5))
    )
    model = pretrained_model()
    statistics, rows = ContextStatistics.of(cells, answers)
    context = model.context(statistics, rows, answers, torch.zeros(1, 1, 12))
    [mixture] = model.ask([context], [statistics.query(cells)])
    assert torch.isfinite(mixture.log_probs(answers.codes)).all()

"""The log-likelihood of numbers by intervals of ranks, and of levels."""

from __future__ import annotations

import pytest
import torch

from tabwidget.backends.pretrained.features import Kind
from tabwidget.backends.pretrained.model import VECTOR_SIZE, InContextModel
from tabwidget.backends.pretrained.scoring import log_likelihood, normal_log_mass, rank_intervals
from tabwidget.backends.pretrained.synthetic import SyntheticTables


def new_model() -> InContextModel:
    torch.manual_seed(0)
    return InContextModel(width=16, layers=1, heads=2, hidden=16, cell_width=8)


def one_table(target: torch.Tensor, kind: Kind) -> SyntheticTables:
    """Return a table whose only column is a copy of the target."""
    numbers = target[..., None].float()
    everywhere = torch.ones_like(numbers, dtype=torch.bool)
    codes = torch.zeros_like(numbers, dtype=torch.long)
    return SyntheticTables(numbers, codes, everywhere[:, 0], everywhere, target, kind)


def test_intervals_of_distinct_numbers_are_one_context_row_wide() -> None:
    context = torch.arange(100.0)[None]
    low, high = rank_intervals(context, torch.tensor([[-5.0, 49.5, 49.0, 1000.0]]))
    torch.testing.assert_close(high - low, torch.full((1, 4), 0.01))
    torch.testing.assert_close(low, torch.tensor([[0.0, 0.495, 0.49, 0.99]]))


def test_intervals_of_many_rows_are_a_two_hundred_fifty_sixth_wide() -> None:
    low, high = rank_intervals(torch.arange(1000.0)[None], torch.tensor([[499.5]]))
    assert float(high - low) == pytest.approx(1 / 256)


def test_intervals_of_ties_are_as_wide_as_the_ties() -> None:
    context = torch.tensor([[0.0] * 30 + [1.0] * 50 + [2.0] * 20])
    low, high = rank_intervals(context, torch.tensor([[0.0, 1.0, 2.0]]))
    torch.testing.assert_close(low, torch.tensor([[0.0, 0.3, 0.8]]))
    torch.testing.assert_close(high, torch.tensor([[0.3, 0.8, 1.0]]))


def test_the_normal_masses_of_all_intervals_sum_to_one() -> None:
    cuts = torch.linspace(0, 1, 257)
    for mean, std in ((0.0, 1.0), (-2.0, 0.05), (2.5, 0.3)):
        at = torch.full((256,), mean), torch.full((256,), std)
        total = normal_log_mass(cuts[:-1], cuts[1:], *at).exp().sum()
        assert float(total) == pytest.approx(1.0, abs=1e-3)


def test_the_normal_mass_of_everything_has_a_gradient() -> None:
    mean, std = torch.zeros(1, requires_grad=True), torch.ones(1, requires_grad=True)
    normal_log_mass(torch.zeros(1), torch.ones(1), mean, std).sum().backward()
    assert mean.grad is not None
    assert std.grad is not None
    assert float(mean.grad) == float(std.grad) == 0.0


def test_a_normal_narrower_than_a_bin_scores_higher_than_the_bins_can() -> None:
    model = new_model().eval()
    target = torch.randn(1, 600, generator=torch.Generator().manual_seed(0))
    tables, vectors = one_table(target, "number"), torch.zeros(1, 1, VECTOR_SIZE)
    with torch.no_grad():
        model.normal.bias.copy_(torch.tensor([4.0, 0.0, 0.0]))
        wide, marginal = log_likelihood(tables, 500, model, vectors)
        # The prediction of the copied column is exact, but for the tails of the ridge regression.
        model.normal.bias.copy_(torch.tensor([4.0, 0.0, -1.0]))
        narrow, _ = log_likelihood(tables, 500, model, vectors)
    assert float(wide.median()) > float(marginal.median()) + 1.0
    assert float(narrow.median()) > float(wide.median())


def test_the_marginal_of_levels_is_the_share_in_the_context() -> None:
    target = torch.tensor([[0] * 30 + [1] * 10 + [0, 1]])
    _, marginal = log_likelihood(
        one_table(target, "levels"), 40, new_model(), torch.zeros(1, 1, VECTOR_SIZE)
    )
    assert marginal.exp().tolist()[0] == pytest.approx([0.75, 0.25], abs=0.02)

"""Tests of GaussianPrior: exact conditionals, and probabilities of support values."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tabwidget.minilm.gaussian_prior import GaussianPrior, Moments

COVARIANCE = torch.tensor([[1.0, 0.8, 0.3], [0.8, 1.0, 0.1], [0.3, 0.1, 1.0]])


def gaussian() -> GaussianPrior:
    """Three numbers of mean 10 and scale 2, with four bins each."""
    n = 3
    mean, scale = torch.full((n,), 10.0), torch.full((n,), 2.0)
    moments = Moments(torch.arange(n), torch.full((n,), -1), mean, scale, COVARIANCE)
    cuts = torch.tensor([[6.0, 9.0, 10.0, 11.0, 14.0]]).double().repeat(n, 1)
    return GaussianPrior(moments, cuts)


def conditionals(features: Tensor, place: list[list[int]]) -> tuple[Tensor, Tensor]:
    fold = torch.full((len(features),), -1)
    return gaussian().conditionals(features, fold, torch.tensor(place), 3)


def test_conditionals_are_those_of_linear_regression() -> None:
    x = torch.tensor([[0.5, -1.0, 2.0]])
    mean, spread = conditionals(x, [[2, 0, 1]])  # the first column is read last
    evidence, cross = COVARIANCE[1:, 1:], COVARIANCE[0, 1:]
    weights = torch.linalg.solve(evidence, cross)
    assert mean[0, 0] == pytest.approx(float(weights @ x[0, 1:]), abs=1e-5)
    assert spread[0, 0] ** 2 == pytest.approx(float(1 - weights @ cross), abs=1e-5)


def test_the_first_number_read_is_standard_normal() -> None:
    mean, spread = conditionals(torch.randn(1, 3), [[0, 1, 2]])
    assert [mean[0, 0].item(), spread[0, 0].item()] == [0.0, 1.0]


def test_its_own_value_does_not_matter() -> None:
    x = torch.tensor([[0.5, -1.0, 2.0], [9.0, -1.0, 2.0]])
    mean, _ = conditionals(x, [[2, 0, 1]] * 2)
    torch.testing.assert_close(mean[0, 0], mean[1, 0])


def test_columns_that_are_not_read_have_no_effect() -> None:
    x = torch.tensor([[0.5, -1.0, 2.0], [0.5, 7.0, 2.0]])
    mean, spread = conditionals(x, [[1, 3, 0]] * 2)
    assert mean[0, 0] == mean[1, 0] == pytest.approx(0.3 * 2.0)
    assert spread[0, 0] ** 2 == pytest.approx(1 - 0.3**2)


def test_rows_with_equal_and_different_orders_agree() -> None:
    x = torch.randn(4, 3)
    alike, _ = conditionals(x, [[2, 0, 1]] * 4)
    mixed, _ = conditionals(x, [[2, 0, 1], [2, 0, 1], [2, 0, 1], [0, 1, 2]])
    torch.testing.assert_close(alike[:3], mixed[:3])


def test_probabilities_sum_to_one_around_the_mean() -> None:
    one = gaussian()
    columns = torch.tensor([0])
    mean, spread = torch.tensor([[0.5, 0.0, 0.0]]), torch.tensor([[0.3, 1.0, 1.0]])
    p = one.logits(columns, mean, spread, 4).detach().exp()[0, 0]
    assert p.sum() == pytest.approx(1, abs=1e-4)
    assert p.argmax() in (2, 3)  # around 10 + 0.5 * 2


def test_training_rows_use_the_covariance_of_the_other_folds() -> None:
    one = gaussian()
    none = torch.eye(3)
    one.set_covariance(COVARIANCE, none[None])
    x, place = torch.tensor([[0.0, 2.0, 0.0]] * 2), torch.tensor([[2, 0, 1]] * 2)
    mean, _ = one.conditionals(x, torch.tensor([0, -1]), place, 3)
    assert mean[0, 0] == 0.0
    assert mean[1, 0] > 1.0


def test_features_are_standardized_and_zero_where_missing() -> None:
    features = gaussian().features(torch.tensor([[12.0, torch.nan, 1e9]]).double())
    assert features.tolist() == [[1.0, 0.0, 10.0]]


def test_the_prior_weight_multiplies_the_log_prior() -> None:
    prior, columns = gaussian(), torch.tensor([0, 1])
    mean, spread = torch.zeros(1, 3), torch.ones(1, 3)
    full = prior.logits(columns, mean, spread, 4)
    prior.prior_weight.copy_(torch.tensor([0.5, 0.0, 1.0]))
    half, none = prior.logits(columns, mean, spread, 4)
    torch.testing.assert_close(half, full[0] / 2)
    assert not none.any()

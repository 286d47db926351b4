"""What a Gaussian says: its exact conditionals, as probabilities of answers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tabwidget.minilm.gaussian_prior import Gaussian, Moments

COVARIANCE = torch.tensor([[1.0, 0.8, 0.3], [0.8, 1.0, 0.1], [0.3, 0.1, 1.0]])


def gaussian() -> Gaussian:
    """Three numbers of mean 10 and scale 2, answered on four bins each."""
    n = 3
    mean, scale = torch.full((n,), 10.0), torch.full((n,), 2.0)
    moments = Moments(torch.arange(n), torch.full((n,), -1), mean, scale, COVARIANCE)
    cuts = torch.tensor([[6.0, 9.0, 10.0, 11.0, 14.0]]).double().repeat(n, 1)
    return Gaussian(moments, cuts)


def said(features: Tensor, place: list[list[int]]) -> tuple[Tensor, Tensor]:
    fold = torch.full((len(features),), -1)
    return gaussian().conditionals(features, fold, torch.tensor(place), 3)


def test_conditionals_are_those_of_linear_regression() -> None:
    x = torch.tensor([[0.5, -1.0, 2.0]])
    mean, spread = said(x, [[2, 0, 1]])  # the first column is asked last
    known, cross = COVARIANCE[1:, 1:], COVARIANCE[0, 1:]
    weights = torch.linalg.solve(known, cross)
    assert mean[0, 0] == pytest.approx(float(weights @ x[0, 1:]), abs=1e-5)
    assert spread[0, 0] ** 2 == pytest.approx(float(1 - weights @ cross), abs=1e-5)


def test_a_number_asked_first_is_open() -> None:
    mean, spread = said(torch.randn(1, 3), [[0, 1, 2]])
    assert [mean[0, 0].item(), spread[0, 0].item()] == [0.0, 1.0]


def test_its_own_value_does_not_matter() -> None:
    x = torch.tensor([[0.5, -1.0, 2.0], [9.0, -1.0, 2.0]])
    mean, _ = said(x, [[2, 0, 1]] * 2)
    torch.testing.assert_close(mean[0, 0], mean[1, 0])


def test_columns_that_are_not_read_tell_nothing() -> None:
    x = torch.tensor([[0.5, -1.0, 2.0], [0.5, 7.0, 2.0]])
    mean, spread = said(x, [[1, 3, 0]] * 2)
    assert mean[0, 0] == mean[1, 0] == pytest.approx(0.3 * 2.0)
    assert spread[0, 0] ** 2 == pytest.approx(1 - 0.3**2)


def test_rows_that_know_alike_and_rows_that_do_not_agree() -> None:
    x = torch.randn(4, 3)
    alike, _ = said(x, [[2, 0, 1]] * 4)
    mixed, _ = said(x, [[2, 0, 1], [2, 0, 1], [2, 0, 1], [0, 1, 2]])
    torch.testing.assert_close(alike[:3], mixed[:3])


def test_answers_sum_to_one_and_lie_around_the_mean() -> None:
    one = gaussian()
    columns = torch.tensor([0])
    mean, spread = torch.tensor([[0.5, 0.0, 0.0]]), torch.tensor([[0.3, 1.0, 1.0]])
    p = one.logits(columns, mean, spread, 4).detach().exp()[0, 0]
    assert p.sum() == pytest.approx(1, abs=1e-4)
    assert p.argmax() in (2, 3)  # around 10 + 0.5 * 2


def test_a_row_is_answered_by_the_other_folds() -> None:
    one = gaussian()
    none = torch.eye(3)
    one.learn(COVARIANCE, none[None])
    x, place = torch.tensor([[0.0, 2.0, 0.0]] * 2), torch.tensor([[2, 0, 1]] * 2)
    mean, _ = one.conditionals(x, torch.tensor([0, -1]), place, 3)
    assert mean[0, 0] == 0.0
    assert mean[1, 0] > 1.0


def test_features_are_standardised_and_zero_where_absent() -> None:
    found = gaussian().features(torch.tensor([[12.0, torch.nan, 1e9]]).double())
    assert found.tolist() == [[1.0, 0.0, 10.0]]

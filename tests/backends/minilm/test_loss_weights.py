"""Tests of the weight of each column in the loss."""

from __future__ import annotations

import math

import pytest
import torch

from tabwidget.backends.minilm.loss_weights import column_weights


def test_weights_are_inverse_to_entropy() -> None:
    codes = torch.tensor([[0, 0], [1, 1], [2, 0], [3, 1]])
    number, label = column_weights(codes, [], 0.5).tolist()
    assert label / number == pytest.approx(math.log(4) / math.log(2))
    assert label + number == pytest.approx(2)


def test_targets_have_at_least_their_share() -> None:
    codes = torch.stack([torch.arange(64), *[torch.arange(64) % 2] * 3], 1)
    weights = column_weights(codes, [0], 0.5)
    assert float(weights[0] / weights.sum()) == pytest.approx(0.5)
    large = column_weights(codes, [1, 2, 3], 0.5)  # more than their share already
    torch.testing.assert_close(large, column_weights(codes, [], 0.5))


def test_a_share_of_one_leaves_the_targets_alone() -> None:
    codes = torch.stack([torch.arange(8), torch.arange(8) % 2], 1)
    assert column_weights(codes, [1], 1.0).tolist() == [0.0, 2.0]


def test_constant_and_missing_columns_have_no_weight() -> None:
    codes = torch.tensor([[0, 0, -1], [0, 1, -1], [-1, 1, -1]])
    weights = column_weights(codes, [0], 0.5)
    assert weights[0] == weights[2] == 0
    assert weights[1] == pytest.approx(3)

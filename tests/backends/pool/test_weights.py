"""The choice of pool weights."""

from __future__ import annotations

import numpy as np
import pytest

from tabwidget.backends.pool.weights import PoolWeights, best_weights


def test_a_useless_member_gets_no_weight() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 200)
    good = np.full((200, 3), 0.1) + 0.7 * np.eye(3)[codes]
    useless = np.full((200, 3), 1 / 3)
    assert best_weights([good, useless], codes, None).tolist() == [1.0, 0.0]
    assert best_weights([useless, good], codes, None).tolist() == [0.0, 1.0]


def test_members_with_independent_errors_share_the_weight() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 2, 400)
    members = []
    for _ in range(2):
        wrong = rng.random(400) < 0.2
        members.append(0.05 + 0.9 * np.eye(2)[np.where(wrong, 1 - codes, codes)])
    weights = best_weights(members, codes, None)
    assert 0.3 <= weights[0] <= 0.7


def test_few_rows_leave_the_first_member_alone() -> None:
    codes = np.zeros(2, dtype=int)
    members = [np.array([[0.5, 0.5]] * 2), np.array([[0.7, 0.3]] * 2)]
    assert best_weights(members, codes, None)[0] >= 0.8
    assert best_weights(members, codes[:0], None).tolist() == [1.0, 0.0]


def test_numbers_are_weighed_by_distance() -> None:
    """Both members miss the value; one of them by far less."""
    codes = np.full(100, 2)
    near, far = (np.tile(np.eye(6)[at], (100, 1)) for at in (3, 5))
    assert best_weights([near, far], codes, np.ones(5))[0] == 1.0


def test_weights_go_from_the_first_member_to_those_of_all_cells_known() -> None:
    at = np.array([[[0.5, 0.5]], [[0.2, 0.8]]])
    shares = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    found = PoolWeights(at).of(np.zeros(5, dtype=int), shares)
    np.testing.assert_allclose(found[:, 1], [0, 0.25, 0.5, 0.65, 0.8])
    np.testing.assert_allclose(found.sum(1), 1)
    with pytest.raises(IndexError):
        PoolWeights(at).of(np.array([1]), np.array([0.5]))

"""Random numbers of MLX under a seed."""

from __future__ import annotations

import contextlib

import pytest

pytest.importorskip("mlx.core", reason="the extra 'mlx' is not installed")

import mlx.core as mx
import numpy as np

from tabwidget.backends.mlx.rng import preserved_rng


def uniform() -> float:
    return float(np.array(mx.random.uniform()))


def draw(*seed: int) -> float:
    with preserved_rng(*seed):
        return uniform()


def test_draws_depend_on_all_numbers_of_the_seed() -> None:
    assert draw(1, 2) == draw(1, 2)
    assert len({draw(1, 2), draw(1, 3), draw(2, 2), draw(1)}) == 4


def test_the_state_is_restored_even_after_an_error() -> None:
    mx.random.seed(5)
    expected = [uniform() for _ in range(2)]
    mx.random.seed(5)
    assert uniform() == expected[0]
    with contextlib.suppress(KeyError), preserved_rng(0):
        mx.random.uniform()
        raise KeyError
    assert uniform() == expected[1]

"""Tests of preserved_rng."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from tabwidget.backends.rng import preserved_rng


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def seed(number: int) -> None:
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def test_global_random_states_are_restored() -> None:
    seed(1)
    expected = draw()
    seed(1)
    with preserved_rng():
        seed(2)
        draw()
    assert draw() == expected


def test_they_are_restored_after_an_error() -> None:
    def fails() -> None:
        with preserved_rng():
            draw()
            raise RuntimeError

    seed(1)
    expected = draw()
    seed(1)
    with pytest.raises(RuntimeError):
        fails()
    assert draw() == expected

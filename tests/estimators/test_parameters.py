"""Constructors that are generated from annotations."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from sklearn.base import BaseEstimator, clone

from tabwidget.estimators.parameters import SharedParameters, with_parameters


@with_parameters
class Base:
    seed: int = 0
    size: int = 3


@with_parameters
class Own(Base):
    trees: int = 10
    size: int = 5


class Forest(Own, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    fitted: int


def test_own_parameters_come_before_inherited_ones() -> None:
    parameters = inspect.signature(Own).parameters
    assert {name: p.default for name, p in parameters.items()} == {
        "size": 5,
        "trees": 10,
        "seed": 0,
    }
    assert list(parameters) == ["size", "trees", "seed"]
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters.values())


def test_a_parameter_is_stored_as_it_is_and_is_scikit_learns() -> None:
    seed: Any = object()
    forest = Forest(seed=seed)
    assert forest.seed is seed
    assert sorted(forest.get_params()) == ["seed", "size", "trees"]
    assert clone(forest.set_params(trees=2, seed=1)).get_params() == forest.get_params()


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(TypeError, match="depth"):
        Forest(depth=3)  # type: ignore[call-arg]


def test_instances_are_compared_by_identity() -> None:
    assert SharedParameters() != SharedParameters()

"""What a fit takes: more of it for more rows, and advice where it does not fit."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import pytest

from tabwidget.backends import Backend, cost, resolve
from tabwidget.backends.cost import ModelSize, cost_of
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.serializers import JSONSerializer
from tests.backends.text.fakes import toy

SIZE = ModelSize(10**6, 10**4, 10**6, 4, 2, 64, 500, 20.0, 8, "cpu", rate=1e9)


def test_twice_the_rows_take_twice_the_time_and_no_more_memory() -> None:
    once, twice = (cost_of(SIZE, n, None) for n in (10_000, 20_000))
    assert twice.seconds_per_epoch == pytest.approx(2 * once.seconds_per_epoch)
    assert twice.memory == once.memory
    assert once.epochs is None


def test_small_operations_count_once_a_step() -> None:
    small = replace(SIZE, small_operations=100)
    epoch = cost_of(SIZE, 10_000, None).seconds_per_epoch
    assert cost_of(small, 10_000, None).seconds_per_epoch > epoch
    with mock.patch.object(cost, "small_operation_seconds", return_value=1e-3):
        found = [cost_of(replace(small, rows_per_step=b), 10_000, None) for b in (8, 80)]
    assert [one.seconds_per_epoch - epoch for one in found] == pytest.approx([125.0, 12.5])


def test_members_and_columns_take_operations_of_their_own() -> None:
    table, training = toy(), TrainingConfig()
    sizes = [
        resolve("minilm", ModelConfig(members=n)).size(table, JSONSerializer(), training)
        for n in (1, 3)
    ]
    assert sizes[1].small_operations == 3 * sizes[0].small_operations > 0


def test_all_weights_cost_more_than_adapters() -> None:
    full = replace(SIZE, n_trained=SIZE.n_parameters)
    assert cost_of(full, 100, None).memory > cost_of(SIZE, 100, None).memory


def test_too_little_time_is_said_with_what_would_do() -> None:
    cost = cost_of(SIZE, 10**7, max_seconds=1.0)
    assert cost.epochs is not None
    assert cost.epochs < 1
    assert f"allow {3 * cost.seconds_per_epoch:.0f} seconds" in cost.advice


def test_too_little_memory_is_said_first() -> None:
    cost = cost_of(replace(SIZE, n_parameters=10**13), 10**7, max_seconds=1.0)
    assert "more memory than is free" in cost.advice


@pytest.mark.parametrize("name", ["auto", "minilm", "minilm-text"])
def test_backends_from_scratch_know_their_size_before_they_are_made(name: str) -> None:
    backend: Backend = resolve(name)
    size = backend.size(toy(), JSONSerializer(), TrainingConfig(batch_size=7))
    assert size.rows_per_step == 7
    assert size.n_trained == size.n_parameters > 10_000
    assert not backend.ready


def test_a_backend_that_trains_nothing_has_a_size_too() -> None:
    size = resolve("pretrained").size(toy(), JSONSerializer(), TrainingConfig())
    assert size.n_trained == 0
    assert size.n_parameters > 1_000_000
    assert cost_of(size, 100, max_seconds=1.0).advice == ""

"""Alerts of a table: constant, duplicate and leaking columns, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget import datasets
from tabwidget.table import Table
from tabwidget.table.alerts import alerts


def test_a_renamed_copy_is_a_duplicate_and_an_almost_copy_is_not() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 5, 6_000)
    almost = a.copy()
    almost[-1] = (almost[-1] + 1) % 5  # beyond the rows that are screened
    frame = pd.DataFrame({"a": a, "letters": np.array(list("vwxyz"))[a], "almost": almost})
    found = alerts(Table(frame))
    assert set(found) == {"a", "letters"}
    assert found["letters"] == ["says the same as 'a'"]


def test_missing_cells_count_in_a_comparison() -> None:
    frame = pd.DataFrame({"a": [1, 2, 1, None] * 5, "b": ["x", "y", "x", "y"] * 5})
    assert alerts(Table(frame)) == {}


def test_a_column_that_determines_the_target_leaks_it() -> None:
    frame = pd.DataFrame({"code": [1, 2, 3, 4] * 10, "y": list("abba") * 10, "x": range(40)})
    found = alerts(Table(frame), "y")
    assert list(found) == ["code"]
    assert "'y'" in found["code"][0]
    assert alerts(Table(frame)) == {}


def test_numbers_without_repetition_are_no_alert() -> None:
    x = np.random.default_rng(0).normal(size=50)
    assert alerts(Table(pd.DataFrame({"x": x, "y": x * 2}))) == {}


@pytest.mark.parametrize("name", ["penguins", "iris", "wine"])
def test_well_known_tables_have_none(name: str) -> None:
    table = Table(datasets.load(name), name)
    assert alerts(table, next(iter(table.schema.targets))) == {}

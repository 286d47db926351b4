"""Tests of the most predictive columns of each column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends.minilm.relevance import frequent_levels, neighbors
from tabwidget.table import Table


def table(n: int = 400) -> Table:
    rng = np.random.default_rng(0)
    x = rng.normal(5, 2, n)
    frame = pd.DataFrame(
        {
            "x": x,
            "twice": 2 * x + rng.normal(0, 0.1, n),
            "big": np.where(x > 5, "yes", "no"),
            "noise": rng.normal(size=n),
        }
    )
    frame.loc[::9, "twice"] = np.nan
    return Table(frame)


@pytest.mark.parametrize(("name", "closest"), [("x", "twice"), ("twice", "x"), ("big", "x")])
def test_the_most_predictive_column_is_the_first_neighbor(name: str, closest: str) -> None:
    data = table()
    columns = list(data.schema.values())
    near = neighbors(data.schema.rows(data.frame), columns, 1, seed=0)
    names = list(data.schema)
    assert names[near[names.index(name), 0]] == closest


def test_a_column_is_not_its_own_neighbor() -> None:
    data = table()
    near = neighbors(data.schema.rows(data.frame), list(data.schema.values()), 3, seed=0)
    assert [sorted(row) for row in near.tolist()] == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


def test_frequent_levels_come_first() -> None:
    column = Table(pd.DataFrame({"x": list("abbccc")})).schema["x"]
    cells = np.array([0, 1, 1, 2, 2, 2, np.nan])
    assert [column.support[level] for level in frequent_levels(cells, column)] == ["c", "b", "a"]

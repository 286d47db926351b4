"""Cells as text: decimals, dates, missing cells, and what a search finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.session.cell_text import MAX_LETTERS, CellText
from tabwidget.table import Table


def text_of(cells: Any) -> CellText:
    table = Table(pd.DataFrame({"x": cells, "y": np.arange(len(cells))}), keep=["x"])
    return CellText(table.schema["x"], table.frame["x"])


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([1.5, 20.25, np.nan], ["1.50", "20.25", None]),
        ([1.0, 2.0, np.inf], ["1", "2", None]),
        ([1 / 3, 2 / 3, 1e9 / 7], ["0.333333", "0.666667", "1.42857e+08"]),
        ([12345678901234567, 2, 3], ["12345678901234567", "2", "3"]),
        ([True, False, True], ["True", "False", "True"]),
        (["a", None, "b\n c"], ["a", None, "b c"]),
        (pd.to_datetime(["2020-01-31", "", "2021-12-01"]), ["2020-01-31", None, "2021-12-01"]),
        (
            pd.to_datetime(["2020-01-31 10:30", "2020-01-31 00:00", "2020-02-01 00:00"]),
            ["2020-01-31 10:30", "2020-01-31 00:00", "2020-02-01 00:00"],
        ),
        ([["a"], ["b", "c"], None], ["['a']", "['b', 'c']", None]),
    ],
)
def test_cells_are_written_as_the_column_has_them(cells: Any, expected: list[str | None]) -> None:
    assert text_of(cells).at([0, 1, 2]) == expected


def test_long_texts_are_cut() -> None:
    text = text_of(["x" * 1000, "y"]).at([0])[0]
    assert text is not None
    assert len(text) == MAX_LETTERS


def test_a_search_ignores_case_and_missing_cells() -> None:
    text = text_of(["Straße", "weg", None, "STRASSE"])
    assert text.containing("strasse").tolist() == [True, False, False, True]
    assert text.containing("e").tolist() == [True, True, False, True]


def test_cells_that_are_not_hashable_can_be_searched() -> None:
    text = text_of([["a"], ["b"], None])
    assert text.containing("b").tolist() == [False, True, False]


def test_levels_are_ranked_by_their_order_or_their_text() -> None:
    assert np.nan_to_num(text_of(["b", "A", None, "c"]).ranks, nan=-1).tolist() == [1, 0, -1, 2]
    sizes = pd.Categorical(["low", "high", None], categories=["low", "mid", "high"])
    assert np.nan_to_num(text_of(sizes).ranks, nan=-1).tolist() == [0, 2, -1]

"""The rows view: order, search, evidence, and the pages of a long table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.errors import ColumnError, ConfigError
from tabwidget.session.rows_view import RowsSettings, RowsView
from tabwidget.table import Table

FRAME = pd.DataFrame(
    {
        "x": [3.0, np.nan, 1.0, 2.0, 1.0],
        "g": ["b", "a", None, "a", "c"],
        "said": ["one fine day", "two", "Fine!", "four words are here", "five"],
    }
)


@pytest.fixture
def view() -> RowsView:
    return RowsView(Table(FRAME))


def shown(view: RowsView, **settings: Any) -> list[int]:
    view.arrange(RowsSettings(**settings))
    return [int(position) for position in view.order]


def test_rows_are_in_the_tables_order_at_first(view: RowsView) -> None:
    assert view.order.tolist() == [0, 1, 2, 3, 4]
    assert view.order.dtype == np.int32


@pytest.mark.parametrize(
    ("column", "descending", "order"),
    [
        ("x", False, [2, 4, 3, 0, 1]),
        ("x", True, [0, 3, 2, 4, 1]),
        ("g", False, [1, 3, 0, 4, 2]),
        ("g", True, [4, 0, 1, 3, 2]),
    ],
)
def test_sorting_is_stable_with_missing_cells_last(
    view: RowsView, column: str, descending: bool, order: list[int]
) -> None:
    assert shown(view, sort=column, descending=descending) == order


def test_a_search_finds_any_column_in_any_case(view: RowsView) -> None:
    assert shown(view, search=" fine ") == [0, 2]
    assert shown(view, search="fine", sort="x") == [2, 0]
    assert shown(view, search="nothing like it") == []


def test_an_unknown_column_is_refused_and_changes_nothing(view: RowsView) -> None:
    before = shown(view, sort="x")
    with pytest.raises(ColumnError, match="no column 'y'"):
        view.arrange(RowsSettings(sort="y"))
    assert view.order.tolist() == before


def test_each_order_has_another_version(view: RowsView) -> None:
    versions = {view.version}
    for column in ("x", "g"):
        view.arrange(RowsSettings(sort=column))
        versions.add(view.version)
    assert len(versions) == 3


def test_the_most_surprising_rows_come_first_and_unknown_ones_last(view: RowsView) -> None:
    bits = np.array([1.0, np.nan, 5.0, 2.0, np.nan])
    view.arrange(RowsSettings(by_surprise=True), surprise=bits)
    assert view.order.tolist() == [2, 3, 0, 1, 4]


def test_rows_that_do_not_match_are_left_out(view: RowsView) -> None:
    mask = np.array([True, False, True, True, False])
    view.arrange(RowsSettings(matching_only=True, sort="x"), matching=mask)
    assert view.order.tolist() == [2, 3, 0]
    assert view.index_of(3) == 1
    assert view.index_of(1) is None


def test_a_page_has_the_cells_of_the_rows_shown(view: RowsView) -> None:
    shown(view, sort="x", descending=True)
    assert view.cells(["x", "g"], 1, 3) == {"x": ["2", "1"], "g": ["a", None]}
    assert view.cells(["x"], 4, 99) == {"x": [None]}


def test_scrolling_keeps_nothing() -> None:
    frame = pd.DataFrame({"n": np.arange(20_000.0) / 7, "g": ["a", "b"] * 10_000})
    view = RowsView(Table(frame))
    view.cells(["n", "g"], 0, 100)
    before = {name: set(vars(text)) for name, text in view._text.items()}
    for start in range(0, 20_000, 100):
        view.cells(["n", "g"], start, start + 100)
    assert {name: set(vars(text)) for name, text in view._text.items()} == before


def test_a_row_that_is_not_there_is_refused(view: RowsView) -> None:
    assert view.check(4) == 4
    for position in (-1, 5):
        with pytest.raises(ConfigError, match="rows 0 to 4"):
            view.check(position)

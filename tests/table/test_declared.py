"""Declared kinds: every cell is kept, or an error names one that cannot be."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.errors import ColumnError
from tabwidget.table import Table
from tabwidget.table.declared import as_kind


@given(st.lists(st.one_of(st.none(), st.integers(-9, 9)), min_size=2))
def test_numbers_become_categories_and_numbers_again(values: list[int | None]) -> None:
    series = pd.Series(values, dtype="float64")
    levels = as_kind(series, "x", "categorical")
    assert [None if pd.isna(v) else v for v in levels] == values
    pd.testing.assert_series_equal(
        as_kind(levels, "x", "numeric").astype("float64"), series, check_names=False
    )


@pytest.mark.parametrize(
    ("values", "kind", "named"),
    [
        (["1", "two"], "numeric", "'two'"),
        (["2020-01-01", "soon"], "datetime", "'soon'"),
        ([1, 2, 3], "boolean", "1"),
        ([1, 2], "colour", "'colour'"),
    ],
)
def test_what_cannot_be_converted_is_named(values: list[object], kind: str, named: str) -> None:
    with pytest.raises(ColumnError, match=named):
        as_kind(pd.Series(values), "x", kind)


def test_yes_and_no_are_boolean() -> None:
    found = as_kind(pd.Series(["yes", "No", None]), "x", "boolean")
    assert found.tolist()[:2] == [True, False]
    assert pd.isna(found[2])


def test_a_table_is_declared_step_by_step() -> None:
    frame = pd.DataFrame({"zip": [8001, 8002] * 20, "row_id": range(40), "y": [0.5, 1.5] * 20})
    table = Table(frame)
    assert table.schema["row_id"].role == "ignored"
    declared = table.declare("zip", kind="categorical").declare("row_id", used=True)
    assert declared.schema["zip"].support.tolist() == [8001, 8002]
    assert declared.schema["row_id"].role == "feature"
    assert declared.declare("y", used=False).schema["y"].note == "left out"
    again = declared.declare("zip", kind="numeric").declare("row_id", used=False)
    assert again.schema["zip"].kind == "numeric"
    assert again.schema["row_id"].role == "ignored"
    assert table.schema["zip"].kind == "numeric"


def test_numbers_can_be_free_text() -> None:
    frame = pd.DataFrame({"said": ["a red house", "a blue car", "red car"] * 3, "y": [1, 2, 3] * 3})
    table = Table(frame, kinds={"said": "text"})
    assert (table.schema["said"].kind, table.schema["said"].role) == ("text", "evidence")

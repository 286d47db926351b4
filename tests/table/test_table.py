"""Tables: checks, rows, histograms, and sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.errors import ColumnError, DataFileError, TableError, TabwidgetError
from tabwidget.table import Table, as_table

FRAME = pd.DataFrame(
    {
        "size": [1, 2, 3, 4],
        "weight": [0.5, None, 1.5, 2.5],
        "color": ["red", "blue", None, "red"],
        "sold": [True, False, True, None],
        "when": pd.to_datetime(["2020-01-01", "2020-01-02", "NaT", "2020-01-04"]),
    }
)


def twice() -> pd.DataFrame:
    frame = FRAME[["size", "weight"]].copy()
    frame.columns = pd.Index(["a", "a"])
    return frame


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame(), "empty (0 rows, 0 columns): give at least two rows and one column"),
        (FRAME.head(0), "empty (0 rows, 5 columns)"),
        (FRAME.head(1), "one row: give at least two"),
        (twice(), "'a' appears more than once: rename one"),
        (pd.DataFrame({"x": [None, None]}), "no column is usable ('x': all missing)"),
        (FRAME.set_axis([1, "1", "b", "c", "d"], axis=1), "'1' appears more than once"),
        (pd.concat({"a": FRAME}, axis=1), "several levels: flatten them"),
        (pd.DataFrame({"id": [f"u{i}" for i in range(30)]}), "no column is usable ('id': 30"),
        ({"a": [1, 2]}, "a table is a pandas DataFrame, not dict"),
        (None, "a table is a pandas DataFrame, not NoneType"),
    ],
)
def test_unusable_frames_are_errors(frame: Any, message: str) -> None:
    with pytest.raises(TableError) as caught:
        Table(frame)
    assert message in str(caught.value)


@pytest.mark.parametrize("empty", [None, np.nan, pd.NaT])
def test_a_column_without_values_blocks_no_other(empty: Any) -> None:
    table = Table(FRAME.assign(x=empty))
    assert "x" not in table.schema.targets
    assert set(table.schema.targets) == set(Table(FRAME).schema.targets)
    [summary] = [column for column in table.summary() if column["name"] == "x"]
    assert (summary["note"], summary["histogram"], summary["missing"]) == ("all missing", [], 1.0)
    assert "x" not in table.row(0)
    with pytest.raises(ColumnError, match="'x' is not used by the model: all missing"):
        table.schema.target_column("x")


def test_numeric_names_become_text() -> None:
    table = Table(pd.DataFrame([[1, 2], [3, 4]]))
    assert list(table.schema) == ["0", "1"]
    assert table.row(1) == {"0": 3, "1": 4}


def test_the_input_frame_is_not_changed() -> None:
    frame = pd.DataFrame([[1, 2], [3, 4]])
    Table(frame)
    assert frame.columns.equals(pd.RangeIndex(2))


def test_a_row_holds_its_present_cells() -> None:
    table = Table(FRAME)
    assert table.row(0) == {
        "size": 1,
        "weight": 0.5,
        "color": "red",
        "sold": True,
        "when": "2020-01-01 00:00:00",
    }
    assert table.row(2) == {"size": 3, "weight": 1.5, "sold": True}


def test_a_whole_number_stays_one_beside_floats_and_missing_cells() -> None:
    table = Table(pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": [7.0, None]}))
    assert [type(value) for value in table.row(0).values()] == [int, float, int]


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(ColumnError, match=r"no column 'colur'. Did you mean 'color'\?"):
        Table(FRAME).schema["colur"]


def test_an_unknown_column_like_no_other_lists_them() -> None:
    with pytest.raises(ColumnError, match="The table has 'size', 'weight'"):
        Table(FRAME).schema["xyzzy"]


def test_an_ignored_column_is_not_a_target_and_gives_a_reason() -> None:
    table = Table(FRAME.assign(tags=pd.Series([["a"], ["b"], None, ["c"]])))
    assert "tags" not in table.schema.targets
    assert "tags" not in table.row(0)
    with pytest.raises(ColumnError, match="'tags' is not used by the model: cells of type list"):
        table.schema.target_column("tags")


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["b", "a", "b"], ["b", "a"]),
        ([2007, 2009, 2008], ["2007", "2008", "2009"]),
        ([1.0, 1.0, 1.0], ["1"]),
        ([0.1, 0.2, 0.30000000000000004], ["0.1", "0.2", "0.3"]),
        ([1, 2, 100], ["1 to 34", "34 to 67", "100"]),
        ([1e16, 1e16 + 2, 1e16], ["1e+16 to 1e+16"]),
        (pd.to_datetime(["2020-01-01", "2020-06-01"]), ["2020-01-01", "2020-06-01"]),
        (pd.to_datetime(["2020-01-01 10:00", "2020-01-01 11:00"]), ["2020-01-01 10:00", None]),
        (pd.Categorical(["a", "a"], categories=["a", "z"]), ["a"]),
    ],
)
def test_labels_of_bars(cells: Any, labels: list[str | None]) -> None:
    bars = Table(pd.DataFrame({"x": cells})).histogram("x")
    shown = [bar["label"] for bar in bars]
    assert len(shown) == len(labels)
    assert all(want in (None, got) for got, want in zip(shown, labels, strict=True))


def test_bars_hold_every_present_number() -> None:
    cells = np.append(np.random.default_rng(0).normal(size=500), np.nan)
    bars = Table(pd.DataFrame({"x": cells})).histogram("x")
    assert len(bars) == 20
    assert sum(bar["count"] for bar in bars) == 500


def test_of_many_levels_the_most_frequent_are_shown() -> None:
    cells = [f"level {i}" for i in range(50) for _ in range(i + 1)]
    bars = Table(pd.DataFrame({"x": cells})).histogram("x")
    assert [bar["label"] for bar in bars] == [f"level {i}" for i in range(49, 29, -1)]


def test_a_summary_is_json_and_says_what_a_panel_shows() -> None:
    size, weight, color, sold, _ = json.loads(json.dumps(Table(FRAME).summary(), allow_nan=False))
    assert (size["kind"], size["integer"], size["low"], size["high"]) == ("numeric", True, 1, 4)
    assert (weight["missing"], weight["levels"]) == (0.25, [])
    assert (color["low"], color["levels"]) == (None, ["blue", "red"])
    assert sold["levels"] == [False, True]


@pytest.mark.parametrize("column", [[[1], [2]], [1.7e308, -1.7e308], [1j, 2j]])
def test_a_summary_survives_odd_columns(column: list[object]) -> None:
    table = Table(pd.DataFrame({"x": [1, 2], "odd": column}))
    json.dumps(table.summary(), allow_nan=False)


def test_as_table_takes_a_table_as_it_is() -> None:
    table = Table(FRAME)
    assert as_table(table) is table


def test_as_table_takes_a_frame() -> None:
    assert as_table(FRAME).name == "table"


def test_as_table_takes_a_sample() -> None:
    table = as_table("iris")
    assert (table.name, len(table)) == ("iris", 150)


@pytest.mark.parametrize("kind", [str, Path])
def test_as_table_takes_a_path(tmp_path: Path, kind: type) -> None:
    FRAME.to_csv(tmp_path / "sales.csv", index=False)
    table = as_table(kind(tmp_path / "sales.csv"))
    assert (table.name, len(table)) == ("sales", 4)


def test_a_sample_comes_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("iris", index=False)
    assert len(as_table("iris")) == 150
    assert len(as_table("./iris")) == 4


def test_neither_a_sample_nor_a_file() -> None:
    with pytest.raises(DataFileError) as caught:
        as_table("pengins")
    assert str(caught.value).startswith(
        "there is neither a sample nor a file 'pengins'. Did you mean 'penguins'? "
        "The samples are penguins, iris, wine, breast_cancer, diabetes; a file is a path"
    )


@pytest.mark.parametrize("source", ["a" * 5000, "a\0b", "~nobody/a.csv", ""])
def test_any_text_can_be_asked_for(source: str) -> None:
    with pytest.raises(DataFileError, match="neither a sample nor a file"):
        as_table(source)


@pytest.mark.parametrize("source", [3, None, [1, 2], b"penguins"])
def test_as_table_refuses_the_rest(source: object) -> None:
    with pytest.raises(TabwidgetError, match="a table is a pandas DataFrame, not"):
        as_table(source)


def test_rows_of_a_frame_are_its_cells_as_numbers() -> None:
    schema = Table(FRAME[["size", "weight", "color"]]).schema
    frame = pd.DataFrame({"size": [3, None], "color": ["red", None]})
    np.testing.assert_array_equal(schema.rows(frame), [[3, np.nan, 1], [np.nan] * 3])
    np.testing.assert_array_equal(
        schema.rows(frame, without=["color"]), [[3, np.nan, np.nan], [np.nan] * 3]
    )


def test_each_column_has_its_place_in_a_row_and_texts_stand_last() -> None:
    pairs = [(color, pet) for color in ("red", "blue") for pet in ("dog", "cat", "cow")] * 10
    notes = [f"a {color} {pet} barks at {i}" for i, (color, pet) in enumerate(pairs)]
    frame = pd.DataFrame(
        {"size": [1, 2] * 30, "note": notes, "tags": [["a"]] * 60, "on": [0, 1] * 30}
    )
    schema = Table(frame).schema
    axes = schema["note"].width
    assert axes > 1
    assert [schema.positions(name) for name in ("size", "on", "note")] == [
        slice(0, 1),
        slice(1, 2),
        slice(2, 2 + axes),
    ]
    assert schema.width == 2 + axes


@pytest.mark.parametrize(("name", "message"), [("tags", "not used"), ("tag", "no column")])
def test_only_a_column_that_is_read_has_a_place(name: str, message: str) -> None:
    schema = Table(FRAME.assign(tags=pd.Series([["a"]] * 4))).schema
    with pytest.raises(ColumnError, match=message):
        schema.positions(name)


def test_rows_of_a_frame_with_a_column_twice_are_an_error() -> None:
    schema = Table(FRAME).schema
    frame = FRAME[["size", "color"]]
    with pytest.raises(TableError, match="'color' appears more than once: rename one"):
        schema.rows(pd.concat([frame, frame[["color"]]], axis=1))


def test_rows_of_a_frame_with_an_unknown_column_are_an_error() -> None:
    with pytest.raises(ColumnError, match=r"no column 'colur'. Did you mean 'color'\?"):
        Table(FRAME).schema.rows(pd.DataFrame({"colur": ["red"]}))


def test_identifiers_are_kept_on_request() -> None:
    names = [f"u{i}" for i in range(60)]
    frame = pd.DataFrame({"id": range(1, 61), "name": names, "x": [1, 2] * 30})
    assert Table(frame).schema.targets == ("x",)
    assert Table(frame, keep=["name", "id"]).schema.targets == ("id", "name", "x")

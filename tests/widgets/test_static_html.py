"""Static HTML: escaped, bounded, and of the task's panels only."""

from __future__ import annotations

from tabwidget.session import Session
from tabwidget.widgets.feed import Feed
from tabwidget.widgets.registry import panel_classes
from tabwidget.widgets.static_html import (
    bar_rows,
    escaped,
    static_html,
    static_text,
    table_rows,
)


def test_values_are_escaped_and_cut() -> None:
    assert escaped("<b>") == "&lt;b&gt;"
    assert escaped(None) == ""
    assert len(escaped("x" * 500)) == 80
    assert "<script>" not in table_rows([("<script>", 1)])


def test_bars_are_relative_to_the_largest() -> None:
    rows = bar_rows([("a", 0.5), ("b", 0.25)])
    assert rows.count("█") == 28 + 14
    assert "50.0%" in rows
    assert bar_rows([]) == ""


def test_a_session_with_no_table_and_one_with_it() -> None:
    slices = Feed(Session(), panel_classes()).refresh()
    assert "no table" in static_html(slices)
    assert "no table" in static_text(slices)
    slices = Feed(Session("iris"), panel_classes()).refresh()
    assert "species (target)" in static_html(slices)
    assert static_text(slices) == "tabwidget workbench: iris, 150 rows"
    assert "tabwidget-static-abc" in static_html(slices, "abc")

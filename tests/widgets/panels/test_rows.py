"""The rows panel: pages, the view, selection, what-ifs, predictions and surprise."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from tabwidget.widgets.panels.rows import MAX_PAGE, RowsPanel
from tests.widgets.conftest import FRAME, Bench

ODD = pd.DataFrame(
    {"x": [1.0, 2.0, None, 4.0] * 12, "g": ["a", "<b>bold</b>", "b", None] * 12}
).assign(n=range(48))


@pytest.fixture
def odd() -> Bench:
    return Bench(ODD, target="g")


def slice_of(bench: Bench) -> dict[str, Any]:
    found: dict[str, Any] = bench.feed.refresh({"rows"})["rows"]
    return found


def test_without_a_table_the_slice_is_empty() -> None:
    assert slice_of(Bench()) == {"table": None}


def test_a_page_has_texts_and_positions(odd: Bench) -> None:
    odd("view-rows", {"sort": "x", "descending": True})
    page = odd("rows", {"from": 0, "to": 2, "columns": ["g", "x"]})["ok"]
    assert page["positions"] == [3, 7]
    assert page["cells"] == {"g": [None, None], "x": ["4", "4"]}
    assert page["version"] == slice_of(odd)["view"]["version"]


def test_a_page_is_bounded() -> None:
    bench = Bench(pd.DataFrame({"n": [1, 2] * 400, "g": ["a", "b"] * 400}))
    assert len(bench("rows", {"from": 0, "to": 800})["ok"]["positions"]) == MAX_PAGE
    assert bench("rows", {"from": 799, "to": 900})["ok"]["positions"] == [799]
    assert bench("rows", {"from": 2000, "to": 2100})["ok"]["positions"] == []


def test_the_view_is_shared_and_told(odd: Bench) -> None:
    reply = odd("view-rows", {"search": "BOLD"})["ok"]
    assert reply["total"] == 12
    view = slice_of(odd)["view"]
    assert (view["search"], view["total"], view["version"]) == ("BOLD", 12, reply["version"])
    assert "no column 'y'" in odd("view-rows", {"sort": "y"})["error"]


def test_a_selected_row_comes_with_its_values_and_as_evidence(odd: Bench) -> None:
    given = odd("select-rows", {"positions": [5]})["ok"]["given"]
    assert given == {"x": {"op": "is", "value": 2}, "n": {"op": "is", "value": 5}}
    selected = slice_of(odd)["selected"]
    assert (selected["position"], selected["index"]) == (5, 5)
    assert selected["values"] == {"x": 2, "g": "<b>bold</b>", "n": 5}
    odd("view-rows", {"search": "b", "sort": "n", "descending": True})
    odd("select-rows", {"positions": []})
    assert slice_of(odd)["selected"] is None


def test_an_edit_selects_its_row_and_replaces_its_evidence(odd: Bench) -> None:
    odd("select-rows", {"positions": [1]})
    given = odd("edit-cell", {"position": 5, "column": "x", "value": "4"})["ok"]["given"]
    assert given["x"] == {"op": "is", "value": 4}
    assert slice_of(odd)["selected"]["edits"] == {"x": "4"}
    given = odd("edit-cell", {"position": 5, "column": "n", "value": ""})["ok"]["given"]
    assert given == {"x": {"op": "is", "value": 4}}
    error = odd("edit-cell", {"position": 5, "column": "x", "value": "tall"})["error"]
    assert "'x' is numeric, but 'tall'" in error


def test_missing_cells_are_predicted_in_the_background(odd: Bench) -> None:
    payload = {"positions": [2, 3], "columns": ["x", "g"]}
    first = odd("predictions", payload)["ok"]
    assert odd.session.missing_cells().wait(60)
    found = odd("predictions", payload)["ok"]
    assert first["model"] == found["model"] == slice_of(odd)["model"]
    assert {(cell["position"], cell["column"]) for cell in found["cells"]} == {(2, "x"), (3, "g")}
    assert slice_of(odd)["predicted"] == 2


def test_surprise_is_told_as_far_as_it_is_known(odd: Bench) -> None:
    odd("surprise", {"positions": [0, 3]})
    scan = odd.session.surprise_scan
    assert scan is not None
    assert scan.wait(120)
    found = odd("surprise", {"positions": [0, 3]})["ok"]
    assert found["scored"] == [0, 3]
    bits = dict(zip(found["columns"], found["rows"]["3"], strict=True))
    assert bits["g"] is None
    assert bits["x"] is not None
    progress = slice_of(odd)["surprise"]
    assert (progress["done"], progress["total"], progress["running"]) == (48, 48, False)


def test_surprising_cells_are_stepped_through_among_those_shown(odd: Bench) -> None:
    assert odd("surprising-cell", {"rank": 0})["ok"] == {"found": None}
    scan = odd.session.scan_surprise()
    assert scan.wait(120)
    odd("view-rows", {"search": "bold"})
    seen, rank = [], 0
    while (reply := odd("surprising-cell", {"rank": rank})["ok"])["found"] is not None:
        seen.append(reply["found"])
        rank = reply["next"]
    assert len(seen) == 12 * 3
    assert all(ODD["g"].iat[cell["position"]] == "<b>bold</b>" for cell in seen)
    bits = [cell["bits"] for cell in seen]
    assert bits == sorted(bits, reverse=True)
    first = seen[0]
    page = odd("rows", {"from": first["index"], "to": first["index"] + 1})["ok"]
    assert page["positions"] == [first["position"]]


def test_the_scan_stops_when_it_is_no_longer_shown(odd: Bench) -> None:
    odd("surprise", {"positions": []})
    scan = odd.session.surprise_scan
    assert scan is not None
    assert odd("surprise", {"positions": [], "on": False})["ok"]["rows"] == {}
    assert scan.wait(60)


def test_another_model_has_another_number(odd: Bench) -> None:
    odd.session.prepare()
    first = slice_of(odd)["model"]
    assert slice_of(odd)["model"] == first > 0
    odd.session.load(FRAME)
    assert slice_of(odd)["model"] == 0
    odd.session.prepare()
    assert slice_of(odd)["model"] == first + 1
    odd.session.choose(backend="minilm")
    assert slice_of(odd)["model"] == 0


def test_the_static_view_is_escaped_and_short(odd: Bench) -> None:
    html = RowsPanel.static(odd.feed.refresh())
    assert "<b>bold</b>" not in html
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert html.count("<tr>") == 11
    assert "and 38 more rows" in html


def test_a_wide_table_has_a_short_static_view_and_slice() -> None:
    wide = pd.DataFrame({f"column {i} of many": ["some words " * 40, "x"] * 8 for i in range(200)})
    bench = Bench(wide, backend="minilm")
    slices = bench.feed.refresh()
    assert len(RowsPanel.static(slices)) < 20_000
    assert len(json.dumps(slices["rows"])) < 60_000


def test_the_summary_names_the_selected_row(odd: Bench) -> None:
    assert RowsPanel.summary(odd.feed.refresh()) == ""
    odd("select-rows", {"positions": [7]})
    assert RowsPanel.summary(odd.feed.refresh()) == "row 7 selected"

"""The data panel: samples, uploads, paths and variables."""

from __future__ import annotations

from tests.widgets.conftest import FRAME, Bench


def test_a_sample_is_loaded_by_name(bench: Bench) -> None:
    assert "ok" in bench("load", {"source": "sample", "name": "penguins"})
    assert bench.session.table is not None
    assert bench.session.table.name == "penguins"


def test_an_upload_keeps_its_name_and_its_path_is_not_trusted(bench: Bench) -> None:
    content = FRAME.to_csv(index=False).encode()
    reply = bench("load", {"source": "upload", "name": "../../etc/mine.csv"}, [memoryview(content)])
    assert "ok" in reply
    assert bench.session.table is not None
    assert bench.session.table.name == "mine"
    assert len(bench.session.table.frame) == len(FRAME)


def test_a_bad_upload_is_one_readable_error_and_loses_nothing(bench: Bench) -> None:
    reply = bench("load", {"source": "upload", "name": "x.parquet"}, [b"not a table"])
    assert "x.parquet" in reply["error"]
    assert bench.session.table is not None
    assert "error" in bench("load", {"source": "path", "name": "nowhere.csv"})
    assert "error" in bench("load", {"source": "variable", "name": "gone"})
    assert bench.session.table.schema.targets == ("x", "g")


def test_the_columns_are_summarized_once(bench: Bench) -> None:
    first = bench.feed.refresh({"data"})["data"]["table"]
    assert [column["name"] for column in first["columns"]] == ["x", "g"]
    assert bench.feed.refresh({"data"})["data"]["table"] is first

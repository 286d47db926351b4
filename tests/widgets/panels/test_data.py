"""The data panel: samples, uploads, paths and variables."""

from __future__ import annotations

from typing import Any

from tests.widgets.conftest import FRAME, Bench


def test_a_sample_is_loaded_by_name(bench: Bench) -> None:
    assert "ok" in bench("load", {"source": "sample", "name": "penguins"})
    assert bench.session.table is not None
    assert bench.session.table.name == "penguins"


def upload(bench: Bench, name: str, content: bytes, chunk_bytes: int = 100) -> dict[str, Any]:
    """Send a file as the front end does, and return the last reply."""
    opened = bench("upload-open", {"name": name, "size": len(content)})["ok"]
    for offset in range(0, len(content), chunk_bytes):
        chunk = memoryview(content[offset : offset + chunk_bytes])
        payload = {"upload": opened["upload"], "offset": offset}
        reply = bench("upload-append", payload, [chunk])
        assert reply["ok"] == {"received": offset + len(chunk)}
    return bench("upload-finish", {"upload": opened["upload"]})


def test_an_upload_keeps_its_name_and_its_path_is_not_trusted(bench: Bench) -> None:
    reply = upload(bench, "../../etc/mine.csv", FRAME.to_csv(index=False).encode())
    assert "mine" in reply["ok"]["message"]
    assert bench.session.table is not None
    assert bench.session.table.name == "mine"
    assert len(bench.session.table.frame) == len(FRAME)


def test_a_bad_upload_is_one_readable_error_and_loses_nothing(bench: Bench) -> None:
    assert "x.parquet" in upload(bench, "x.parquet", b"not a table")["error"]
    assert bench.session.table is not None
    assert "error" in bench("load", {"source": "path", "name": "nowhere.csv"})
    assert "error" in bench("load", {"source": "variable", "name": "gone"})
    assert bench.session.table.schema.targets == ("x", "g")


def test_a_canceled_upload_is_gone(bench: Bench) -> None:
    number = bench("upload-open", {"name": "a.csv", "size": 10})["ok"]["upload"]
    assert bench("upload-cancel", {"upload": number}) == {"type": "reply", "id": "q1", "ok": {}}
    assert "canceled" in bench("upload-append", {"upload": number, "offset": 0}, [b"a"])["error"]
    assert "canceled" in bench("upload-finish", {"upload": number})["error"]


def test_the_columns_are_summarized_once(bench: Bench) -> None:
    first = bench.feed.refresh({"data"})["data"]["table"]
    assert [column["name"] for column in first["columns"]] == ["x", "g"]
    assert bench.feed.refresh({"data"})["data"]["table"] is first

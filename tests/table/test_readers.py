"""Files that hold a table, and files that do not."""

from __future__ import annotations

import contextlib
import gzip
import struct
from pathlib import Path

import pandas as pd
import pytest

from tabwidget.errors import DataFileError, TableError, TabwidgetError
from tabwidget.table.readers import read_frame

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 1, 1, 8, 2, 0, 0, 0)


def read(folder: Path, content: str | bytes, name: str = "file.csv") -> pd.DataFrame:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_frame(path)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("a,b\n1,x\n2,y\n", "file.csv"),
        ("a;b\n1;x\n2;y\n", "file.csv"),
        ("a\tb\n1\tx\n2\ty\n", "file.csv"),
        ("a|b\n1|x\n2|y\n", "file.txt"),
        ("a\tb\n1\tx\n2\ty\n", "file.tsv"),
        ("\ufeffa,b\n1,x\n2,y\n", "file.csv"),
        ("a,b\r\n1,x\r\n2,y\r\n", "FILE.CSV"),
        ("a,b\n1,x\n2,y\n".encode("utf-16"), "file.csv"),
        (gzip.compress(b"a,b\n1,x\n2,y\n", mtime=0), "file.csv.gz"),
        (gzip.compress(b"a\tb\n1\tx\n2\ty\n", mtime=0), "file.tsv.gz"),
    ],
)
def test_a_table_is_read(tmp_path: Path, content: str | bytes, name: str) -> None:
    frame = read(tmp_path, content, name)
    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_a_parquet_file_is_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.to_parquet(tmp_path / "file.parquet")
    assert read_frame(tmp_path / "file.parquet").equals(frame)


def test_old_encodings_are_read(tmp_path: Path) -> None:
    rows = "1,Sao Paulo\n" * 100_000 + "2,Córdoba\n"  # the first accent stands far down
    frame = read(tmp_path, f"a,b\n{rows}".encode("latin-1"))
    assert frame["b"].iloc[-1] == "Córdoba"


def test_a_decimal_comma_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, "a;b\n1,5;x\n2,25;y\n")["a"].tolist() == [1.5, 2.25]


def test_a_column_of_iso_dates_becomes_dates(tmp_path: Path) -> None:
    frame = read(tmp_path, "a,b\n2020-01-31,2020-01-31 10:30\n,2020-02-01 00:00\n")
    assert pd.api.types.is_datetime64_any_dtype(frame["a"].dtype)
    assert frame["b"].tolist() == [pd.Timestamp("2020-01-31 10:30"), pd.Timestamp("2020-02-01")]


def test_times_of_summer_and_winter_are_in_utc(tmp_path: Path) -> None:
    frame = read(tmp_path, "a,b\n2013-01-01 05:00:00-05:00,1\n2013-07-01 05:00:00-04:00,2\n")
    assert [str(time) for time in frame["a"]] == [
        "2013-01-01 10:00:00+00:00",
        "2013-07-01 09:00:00+00:00",
    ]


@pytest.mark.parametrize("cells", [["2020-01-31", "soon"], ["2020-13-45"], ["31/01/2020"], ["a"]])
def test_a_column_of_other_text_stays_text(tmp_path: Path, cells: list[str]) -> None:
    frame = read(tmp_path, "a,b\n" + "".join(f"{cell},1\n" for cell in cells))
    assert frame["a"].tolist() == cells


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"", "file.csv", "it is empty"),
        (b"\n\n", "file.csv", "it is empty"),
        (PNG, "file.csv", "it is binary"),
        (bytes(range(256)) * 4, "file.csv", "it is binary"),
        ("<!DOCTYPE html>\n<html><body>404</body></html>", "file.csv", "it is a web page"),
        ("  <html>\n</html>", "file.csv", "it is a web page"),
        ("a,b\n1,2\n1,2,3\n", "file.csv", "Expected 2 fields in line 3, saw 3"),
        ("a,b\n1,2,3\n4,5,6\n", "file.csv", "its rows have more cells than its header line"),
        (PNG, "file.parquet", "not a table"),
        (b"", "file.parquet", "not a table"),
        (b"not packed", "file.csv.gz", "not a table"),
        ('[{"a": 1}]', "file.csv", "JSON, not a table: read it with pandas.read_json"),
        (b"PK\x03\x04\x14\x00", "file.xlsx", "read it with pandas.read_excel"),
    ],
)
def test_unusable_files_are_errors(
    tmp_path: Path, content: str | bytes, name: str, why: str
) -> None:
    with pytest.raises(DataFileError) as caught:
        read(tmp_path, content, name)
    assert why in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="two columns named 'a': rename one in the first line"):
        read(tmp_path, "a,a\n1,2\n3,4\n")


def test_a_missing_file_names_the_nearest_beside_it(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").touch()
    with pytest.raises(DataFileError, match=r"no file '.*sale.csv'. Did you mean 'sales.csv'\?"):
        read_frame(tmp_path / "sale.csv")


def test_a_file_in_a_missing_folder_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="there is no file"):
        read_frame(tmp_path / "none" / "sales.csv")


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b", "~nobody/a.csv", ""])
def test_any_text_is_accepted_as_a_path(name: str) -> None:
    with pytest.raises(DataFileError, match=r"there is no file|is a folder"):
        read_frame(name)


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="is a folder: give a file in it"):
        read_frame(tmp_path)


@pytest.mark.parametrize("content", [b"a", b"a,b", b"\xff\xfe", b'"', b"\xef\xbb\xbf", b",,,\n,,,"])
def test_random_bytes_are_read_or_rejected(tmp_path: Path, content: bytes) -> None:
    with contextlib.suppress(TabwidgetError):
        assert isinstance(read(tmp_path, content), pd.DataFrame)

"""Records: any cell content is read, and errors name the line."""

from __future__ import annotations

import csv
import io
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabwidget.errors import ConfigError, DataFileError
from tabwidget.textclass.records import Records

COLUMNS = {"id": "data.id_column", "text": "data.target_text_column"}
# Anything encodable in UTF-8.
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "file.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, encoding: str = "utf-8") -> list[tuple[int, str, str]]:
    return [
        (record.line, record["id"], record["text"]) for record in Records(path, COLUMNS, encoding)
    ]


@given(
    rows=st.lists(st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT), max_size=6),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@settings(max_examples=200, deadline=None)
def test_written_rows_are_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str]],
    separator: str,
    encoding: str,
    quoting: int,
) -> None:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([("id", "more", "text"), *rows])
    path = write(tmp_path_factory.getbasetemp(), written.getvalue().encode(encoding))
    records = Records(path, COLUMNS, "utf-8" if encoding == "utf-8-sig" else encoding)
    found = list(records)
    assert [(one["id"], one["text"]) for one in found] == [(row[0], row[2]) for row in rows]
    assert records.header + "".join(one.raw for one in found) == written.getvalue()
    lines = io.StringIO(written.getvalue(), newline="").readlines()
    for one in found:
        assert "".join(lines[one.line - 1 :]).startswith(one.raw)


def test_a_field_of_a_megabyte_is_read(tmp_path: Path) -> None:
    text = 'a "line"\nof many, ' * 60_000
    path = write(tmp_path, f'id,text\n1,"{text.replace(chr(34), chr(34) * 2)}"\n2,b\n')
    assert read(path) == [(2, "1", text), (60_002 + 1, "2", "b")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_empty_lines_are_skipped_but_counted(tmp_path: Path, end: str) -> None:
    path = write(tmp_path, end.join(["", "id,text", "", "1,a", "", "2,b"]))
    assert read(path) == [(4, "1", "a"), (6, "2", "b")]


def test_a_header_may_have_spaces_and_other_separators(tmp_path: Path) -> None:
    assert read(write(tmp_path, '"id"; "more, or less"; text\n1;2;a,b\n')) == [(2, "1", "a,b")]


def test_a_comma_comes_before_other_separators(tmp_path: Path) -> None:
    assert read(write(tmp_path, "id,text,a;b\n1,x;y,2\n")) == [(2, "1", "x;y")]


def test_a_header_alone_has_no_records(tmp_path: Path) -> None:
    assert read(write(tmp_path, "id,text")) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"'.*file\.csv' is empty: give a CSV with a header line"),
        (b"\n\n", r"is empty"),
        (b"id,text\n1,a\n2,b,c\n", r"file\.csv', line 3 has 3 cells, but the header has 2: put"),
        (b'id,text\n1,"a\n\nb"\n2\n', r"line 5 has 1 cell, but the header has 2"),
        (b'id,text\n1,a\n2,"b\n3,c\n', r"line 3 has a double quote that is never closed: close"),
        (b'id,text\n1,a\n2,"b" c\n', r"line 3 has text after a closing .* twice, as \"\""),
        (b'id,text\n1,"a\n2,"b"\n', r"line 3 belongs to a record that starts on line 2 and has"),
        ("id,text\n1,a\n2,caf\u00e9\n".encode("cp1252"), r"line 3 is not in .* 'utf-8'.*cp1252"),
        ("id,text\n1,a\n".encode("utf-16"), r"csv' is not in the encoding.*data\.encoding: utf-16"),
        (b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 1, 1), r"binary"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00\xff\xfe", r"binary"),
        (b"id,text,text\n1,a,b\n", r"has 2 columns named 'text': rename all but one"),
    ],
)  # fmt: skip
def test_errors_name_the_malformed_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(DataFileError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "1,hello\n2,there\n",
            r"'id' is not .*header is '1', 'hello'\. If that is not a header",
        ),
        ("id,txt\n1,a\n", r"data\.target_text_column 'text' is not .* Did you mean 'txt'\?"),
        ("id;txt\n1;a\n", r"header is 'id', 'txt'\. Did you mean 'txt'\?"),
        (
            "id,news\n1,a\n",
            r"'text' is not a column of '.*file\.csv', whose header is 'id', 'news'\.$",
        ),
        (",".join(f"c{n}" for n in range(50)), r"'c19', …\. If that is not a header"),
    ],
)
def test_a_missing_column_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ConfigError, match=message):
        read(path)


def test_a_wrong_configured_encoding_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path, "id,text\n1,a\n")
    with pytest.raises(
        DataFileError, match=r"not in the encoding 'utf-16'.*data\.encoding: utf-8$"
    ):
        read(path, "utf-16")


def test_the_size_of_a_cell_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabwidget.textclass.records.MAX_CELL", 1000)
    path = write(tmp_path, 'id,text\n1,a\n2,"' + "b,\n" * 1000)
    before = csv.field_size_limit(1000)
    try:
        with pytest.raises(DataFileError, match=r"line 3 starts a cell of more than 1,000 charac"):
            read(path)
    finally:
        csv.field_size_limit(before)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    write(tmp_path, "id,text\n1,a\n")
    with pytest.raises(
        DataFileError, match=r"there is no file '.*fil\.csv'\. Did you mean 'file\.c"
    ):
        Records(tmp_path / "fil.csv", COLUMNS)
    with pytest.raises(DataFileError, match="is a folder"):
        Records(tmp_path, COLUMNS)

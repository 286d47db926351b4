"""The demo, in a second of training instead of ten."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabwidget import demo
from tabwidget.demo import Findings
from tabwidget.errors import DataFileError
from tabwidget.events import FitStart, TrainingState, TrainReport
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.query import Query
from tabwidget.table import Table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "made" / "here"


@pytest.fixture(scope="module")
def printed(folder: Path) -> str:
    """Run the demo once; return what it printed."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        demo.run(folder, seconds=2)
    return out.getvalue()


def findings(name: str, level: str) -> Findings:
    """Return findings over a table with names out of a test's hand."""
    table = Table(pd.DataFrame({name: [level, "b"], "x": [1.0, 2.0]}))
    state = TrainingState()
    state.fold(FitStart(0.0, 2, 2, 2, 0, 1234, "minilm", 1.0, None))
    state.fold(TrainReport(0.5, 3, 1, 1.5, 0.1, 100.0))
    answer = Distribution(table.schema[name], [0.5, 0.5])
    return Findings(2, 1, 0.5, state, [(Query((name,), {"x": 1}), answer)])


def test_every_question_is_printed_with_bars(printed: str) -> None:
    for question in demo.QUESTIONS:
        assert f"p({question})" in printed
    assert re.search(r"Adelie +\d+\.\d% █", printed)


def test_the_validation_accuracy_is_printed(printed: str) -> None:
    assert "species from bill_length_mm and flipper_length_mm alone, 86 validation rows" in printed
    # How high it is depends on the machine's load; in ten quiet seconds it is above 0.95.
    assert re.search(r"^accuracy [01]\.\d{3}$", printed, re.MULTILINE)


def test_accuracy_is_the_share_of_rows_named_right() -> None:
    class AlwaysTheFirst:
        schema = Table(pd.DataFrame({"species": ["a", "b", "b"]})).schema

        def predict_proba_many(self, rows: pd.DataFrame, target: str) -> np.ndarray:
            assert list(rows.columns) == list(demo.KNOWN)
            return np.tile([0.6, 0.4], (len(rows), 1))

    rows = pd.DataFrame({"species": ["a", "b", "b", "b"], **dict.fromkeys(demo.KNOWN, 1.0)})
    assert demo._accuracy(AlwaysTheFirst(), rows) == 0.25  # type: ignore[arg-type]


def test_the_picture_is_a_png(printed: str, folder: Path) -> None:
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_needs_nothing_from_outside(printed: str, folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 1 + len(demo.QUESTIONS)
    assert "prefers-color-scheme: dark" in page
    for foreign in ("<script", "http:", "https:", "@import", "url(http", "<link", "$"):
        assert foreign not in page


def test_the_report_writes_names_as_text() -> None:
    page = demo._report(findings("<b>&name", "<script>alert(1)</script>"))
    assert "<script" not in page
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;name" in page


def test_a_folder_that_cannot_be_made_is_said_before_the_fit(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataFileError, match="file"):
        demo.run(tmp_path / "file" / "below")

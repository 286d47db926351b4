"""The demo, with two seconds of training."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabwidget import datasets, demo
from tabwidget.demo import DemoResult
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
    """Run the demo once; return its output."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        demo.run(folder, seconds=2)
    return out.getvalue()


def make_result(name: str, level: str) -> DemoResult:
    """Return a result for a table with the given column name and level."""
    table = Table(pd.DataFrame({name: [level, "b"], "x": [1.0, 2.0]}))
    state = TrainingState()
    state.fold(FitStart(0.0, 2, 2, 2, 0, 1234, "minilm", 1.0, None))
    state.fold(TrainReport(0.5, 3, 1, 1.5, 0.1, 100.0))
    answer = Distribution(table.schema[name], [0.5, 0.5])
    return DemoResult(2, 1, 0.25, 0.5, state, [(Query((name,), {"x": 1}), answer)], {})


def test_every_conditional_is_printed_with_bars(printed: str) -> None:
    for formula in demo.FORMULAS:
        assert f"p({formula})" in printed
    assert re.search(r"Adelie +\d+\.\d% █", printed)


def test_the_first_answer_comes_before_training(printed: str) -> None:
    before, after = printed.split("training on the table for 2 s:")
    assert f"p({demo.FORMULAS[0]})" in before
    assert re.search(r"^[0-9.]+ s after loading, by the pretrained model$", before, re.MULTILINE)
    assert re.search(r"^accuracy [01]\.\d{3} before training$", after, re.MULTILINE)
    # Which columns were measured in two seconds depends on the load of the machine.
    added = re.findall(r"^  (\w+) +(?:[+-]\d\.\d\d|no gain)$", after, re.MULTILINE)
    assert set(added) <= set(datasets.load("penguins"))
    assert bool(added) == ("added by training, in nats per validation cell:" in after)


def test_the_validation_accuracy_is_printed(printed: str) -> None:
    assert "species from bill_length_mm and flipper_length_mm, 86 validation rows" in printed
    # The value depends on the load of the machine; it is above 0.95 after ten idle seconds.
    assert re.search(r"^accuracy [01]\.\d{3}$", printed, re.MULTILINE)


def test_accuracy() -> None:
    class FirstClass:
        schema = Table(pd.DataFrame({"species": ["a", "b", "b"]})).schema

        def predict_proba_many(self, rows: pd.DataFrame, target: str) -> np.ndarray:
            assert list(rows.columns) == list(demo.INPUTS)
            return np.tile([0.6, 0.4], (len(rows), 1))

    rows = pd.DataFrame({"species": ["a", "b", "b", "b"], **dict.fromkeys(demo.INPUTS, 1.0)})
    assert demo._accuracy(FirstClass(), rows) == 0.25  # type: ignore[arg-type]


def test_the_picture_is_a_png(printed: str, folder: Path) -> None:
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_is_self_contained(printed: str, folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 1 + len(demo.FORMULAS)
    assert "prefers-color-scheme: dark" in page
    for foreign in ("<script", "http:", "https:", "@import", "url(http", "<link", "$"):
        assert foreign not in page


def test_the_report_escapes_names() -> None:
    page = demo._report(make_result("<b>&name", "<script>alert(1)</script>"))
    assert "<script" not in page
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;name" in page


def test_an_invalid_folder_is_reported_before_the_fit(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataFileError, match="file"):
        demo.run(tmp_path / "file" / "below")

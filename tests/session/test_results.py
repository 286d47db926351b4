"""Results of a session as text."""

from __future__ import annotations

import pandas as pd

from tabwidget.inference.distribution import Distribution
from tabwidget.inference.query import Query
from tabwidget.session.results import Answer
from tabwidget.table import Table


def test_an_answer_prints_its_question_and_bars() -> None:
    column = Table(pd.DataFrame({"y": ["a", "b", "b"], "x": [1, 2, 3]})).schema["y"]
    answer = Answer(Query(("y",), {"x": 1}), Distribution(column, [0.25, 0.75]), 0.1, "")
    first, *bars = str(answer).splitlines()
    assert first == "p(y | x=1)"
    assert len(bars) == 2
    assert "75" in bars[1]
    assert "75" in answer._repr_html_()

"""Results of a session as text, and the table's own share beside the answer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabwidget.inference.distribution import Distribution
from tabwidget.inference.joint import JointDistribution
from tabwidget.inference.matching import Matching
from tabwidget.inference.query import Query
from tabwidget.session.results import Answer
from tabwidget.table import Table

SCHEMA = Table(pd.DataFrame({"y": ["a", "b", "b"], "x": [1, 2, 3]})).schema
MATCHING = Matching(n_rows=3, n_matching=1, counts=np.array([1, 0]))


def test_an_answer_prints_its_question_and_bars() -> None:
    distribution = Distribution(SCHEMA["y"], [0.25, 0.75])
    answer = Answer(Query(("y",), {"x": 1}), distribution, 0.1, "", MATCHING)
    first, *bars = str(answer).splitlines()
    assert first == "p(y | x=1)"
    assert len(bars) == 2
    assert "75" in bars[1]
    assert "75" in answer._repr_html_()


def test_an_answer_of_two_targets_prints_combinations() -> None:
    joint = JointDistribution([SCHEMA["y"], SCHEMA["x"]], [[0.5, 0.1, 0.0], [0.1, 0.1, 0.2]])
    answer = Answer(Query(("y", "x")), joint, 0.1, "", MATCHING)
    first, *bars = str(answer).splitlines()
    assert first == "p(y, x)"
    assert bars[0].split()[:3] == ["a,", "1", "50.0%"]
    assert len(bars) == 6
    assert "50" in answer._repr_html_()


def test_an_answer_has_the_tables_own_share() -> None:
    distribution = Distribution(SCHEMA["y"], [0.25, 0.75])
    answer = Answer(Query(("y",), {"x": 1}), distribution, 0.1, "", MATCHING)
    assert (answer.n_rows, answer.n_matching) == (3, 1)
    assert answer.shares is not None
    assert answer.shares.tolist() == [1.0, 0.0]
    assert answer.share_interval is not None
    low, high = answer.share_interval
    assert (low[1], high[0]) == (0.0, 1.0)
    assert 0 < high[1] < 1

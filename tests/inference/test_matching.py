"""Matching rows: what pandas finds, and intervals as scipy has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from tabwidget.errors import EvidenceError
from tabwidget.inference.evidence import Above, Below, Between, NoneOf, OneOf
from tabwidget.inference.matching import Matching, RowMatcher
from tabwidget.inference.query import Query
from tabwidget.table import Table

RNG = np.random.default_rng(0)
N = 300
WORDS = ["sunny", "rainy", "cold", "warm", "windy"]
FRAME = pd.DataFrame(
    {
        "colour": RNG.choice(["blue", "green", "red"], N),
        "size": RNG.integers(1, 5, N).astype(float),
        "weight": RNG.normal(size=N).round(3),
        "day": pd.date_range("2024-01-01", periods=N),
        "note": [f"day {i // 2}: {WORDS[i % 5]} then {WORDS[i % 3]}" for i in range(N)],
    }
)
FRAME.loc[::7, "colour"] = None
FRAME.loc[::5, "size"] = np.nan
FRAME.loc[::11, "weight"] = np.nan
TABLE = Table(FRAME)


def mask(given: dict[str, Any], table: Table = TABLE) -> Any:
    query = Query((), given).resolve(table.schema)
    return RowMatcher(table.frame).mask(table.schema, query.evidence)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, lambda f: f.index >= 0),
        ({"colour": "red"}, lambda f: f["colour"] == "red"),
        ({"colour": OneOf("red", "blue")}, lambda f: f["colour"].isin(["red", "blue"])),
        ({"colour": NoneOf("red")}, lambda f: f["colour"].isin(["green", "blue"])),
        ({"size": 2}, lambda f: f["size"] == 2),
        ({"size": OneOf(1, 4)}, lambda f: f["size"].isin([1, 4])),
        ({"size": NoneOf(1, 4)}, lambda f: f["size"].isin([2, 3])),
        ({"size": Above(2)}, lambda f: f["size"] > 2),
        ({"size": Above(0)}, lambda f: f["size"].notna()),
        ({"size": Below(3, inclusive=True)}, lambda f: f["size"] <= 3),
        ({"weight": Above(0.123)}, lambda f: f["weight"] > 0.123),
        (
            {"weight": Between(-0.5, 0.25, "left")},
            lambda f: f["weight"].between(-0.5, 0.25, "left"),
        ),
        ({"day": Below("2024-03-01")}, lambda f: f["day"] < "2024-03-01"),
        ({"note": FRAME["note"][4]}, lambda f: f["note"] == FRAME["note"][4]),
        ({"note": "never written"}, lambda f: f.index < 0),
        (
            {"colour": "red", "size": Above(1), "weight": Below(0.5)},
            lambda f: (f["colour"] == "red") & (f["size"] > 1) & (f["weight"] < 0.5),
        ),
    ],
)
def test_rows_match_as_in_pandas(given: dict[str, Any], expected: Any) -> None:
    assert TABLE.schema["weight"].edges is not None
    assert TABLE.schema["note"].role == "evidence"
    np.testing.assert_array_equal(mask(given), expected(FRAME))


def test_a_number_matches_its_bin() -> None:
    column = TABLE.schema["weight"]
    assert column.edges is not None
    low, high = column.edges[3], column.edges[4]
    found = mask({"weight": (low + high) / 2})
    np.testing.assert_array_equal(found, (FRAME["weight"] >= low) & (FRAME["weight"] < high))
    assert found.sum() > 1


def test_a_missing_text_matches_no_text() -> None:
    table = Table(FRAME.assign(note=FRAME["note"].where(FRAME.index % 2 == 0)))
    assert table.schema["note"].role == "evidence"
    assert not mask({"note": "never written"}, table).any()
    assert not mask({"note": "nan"}, table).any()
    assert mask({"note": FRAME["note"][4]}, table).tolist() == [i == 4 for i in range(N)]


def test_counts_are_those_of_the_matching_rows() -> None:
    column = TABLE.schema["colour"]
    query = Query(("colour",), {"weight": Above(0)}).resolve(TABLE.schema)
    found = RowMatcher(FRAME).count([column], TABLE.schema, query.evidence)
    rows = FRAME[FRAME["weight"] > 0]
    assert (found.n_rows, found.n_matching) == (N, len(rows))
    assert found.counts.tolist() == [(rows["colour"] == level).sum() for level in column.support]
    assert found.counts.sum() < found.n_matching  # some have no color
    assert found.shares is not None
    shares = rows["colour"].value_counts(normalize=True)
    np.testing.assert_allclose(found.shares, shares[column.support])


def test_counts_without_evidence_and_of_bins() -> None:
    column = TABLE.schema["weight"]
    found = RowMatcher(FRAME).count([column], TABLE.schema, {})
    assert found.n_matching == N
    assert column.edges is not None
    counted, _ = np.histogram(FRAME["weight"].dropna(), column.edges)
    assert found.counts.tolist() == counted.tolist()


def test_counts_of_two_targets() -> None:
    columns = [TABLE.schema[name] for name in ("size", "colour")]
    query = Query(("size", "colour"), {"weight": Above(0)}).resolve(TABLE.schema)
    found = RowMatcher(FRAME).count(columns, TABLE.schema, query.evidence)
    rows = FRAME[FRAME["weight"] > 0]
    expected = pd.crosstab(rows["size"], rows["colour"]).to_numpy()
    np.testing.assert_array_equal(found.counts, expected)
    interval = found.interval()
    assert interval is not None
    assert interval[0].shape == expected.shape


def test_cells_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    matcher = RowMatcher(FRAME)
    query = Query((), {"colour": "red", "weight": Above(0), "note": "x"}).resolve(TABLE.schema)
    first = matcher.mask(TABLE.schema, query.evidence)
    monkeypatch.setattr(matcher, "_frame", FRAME.iloc[:, :0])
    np.testing.assert_array_equal(matcher.mask(TABLE.schema, query.evidence), first)


def test_a_grown_column_is_coded_anew() -> None:
    matcher, column = RowMatcher(FRAME), TABLE.schema["colour"]
    assert len(matcher.count([column], TABLE.schema, {}).counts) == 3
    grown = column.grown(pd.Series(["violet"]))
    assert matcher.count([grown], TABLE.schema, {}).counts[-1] == 0


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("counts", [[0, 3, 7], [0, 1], [124, 220], [5]])
def test_intervals_are_those_of_wilson(counts: list[int], level: float) -> None:
    interval = Matching(1000, sum(counts), np.array(counts)).interval(level)
    assert interval is not None
    for low, high, count in zip(*interval, counts, strict=True):
        expected = binomtest(count, sum(counts)).proportion_ci(level, method="wilson")
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert 0 <= low <= count / sum(counts) <= high <= 1


def test_nothing_matches() -> None:
    found = Matching(10, 0, np.zeros(3, dtype=np.int64))
    assert (found.shares, found.interval()) == (None, None)


@pytest.mark.parametrize("level", [0, 1, 90])
def test_a_level_is_between_0_and_1(level: float) -> None:
    with pytest.raises(EvidenceError, match=rf"level={level} is no confidence level"):
        Matching(10, 3, np.array([1, 2])).interval(level)

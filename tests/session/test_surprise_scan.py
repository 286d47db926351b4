"""The surprise scan: rows on screen first, progress, ranks, and its end."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tabwidget._typing import Floats, Ints
from tabwidget.session import surprise_scan
from tabwidget.session.surprise_scan import SurpriseScan


class Scorer:
    """Bits that are the row's number in column 0 and a tenth of it in column 1."""

    def __init__(self, n_rows: int, free: bool = True) -> None:
        self.blocks: list[list[int]] = []
        self.news = 0
        self.gate = threading.Semaphore(10_000 if free else 0)
        self.scan = SurpriseScan(self.score, 2, n_rows, self.tell)

    def score(self, rows: Ints, column: int) -> Floats:
        self.gate.acquire()
        if column == 0:
            self.blocks.append(rows.tolist())
        return np.where(rows == 3, np.nan, rows * (1.0 if column == 0 else 0.1))

    def tell(self) -> None:
        self.news += 1


def test_every_row_of_a_small_table_is_scored_once() -> None:
    scorer = Scorer(100)
    scorer.scan.start()
    assert scorer.scan.wait(10)
    rows = [row for block in scorer.blocks for row in block]
    assert sorted(rows) == list(range(100))
    assert (scorer.scan.done, scorer.scan.total) == (100, 100)
    assert scorer.news


def test_a_long_table_is_scored_at_evenly_spaced_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surprise_scan, "MAX_ROWS", 5)
    scorer = Scorer(1000)
    scorer.scan.start()
    assert scorer.scan.wait(10)
    assert sorted(scorer.scan.scored(range(1000))) == [0, 250, 500, 749, 999]
    assert scorer.scan.total == 5


def test_rows_that_are_looked_at_come_first() -> None:
    scorer = Scorer(1000, free=False)
    scorer.scan.look([500, 501])
    scorer.scan.look([700])  # the viewport has moved on
    scorer.gate.release(10_000)
    assert scorer.scan.wait(10)
    place = {row: i for i, block in enumerate(scorer.blocks) for row in block}
    assert place[700] <= 1
    assert scorer.scan.done == 1000


def test_rows_beyond_those_spaced_are_scored_when_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(surprise_scan, "MAX_ROWS", 2)
    scorer = Scorer(1000)
    scorer.scan.start()
    assert scorer.scan.wait(10)
    scorer.scan.look([7, 8])
    assert scorer.scan.wait(10)
    assert scorer.scan.scored([7, 8, 9]) == [7, 8]


def test_a_block_is_known_column_by_column() -> None:
    scorer = Scorer(10, free=False)
    scorer.scan.start()
    scorer.gate.release(1)
    for _ in range(1000):
        if scorer.scan.pieces:
            break
        threading.Event().wait(0.01)
    first, second = scorer.scan.bits([5])[5]
    assert (first, np.isnan(second)) == (5.0, True)
    assert scorer.scan.scored([5]) == []
    scorer.gate.release(100)
    assert scorer.scan.wait(10)
    assert scorer.scan.bits([5])[5].tolist() == [5.0, 0.5]


def test_a_scan_that_was_stopped_goes_on() -> None:
    scorer = Scorer(200, free=False)
    scorer.scan.start()
    scorer.scan.stop()
    scorer.gate.release(10_000)
    assert scorer.scan.wait(10)
    assert scorer.scan.done < 200
    scorer.scan.start()
    assert scorer.scan.wait(10)
    assert scorer.scan.done == 200


def test_cells_are_ranked_with_missing_ones_left_out() -> None:
    scorer = Scorer(5)
    scorer.scan.start()
    assert scorer.scan.wait(10)
    ranked = [scorer.scan.cell(rank) for rank in range(8)]
    assert ranked[:3] == [(4, 0, 4.0), (2, 0, 2.0), (1, 0, 1.0)]
    assert scorer.scan.cell(8) is None
    of_rows = scorer.scan.of_rows()
    assert of_rows[4] == 4
    assert np.isnan(of_rows[3])


def test_infinite_surprise_is_bounded() -> None:
    scan = SurpriseScan(lambda rows, column: np.full(len(rows), np.inf), 1, 3, lambda: None)
    scan.start()
    assert scan.wait(10)
    assert scan.bits([0])[0].tolist() == [surprise_scan.MAX_BITS]


def test_an_error_ends_the_scan() -> None:
    def score(rows: Ints, column: int) -> Floats:
        raise ValueError("no model")

    scan = SurpriseScan(score, 1, 3, lambda: None)
    scan.start()
    assert scan.wait(10)
    assert "no model" in scan.error
    scan.start()
    assert not scan.running

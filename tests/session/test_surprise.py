"""Surprise of a table's cells: in parts, computed once, and anew once the model has changed."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest

from tabwidget.model import TabularLanguageModel
from tabwidget.session import surprise as module
from tabwidget.session.surprise import SurprisingCells
from tests.backends.fakes import FakeBackend

N = 60
FRAME = pd.DataFrame(
    {
        "colour": ["red", "blue", None] * 20,
        "size": [1, 2, 3, 4] * 15,
        "sold": [True, False] * 30,
        "code": [f"id{i}" for i in range(N)],
    },
    index=[f"row {i}" for i in range(N)],
)
COLUMNS = ["colour", "size", "sold"]


@pytest.fixture
def lm() -> TabularLanguageModel:
    return TabularLanguageModel(FakeBackend(), random_state=0).fit(FRAME)


def asked(lm: TabularLanguageModel) -> list[tuple[int, int]]:
    backend = lm.backend_
    assert isinstance(backend, FakeBackend)
    return backend.asked


@pytest.mark.parametrize("relative", [False, True])
def test_parts_are_the_models(lm: TabularLanguageModel, relative: bool) -> None:
    cells = SurprisingCells(lm, FRAME, relative)
    whole = lm.surprise(FRAME, relative=relative)
    for rows in (np.array([5, 3, 3, 8]), np.arange(N), np.array([], dtype=np.int64)):
        found = cells.of(rows, COLUMNS)
        pd.testing.assert_frame_equal(found, whole.iloc[rows], rtol=1e-6)
    assert cells.of(np.arange(3), ["size"]).drop(columns="size").isna().all(axis=None)


def test_what_is_known_costs_nothing(lm: TabularLanguageModel) -> None:
    cells = SurprisingCells(lm, FRAME)
    asked(lm).clear()
    cells.of(np.arange(10), ["size", "colour"])
    n_asked = sum(n for n, _ in asked(lm))
    assert n_asked == FRAME.iloc[:10][["size", "colour"]].notna().sum().sum()
    cells.of(np.arange(10), ["size", "colour"])
    cells.of(np.array([2]), ["size"])
    assert sum(n for n, _ in asked(lm)) == n_asked
    cells.of(np.arange(12), ["size"])
    assert asked(lm)[-1][0] == 2


def test_a_long_request_is_computed_in_blocks(
    lm: TabularLanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 16)
    asked(lm).clear()
    SurprisingCells(lm, FRAME).of(np.arange(N), ["size"])
    assert [n for n, _ in asked(lm)] == [16, 16, 16, 12]


def test_a_changed_model_is_another_one(lm: TabularLanguageModel) -> None:
    cells = SurprisingCells(lm, FRAME)
    assert cells.current(lm)
    assert not cells.current(TabularLanguageModel(FakeBackend(), random_state=0).fit(FRAME))
    lm.partial_fit(FRAME.head(3))
    assert not cells.current(lm)


def test_two_threads_compute_a_cell_once(lm: TabularLanguageModel) -> None:
    cells = SurprisingCells(lm, FRAME)
    asked(lm).clear()
    threads = [
        threading.Thread(target=cells.of, args=(np.arange(N), ["size", "sold"])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(n for n, _ in asked(lm)) == 2 * N

"""Surprise of cells: the model's probabilities in bits."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tabwidget import TabularLanguageModel
from tabwidget.errors import ColumnError, NotFittedError
from tests.backends.fakes import FakeBackend
from tests.model.fakes import FRAME

HOLES = FRAME.assign(
    colour=FRAME["colour"].where(FRAME.index % 9 > 0), code=[f"id{i}" for i in FRAME.index]
)


@pytest.fixture(scope="module")
def lm() -> TabularLanguageModel:
    return TabularLanguageModel(FakeBackend(), random_state=0).fit(HOLES)


def test_surprise_is_the_log_likelihood_in_bits(lm: TabularLanguageModel) -> None:
    found = lm.surprise(HOLES)
    assert list(found) == list(HOLES)
    cells = lm.log_likelihood(HOLES, per_cell=True)
    assert isinstance(cells, pd.DataFrame)
    np.testing.assert_allclose(found[list(cells)], -cells / math.log(2))
    assert found["code"].isna().all()
    np.testing.assert_array_equal(found["colour"].isna(), HOLES["colour"].isna())
    assert (found["size"] >= 0).all()


def test_rows_keep_their_index(lm: TabularLanguageModel) -> None:
    rows = HOLES.iloc[5:9].set_axis(list("abcd"))
    assert lm.surprise(rows).index.tolist() == list("abcd")


def test_some_columns_are_scored_and_the_others_are_evidence(lm: TabularLanguageModel) -> None:
    found = lm.surprise(HOLES, columns=["size"])
    pd.testing.assert_series_equal(found["size"], lm.surprise(HOLES)["size"])
    assert found.drop(columns="size").isna().all(axis=None)


def test_relative_surprise_orders_levels_by_what_was_expected(lm: TabularLanguageModel) -> None:
    plain, relative = lm.surprise(HOLES), lm.surprise(HOLES, relative=True)
    assert (relative["sold"] <= plain["sold"] + 1e-9).all()
    assert relative["sold"].mean() == pytest.approx(0, abs=0.05)
    assert not np.allclose(relative["sold"], plain["sold"])


def test_columns_that_are_no_targets_are_named(lm: TabularLanguageModel) -> None:
    with pytest.raises(ColumnError, match="'code' is not used"):
        lm.surprise(HOLES, columns=["code"])
    with pytest.raises(NotFittedError):
        TabularLanguageModel().surprise(HOLES)


def test_a_wrong_cell_of_the_table_stands_out() -> None:
    n = np.arange(120)
    frame = pd.DataFrame(
        {"animal": np.where(n % 2, "cat", "dog"), "says": np.where(n % 2, "meow", "woof")}
    )
    frame.loc[7, "says"] = "woof"
    weight = np.where(n % 2, 4.0, 9.0) + np.random.default_rng(0).normal(size=120)
    weight[20] *= 10
    frame["weight"] = weight
    lm = TabularLanguageModel("pretrained", random_state=0).fit(frame)
    found = lm.surprise(frame)
    assert found["says"].idxmax() == 7
    relative = lm.surprise(frame, relative=True)
    assert relative["weight"].idxmax() == 20
    highest = np.argsort(relative.to_numpy(), axis=None)[-3:]
    assert {7, 20} <= set((highest // 3).tolist())

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends.text.numbers import numbers_of
from tabwidget.backends.text.scoring import log_probabilities
from tabwidget.backends.text.support import TextSupport
from tabwidget.serializers import JSONSerializer
from tabwidget.table import Table
from tabwidget.table.column import Column
from tabwidget.table.infer import infer_column
from tests.backends.text.fakes import FakeScoringModel, row_tokens_of

RNG = np.random.default_rng(0)
COLUMNS = {
    "one decimal": RNG.normal(30, 9, 300).round(1),
    "whole": RNG.integers(-500, 4_000, 300),
    "with atoms": np.where(RNG.random(300) < 0.4, 0.0, RNG.gamma(2, 30, 300).round(2)),
    "no grid": RNG.normal(size=300) / 3,
    "large": RNG.lognormal(12, 2, 300).round(),
    "dates": pd.date_range("2020-01-01", periods=300, freq="D"),
    "times": pd.date_range("2020-01-01 10:00", periods=300, freq="37min"),
}


def binned(name: str) -> Column:
    column = infer_column(pd.Series(COLUMNS[name]), "x", keep=True)
    assert column.edges is not None
    return column


@pytest.mark.parametrize("name", COLUMNS)
def test_numbers_lie_in_their_bins_and_cover_all_bins(name: str) -> None:
    column = binned(name)
    found = numbers_of(column)
    np.testing.assert_array_equal(column.codes(found.numbers), found.bins)
    assert set(found.bins.tolist()) == set(range(len(column.support)))
    assert (found.counts > 0).all()


def test_numbers_have_the_resolution_of_the_column() -> None:
    numbers = numbers_of(binned("one decimal")).numbers
    assert all(len(repr(float(number)).split(".")[1]) == 1 for number in numbers)


def test_dates_are_whole_days() -> None:
    numbers = numbers_of(binned("dates")).numbers
    assert len(numbers) == 300
    assert not (numbers % 86_400).any()


@pytest.mark.parametrize("name", COLUMNS)
def test_prefixes_are_few_and_prefix_free(name: str) -> None:
    frame = pd.DataFrame({"x": COLUMNS[name], "y": np.arange(300) % 3})
    table = Table(frame, keep=["x"])
    support = TextSupport.of(row_tokens_of(table, JSONSerializer()), 0)
    assert len(support.sequences) < 3_000
    for a in support.sequences[::17]:
        assert not any(a == b[: len(a)] for b in support.sequences if b is not a)


def test_a_bin_has_the_probability_of_all_its_numbers() -> None:
    # Few enough numbers to score each.
    frame = pd.DataFrame({"x": np.arange(10, 100), "y": np.arange(90) % 3})
    table = Table(frame, keep=["x"])
    tokens, scorer = row_tokens_of(table), FakeScoringModel()
    prompt = tokens.prompt([np.nan, 1.0], [0, 1], 0)
    support = TextSupport.of(tokens, 0)
    found = log_probabilities(scorer, [prompt], support.sequences)
    # A prefix has at least the probability of the numbers that continue it.
    column = table.schema["x"]
    mass = np.zeros(len(column.support))
    for number in range(10, 100):
        ids = tokens.value(0, float(number))
        for end in tokens.ends:
            whole = ids + end[:1]
            mass[column.codes(np.array([float(number)]))] += np.exp(
                scorer.log_probability(prompt, whole)
            )
    by_prefix = np.zeros(len(column.support))
    np.add.at(by_prefix, support.codes, np.exp(found[0, support.indices]) * support.shares)
    assert (by_prefix >= mass - 1e-12).all()
    assert by_prefix.sum() <= 1.0 + 1e-12


def test_listed_numbers_have_a_prefix_each() -> None:
    cells = RNG.integers(100, 240, 300) * 25
    table = Table(pd.DataFrame({"x": cells, "y": cells % 3}), keep=["x"])
    found = numbers_of(table.schema["x"])
    assert found.complete
    tokens = row_tokens_of(table)
    whole = [tokens.value(0, float(number)) for number in found.numbers]
    sequences = TextSupport.of(tokens, 0).sequences
    assert len(sequences) == len(whole)
    assert all(sum(ids[: len(s)] == s for ids in whole) == 1 for s in sequences)


def test_prefixes_of_many_numbers_are_shorter_than_the_numbers() -> None:
    table = Table(pd.DataFrame({"x": COLUMNS["large"], "y": np.arange(300) % 3}), keep=["x"])
    column = table.schema["x"]
    assert not numbers_of(column).complete
    support = TextSupport.of(row_tokens_of(table), 0)
    assert min(len(sequence) for sequence in support.sequences) < len(str(int(column.high)))

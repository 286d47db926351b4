from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends.text import TextSupport, log_probabilities
from tabwidget.backends.text.support import _ended
from tabwidget.serializers import (
    BracketSerializer,
    JSONSerializer,
    KeyValueSerializer,
    Serializer,
)
from tabwidget.serializers.number_format import PlainNumber, SpacedDigits
from tabwidget.table import Table
from tests.backends.text.fakes import FakeScorer, mixed, tokens_of

SERIALIZERS = [
    JSONSerializer(),
    KeyValueSerializer(" is ", " | "),
    BracketSerializer(),
    JSONSerializer(SpacedDigits()),
]


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("index", [0, 1, 2])
def test_no_sequence_begins_another(serializer: Serializer, index: int) -> None:
    sequences = TextSupport.of(tokens_of(mixed(), serializer), index).sequences
    for a in sequences:
        assert not any(a == b[: len(a)] for b in sequences if b is not a)


def test_a_number_does_not_collect_the_probability_of_one_that_begins_with_it() -> None:
    tokens = tokens_of(mixed())
    support = TextSupport.of(tokens, 1)  # 1, 12, 123
    scorer = FakeScorer()
    prompt = tokens.prompt([0.0, np.nan, 30.5], [0, 1, 2], 1)
    logs = log_probabilities(scorer, [prompt], support.sequences)
    found = support.probabilities(logs)[0]
    expected = []
    for number in (1.0, 12.0, 123.0):
        ids, mass = tokens.value(1, number), 0.0
        for end in tokens.ends:
            whole = ids + end[:1]
            steps = [scorer.next(prompt + whole[:n])[whole[n]] for n in range(len(whole))]
            mass += np.exp(sum(steps))
        expected.append(mass)
    np.testing.assert_allclose(found, np.array(expected) / sum(expected))


def test_values_written_alike_share_what_they_are_given() -> None:
    frame = pd.DataFrame({"x": [0.12341, 0.12342, 0.5] * 4, "y": list("abc") * 4})
    tokens = tokens_of(Table(frame), JSONSerializer(PlainNumber(max_decimals=3)))
    support = TextSupport.of(tokens, 0)
    found = support.probabilities(np.zeros((1, len(support.sequences))))
    np.testing.assert_allclose(found, [[0.25, 0.25, 0.5]])


def test_a_value_that_goes_on_as_a_mark_begins_is_told_by_more_of_the_mark() -> None:
    beginnings = {(1,), (1, 5), (1, 5, 7)}
    assert list(_ended((1,), [(5, 6), (4, 5)], beginnings)) == [(1, 4), (1, 5, 6)]


def test_no_row_underflows() -> None:
    support = TextSupport.of(tokens_of(mixed()), 0)
    found = support.probabilities(np.full((2, len(support.sequences)), -5_000.0))
    np.testing.assert_allclose(found.sum(axis=1), 1.0)

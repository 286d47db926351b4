from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends.text.scoring import log_probabilities
from tabwidget.backends.text.support import TextSupport, _delimited
from tabwidget.serializers import (
    BracketSerializer,
    JSONSerializer,
    KeyValueSerializer,
    Serializer,
)
from tabwidget.serializers.number_format import PlainNumber, SpacedDigits
from tabwidget.table import Table
from tests.backends.text.fakes import FakeScoringModel, mixed, row_tokens_of

SERIALIZERS = [
    JSONSerializer(),
    KeyValueSerializer(" is ", " | "),
    BracketSerializer(),
    JSONSerializer(SpacedDigits()),
]


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("index", [0, 1, 2])
def test_no_sequence_is_a_prefix_of_another(serializer: Serializer, index: int) -> None:
    sequences = TextSupport.of(row_tokens_of(mixed(), serializer), index).sequences
    for a in sequences:
        assert not any(a == b[: len(a)] for b in sequences if b is not a)


def test_a_number_does_not_collect_the_probability_of_longer_ones() -> None:
    tokens = row_tokens_of(mixed())
    support = TextSupport.of(tokens, 1)  # 1, 12, 123
    scorer = FakeScoringModel()
    prompt = tokens.prompt([0.0, np.nan, 30.5], [0, 1, 2], 1)
    logs = log_probabilities(scorer, [prompt], support.sequences)
    found = support.probabilities(logs)[0]
    expected = []
    for number in (1.0, 12.0, 123.0):
        ids, mass = tokens.value(1, number), 0.0
        for end in tokens.ends:
            whole = ids + end[:1]
            mass += np.exp(scorer.log_probability(prompt, whole))
        expected.append(mass)
    np.testing.assert_allclose(found, np.array(expected) / sum(expected))


def test_values_with_equal_text_share_its_probability() -> None:
    frame = pd.DataFrame({"x": [0.12341, 0.12342, 0.5] * 4, "y": list("abc") * 4})
    tokens = row_tokens_of(Table(frame), JSONSerializer(PlainNumber(max_decimals=3)))
    support = TextSupport.of(tokens, 0)
    found = support.probabilities(np.zeros((1, len(support.sequences))))
    np.testing.assert_allclose(found, [[0.25, 0.25, 0.5]])


def test_a_delimiter_is_longer_where_a_value_continues_like_it() -> None:
    prefixes = {(1,), (1, 5), (1, 5, 7)}
    assert list(_delimited((1,), [(5, 6), (4, 5)], prefixes)) == [(1, 4), (1, 5, 6)]


def test_no_row_underflows() -> None:
    support = TextSupport.of(row_tokens_of(mixed()), 0)
    found = support.probabilities(np.full((2, len(support.sequences)), -5_000.0))
    np.testing.assert_allclose(found.sum(axis=1), 1.0)

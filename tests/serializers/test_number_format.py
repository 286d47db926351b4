"""Numbers as text and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.errors import ConfigError
from tabwidget.serializers.number_format import NumberFormat, PlainNumber, SpacedDigits

FORMATS = [PlainNumber(), SpacedDigits()]
numbers = st.integers() | st.floats(allow_nan=False) | st.sampled_from([2**63, -0.0, 1e-300])


@pytest.mark.parametrize("number_format", FORMATS)
@given(number=numbers)
def test_a_number_reads_back_as_itself(number_format: NumberFormat, number: float) -> None:
    back = number_format.parse(number_format.format(number))
    assert (repr(back), type(back)) == (repr(number), type(number))


@pytest.mark.parametrize("number_format", FORMATS)
def test_what_is_no_number_is_still_none(number_format: NumberFormat) -> None:
    assert math.isnan(number_format.parse(number_format.format(math.nan)))


def test_decimals_are_rounded_for_floats_only() -> None:
    assert PlainNumber(max_decimals=1).format(2.349) == "2.3"
    assert SpacedDigits(max_decimals=0).format(12) == "1 2"


@given(st.floats(allow_nan=False), st.integers(0, 10))
def test_rounding_is_idempotent(number: float, decimals: int) -> None:
    rounded = PlainNumber(decimals).format(number)
    assert SpacedDigits(decimals).format(number) == " ".join(rounded)
    assert PlainNumber(decimals).format(float(rounded)) == rounded


def test_zero_has_one_sign_where_numbers_are_rounded() -> None:
    assert PlainNumber(max_decimals=3).format(-0.0001) == "0.0"
    assert PlainNumber().format(-0.0) == "-0.0"


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16])
def test_numpy_integers_are_integers(kind: type[Any]) -> None:
    assert PlainNumber(max_decimals=3).format(kind(12)) == "12"
    assert SpacedDigits().format(kind(12)) == "1 2"


@pytest.mark.parametrize("number_format", FORMATS)
@pytest.mark.parametrize("text", ["", "a", "1,5", "--1"])
def test_text_that_is_not_a_number_is_an_error(number_format: NumberFormat, text: str) -> None:
    with pytest.raises(ValueError, match=r"float|literal"):
        number_format.parse(text)


@pytest.mark.parametrize("kind", [PlainNumber, SpacedDigits])
def test_a_negative_number_of_decimals_is_an_error(kind: type[PlainNumber]) -> None:
    with pytest.raises(ConfigError, match="max_decimals=-3 is negative"):
        kind(max_decimals=-3)

"""Numbers as text and back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.number_format import NumberFormat, PlainNumber, SpacedDigits

FORMATS = [PlainNumber(), SpacedDigits()]
numbers = st.integers() | st.floats(allow_nan=False)


@pytest.mark.parametrize("number_format", FORMATS)
@given(number=numbers)
def test_a_number_reads_back_as_itself(number_format: NumberFormat, number: float) -> None:
    back = number_format.parse(number_format.format(number))
    assert (back, type(back)) == (number, type(number))


@pytest.mark.parametrize("number_format", FORMATS)
def test_what_is_no_number_is_still_none(number_format: NumberFormat) -> None:
    assert math.isnan(number_format.parse(number_format.format(math.nan)))


def test_decimals_are_rounded_for_floats_only() -> None:
    assert PlainNumber(max_decimals=1).format(2.349) == "2.3"
    assert SpacedDigits(max_decimals=0).format(12) == "1 2"


@pytest.mark.parametrize("number_format", FORMATS)
@pytest.mark.parametrize("text", ["", "a", "1,5", "--1"])
def test_a_text_that_is_no_number_is_an_error(number_format: NumberFormat, text: str) -> None:
    with pytest.raises(ValueError, match=r"float|literal"):
        number_format.parse(text)

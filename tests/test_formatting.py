"""Numbers, dates and bars as short text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwidget._formatting import percent, short, text_bar


@given(st.floats(-1e300, 1e300))
def test_a_short_number_is_near_the_number(number: float) -> None:
    assert float(short(number).replace(",", "")) == pytest.approx(number, rel=1e-2, abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 40))
def test_a_bar_is_as_long_as_its_share(share: float, width: int) -> None:
    bar = text_bar(share, width)
    assert len(bar) <= width
    assert abs(len(bar) - share * width) <= 1


def test_a_percentage_is_100_only_of_one() -> None:
    assert percent(1.0) == "100.0%"
    assert percent(0.99999) == ">99.9%"

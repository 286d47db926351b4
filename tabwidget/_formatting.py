"""Numbers, dates and bars as short text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["percent", "short", "text_bar"]

_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def percent(probability: float) -> str:
    """Return a probability with one decimal; near one, but below it, as ``>99.9%``.

    Examples
    --------
    >>> percent(0.5), percent(0.9999), percent(1.0)
    ('50.0%', '>99.9%', '100.0%')
    """
    return ">99.9%" if 0.999 <= probability < 1 else f"{probability:.1%}"


def short(value: Any) -> str:
    """Return a number with four significant digits, and a date without an empty time.

    Examples
    --------
    >>> short(39.123456), short(1234567.0), short(0.00001), short("2020-01-02 00:00:00")
    ('39.12', '1.23e+06', '1e-05', '2020-01-02')
    """
    if not isinstance(value, (int, float, np.number)):
        return str(value).removesuffix(" 00:00:00")
    number = float(value)
    if abs(number) >= 1e6 or (number and abs(number) < 1e-4):
        return f"{number:.3g}"
    digits = max(0, 3 - math.floor(math.log10(abs(number)))) if number else 0
    text = f"{number:,.{min(digits, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def text_bar(share: float, width: int) -> str:
    """Return a bar of block characters, drawn to an eighth of a character.

    Parameters
    ----------
    share : float
        0 to 1; cut to that range.
    width : int
        Characters of a full bar.

    Examples
    --------
    >>> text_bar(0.5, 4), text_bar(0.4, 4)
    ('██', '█▋')
    """
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8]

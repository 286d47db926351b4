"""Numbers, dates and bars as text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "bar",
    "cut_text",
    "format_date",
    "format_gain",
    "format_percent",
    "format_short",
    "format_value",
]

_EIGHTHS = ("", *"▏▎▍▌▋▊▉")
_DAY = 86_400  # seconds


def format_short(value: Any) -> str:
    """Return a number in four significant digits, and a date without an empty time.

    Examples
    --------
    >>> format_short(3750.4), format_short(0.12345), format_short(2.0), format_short(1.5e7)
    ('3,750', '0.1235', '2', '1.5e+07')
    >>> format_short(pd.Timestamp("2020-01-31"))
    '2020-01-31'
    """
    if not isinstance(value, (int, float, np.number)):
        return str(value).removesuffix(" 00:00:00")
    number = float(value)
    if abs(number) >= 1e6 or (number and abs(number) < 1e-4):
        return f"{number:.3g}"
    digits = max(0, 3 - math.floor(math.log10(abs(number)))) if number else 0
    text = f"{number:,.{min(digits, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_value(value: Any, width: int | None = None) -> str:
    """Return a float in four significant digits, anything else as text of at most `width`.

    Examples
    --------
    >>> format_value(3750.4), format_value(3750), format_value("Adelie", width=4)
    ('3750', '3750', 'Ade…')
    """
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if width is None else cut_text(text, width)


def format_gain(nats: float) -> str:
    """Return nats gained with their sign, or "no gain" where two decimals show none.

    Examples
    --------
    >>> format_gain(0.314), format_gain(0.004), format_gain(-0.02)
    ('+0.31', 'no gain', '-0.02')
    """
    return f"{nats:+.2f}" if round(nats, 2) else "no gain"


def format_date(date: pd.Timestamp, span: float = 0.0) -> str:
    """Return a date, with its time of day unless that is midnight or `span` is a day or more.

    Parameters
    ----------
    date : Timestamp
        The date.
    span : float, default 0
        Seconds that the label stands for.

    Examples
    --------
    >>> noon = pd.Timestamp("2020-01-31 12:00")
    >>> format_date(noon), format_date(noon, span=86_400), format_date(noon.normalize())
    ('2020-01-31 12:00', '2020-01-31', '2020-01-31')
    """
    if span >= _DAY or date == date.normalize():
        return f"{date:%Y-%m-%d}"
    return f"{date:%Y-%m-%d %H:%M}"


def format_percent(probability: float) -> str:
    """Return a probability as a percentage; 100% stands for certainty alone.

    Examples
    --------
    >>> format_percent(0.25), format_percent(0.9999), format_percent(1.0)
    ('25.0%', '>99.9%', '100.0%')
    """
    return ">99.9%" if 0.999 <= probability < 1 else f"{probability:.1%}"


def bar(length: float) -> str:
    """Return a bar of block characters, `length` characters long to an eighth.

    Examples
    --------
    >>> bar(3.5)
    '███▌'
    """
    eighths = round(length * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8]


def cut_text(text: str, width: int) -> str:
    """Return a text of at most `width` characters, with an ellipsis where it was cut.

    Examples
    --------
    >>> cut_text("Adelie", 4)
    'Ade…'
    """
    return text if len(text) <= width else text[: width - 1] + "…"

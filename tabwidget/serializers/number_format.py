"""Number formats inside a serialized row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Protocol

from tabwidget.errors import ConfigError

__all__ = ["NumberFormat", "PlainNumber", "SpacedDigits"]


class NumberFormat(Protocol):
    """Writes a number as text and parses it."""

    def format(self, value: float) -> str:
        """Return `value` as text."""
        ...

    def parse(self, text: str) -> int | float:
        """Return the number in `text`; ``ValueError`` if there is none."""
        ...


@dataclass(frozen=True)
class PlainNumber:
    """Numbers as Python prints them: ``25.7``, ``100.0``, ``100``.

    Parameters
    ----------
    max_decimals : int or None, default None
        Round floats to this many decimals first.

    Examples
    --------
    >>> PlainNumber(max_decimals=2).format(3.14159)
    '3.14'
    >>> PlainNumber().format(100)
    '100'
    """

    max_decimals: int | None = None

    def __post_init__(self) -> None:
        _check(self.max_decimals)

    def format(self, value: float) -> str:
        """Return `value` as text."""
        if isinstance(value, Integral):  # including numpy's integers
            return str(int(value))
        number = float(value)
        if self.max_decimals is not None and math.isfinite(number):
            number = round(number, self.max_decimals) + 0.0  # -0.001 is 0.0, not -0.0
        return repr(number)

    def parse(self, text: str) -> int | float:
        """Return the number in `text`."""
        try:
            return int(text)
        except ValueError:
            return float(text)


@dataclass(frozen=True)
class SpacedDigits:
    """Numbers with a space between all characters: ``2 5 . 7``.

    Parameters
    ----------
    max_decimals : int or None, default None
        Round floats to this many decimals first.

    Examples
    --------
    >>> SpacedDigits().format(25.7)
    '2 5 . 7'
    >>> SpacedDigits().parse("2 5 . 7")
    25.7
    """

    max_decimals: int | None = None

    def __post_init__(self) -> None:
        _check(self.max_decimals)

    def format(self, value: float) -> str:
        """Return `value` as text."""
        return " ".join(PlainNumber(self.max_decimals).format(value))

    def parse(self, text: str) -> int | float:
        """Return the number in `text`."""
        return PlainNumber().parse(text.replace(" ", ""))


def _check(max_decimals: int | None) -> None:
    if max_decimals is not None and max_decimals < 0:
        raise ConfigError(f"max_decimals={max_decimals!r} is negative: give 0, more, or None")

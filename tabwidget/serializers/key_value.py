"""KeyValueSerializer: a row as names and values with separators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tabwidget.errors import ConfigError
from tabwidget.serializers.base import SerializedRow, add_cell, join_cells
from tabwidget.serializers.escaping import cut, escape, read_unquoted, unescape, write_unquoted
from tabwidget.serializers.number_format import NumberFormat, PlainNumber

__all__ = ["KeyValueSerializer"]


@dataclass(frozen=True)
class KeyValueSerializer:
    r"""``age:39|city:SP``, or with other separators ``age is 39;city is SP``.

    A backslash escapes the key-value separator in a name, and the first character of
    `pair_separator` anywhere. A text that would parse as a number or a boolean starts with ``\t``.

    Parameters
    ----------
    key_value_separator, pair_separator : str, default ":" and "|"
        Between a name and its value, and between two cells.
    number : NumberFormat, default PlainNumber()
        How numbers are written.

    Examples
    --------
    >>> KeyValueSerializer().serialize({"age": 39, "city": "SP"}).text
    'age:39|city:SP'
    """

    key_value_separator: str = ":"
    pair_separator: str = "|"
    number: NumberFormat = field(default_factory=PlainNumber)

    def __post_init__(self) -> None:
        for name in ("key_value_separator", "pair_separator"):
            separator = getattr(self, name)
            if not separator:
                raise ConfigError(f"{name} is empty: give at least one character")
            if "\\" in separator:
                raise ConfigError(
                    f"{name}={separator!r} contains a backslash, the escape character: "
                    "give another separator"
                )

    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        """Return the cells as ``name:value`` pairs."""
        # Generation stops at the first token of the separator: no value may contain its start.
        special = self.pair_separator[0]
        return join_cells(
            cells,
            lambda name: escape(str(name), special, self.key_value_separator),
            lambda value: write_unquoted(value, special, self.number),
            after_name=self.key_value_separator,
            between=self.pair_separator,
        )

    def parse(self, text: str) -> dict[str, Any]:
        """Return the cells of a key-value row."""
        cells: dict[str, Any] = {}
        if not text:
            return cells
        rest, more = text, True
        while more:
            name, found, rest = cut(rest, self.key_value_separator)
            if not found:
                raise ValueError(
                    f"no {self.key_value_separator!r} between a name and a value in {name!r}"
                )
            value, more, rest = cut(rest, self.pair_separator)
            read = read_unquoted(value, self.pair_separator[0], self.number)
            add_cell(cells, unescape(name), read)
        return cells

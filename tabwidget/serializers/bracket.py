"""BracketSerializer: a row as names with their values in brackets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tabwidget.serializers.base import SerializedRow, add_cell, join_cells
from tabwidget.serializers.escaping import cut, escape, read_unquoted, unescape, write_unquoted
from tabwidget.serializers.number_format import NumberFormat, PlainNumber

__all__ = ["BracketSerializer"]


@dataclass(frozen=True)
class BracketSerializer:
    """``age[39] city[SP]``.

    Parameters
    ----------
    number : NumberFormat, default PlainNumber()
        How numbers are written.

    Examples
    --------
    >>> BracketSerializer().serialize({"age": 39, "city": "SP"}).text
    'age[39] city[SP]'
    """

    number: NumberFormat = field(default_factory=PlainNumber)

    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        """Return the cells as ``name[value]``."""
        return join_cells(
            cells,
            lambda name: escape(str(name), "[]"),
            lambda value: write_unquoted(value, "[]", self.number) + "]",
            after_name="[",
            between=" ",
            delimiter_width=1,
        )

    def parse(self, text: str) -> dict[str, Any]:
        """Return the cells of a bracket row."""
        cells: dict[str, Any] = {}
        rest, more = text, bool(text)
        while more:
            name, opened, rest = cut(rest, "[")
            value, closed, rest = cut(rest, "]")
            if not (opened and closed and rest[:1] in ("", " ")):
                raise ValueError(f"not cells in brackets with a space in between: {text!r}")
            add_cell(cells, unescape(name), read_unquoted(value, "[]", self.number))
            more, rest = bool(rest), rest[1:]
        return cells

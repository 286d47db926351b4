"""JSONSerializer: a row as a JSON object."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tabwidget.serializers.base import SerializedRow, add_cell, join_cells
from tabwidget.serializers.number_format import NumberFormat, PlainNumber

__all__ = ["JSONSerializer"]

# A cell: a quoted name, and a quoted text or a run of characters without JSON punctuation.
_QUOTED = r'"(?:\\.|[^"\\])*"'
_CELL = re.compile(rf'\s*({_QUOTED})\s*:(?:\s*({_QUOTED})\s*|([^",:{{}}\[\]]+))')


@dataclass(frozen=True)
class JSONSerializer:
    """``{"age": 39, "city": "SP"}``.

    Parameters
    ----------
    number : NumberFormat, default PlainNumber()
        How numbers are written. With spaced digits, ``{"age": 3 9}`` is no longer valid JSON.

    Examples
    --------
    >>> JSONSerializer().serialize({"age": 39, "city": "SP"}).text
    '{"age": 39, "city": "SP"}'
    """

    number: NumberFormat = field(default_factory=PlainNumber)

    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        """Return the cells as a JSON object."""
        return join_cells(
            cells,
            _to_json,
            self._write,
            opening="{",
            after_name=": ",
            between=", ",
            closing="}",
        )

    def parse(self, text: str) -> dict[str, Any]:
        """Return the cells of a JSON object."""
        row = text.strip()
        if not (row.startswith("{") and row.endswith("}")):
            raise ValueError(f"not a JSON object: {text!r}")
        cells: dict[str, Any] = {}
        place, end = 1, len(row) - 1
        more = bool(row[1:-1].strip())
        while more:
            cell = _CELL.match(row, place, end)
            more = cell is not None and row[cell.end()] == ","
            if cell is None or not (more or cell.end() == end):
                raise ValueError(f"not a cell of a JSON object: {row[place:end]!r}")
            name, quoted, bare = cell.groups()
            add_cell(cells, json.loads(name), json.loads(quoted) if quoted else self._read(bare))
            place = cell.end() + 1
        return cells

    def _read(self, bare: str) -> Any:
        word = bare.strip()
        return word == "true" if word in ("true", "false") else self.number.parse(word)

    def _write(self, value: object) -> str:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self.number.format(value)
        return _to_json(value)


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

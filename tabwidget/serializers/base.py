"""The serializer protocol: a row as text with the span of every name and value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tabwidget.errors import ConfigError
from tabwidget.table.values import is_missing, plain

__all__ = [
    "CellSpan",
    "Pieces",
    "SerializedRow",
    "Serializer",
    "Span",
    "add_cell",
    "join_cells",
    "pieces_of",
]

Span = tuple[int, int]


@dataclass(frozen=True)
class CellSpan:
    """Position of one cell in the text: character offsets, end exclusive."""

    column: str
    name: Span
    value: Span


@dataclass(frozen=True)
class SerializedRow:
    """A row as text.

    Attributes
    ----------
    text : str
        The whole row.
    spans : tuple of CellSpan
        One per cell, in the order written.
    """

    text: str
    spans: tuple[CellSpan, ...]


class Serializer(Protocol):
    """Writes a row as text and parses it without loss.

    Cells are never missing. They hold what a DataFrame holds: text, numbers, booleans, dates and
    their numpy types. They parse as `tabwidget.table.values.plain` returns them: a date as text.

    A row is ``open + cell + between + cell + … + close`` (`pieces_of`). The text of a cell depends
    on neither its position nor the other cells, its part before the value does not depend on the
    value, and no value followed by `between` or `close` is a prefix of another value of its
    column, so that a backend can detect the end of a value. `check_serializer` checks all of this.
    """

    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        """Return the cells, in their order, as text with spans."""
        ...

    def parse(self, text: str) -> dict[str, Any]:
        """Return the cells that `serialize` wrote; ``ValueError`` if the text is malformed."""
        ...


@dataclass(frozen=True)
class Pieces:
    """The text around the cells of a row: ``open + cell + between + cell + … + close``.

    Attributes
    ----------
    open : str
        Before the first name; may be empty.
    between : str
        From the end of a value to the next name.
    close : str
        After the last value. Empty if only the end of the text ends a row, as in ``age:39``.
    """

    open: str
    between: str
    close: str


def pieces_of(serializer: Serializer) -> Pieces:
    """Return the text that a serializer writes around cells, found from one row and its spans.

    Raises
    ------
    ConfigError
        If the spans of that row are not those of its two cells; see
        `tabwidget.serializers.check.check_serializer`.

    Examples
    --------
    >>> from tabwidget.serializers import BracketSerializer, JSONSerializer
    >>> pieces_of(JSONSerializer())
    Pieces(open='{', between=', ', close='}')
    >>> pieces_of(BracketSerializer())
    Pieces(open='', between='] ', close=']')
    """
    written = serializer.serialize({"a": "b", "c": "d"})
    if [span.column for span in written.spans] != ["a", "c"]:
        raise ConfigError(
            f"{serializer!r} must return one span per cell, in order; it returned {written!r}"
        )
    text, (first, second) = written.text, written.spans
    return Pieces(
        open=text[: first.name[0]],
        between=text[first.value[1] : second.name[0]],
        close=text[second.value[1] :],
    )


def join_cells(
    cells: Mapping[str, object],
    write_name: Callable[[object], str],
    write_value: Callable[[object], str],
    *,
    opening: str = "",
    after_name: str,
    between: str,
    closing: str = "",
    delimiter_width: int = 0,
) -> SerializedRow:
    """Write the cells that are not missing, one after the other.

    The last `delimiter_width` characters of a written value lie outside its span.
    """
    text, spans = opening, list[CellSpan]()
    for column, value in cells.items():
        if is_missing(value):
            continue
        text += between if spans else ""
        name_start = len(text)
        text += write_name(column)
        name_end = len(text)
        text += after_name
        value_start = len(text)
        text += write_value(plain(value))
        value_end = len(text) - delimiter_width
        spans.append(CellSpan(column, (name_start, name_end), (value_start, value_end)))
    return SerializedRow(text + closing, tuple(spans))


def add_cell(cells: dict[str, Any], name: str, value: object) -> None:
    """Add a parsed cell; ``ValueError`` if the row already has one of that name."""
    if name in cells:
        raise ValueError(f"the name {name!r} appears more than once")
    cells[name] = value

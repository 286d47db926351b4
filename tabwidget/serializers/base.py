"""Serializers: a row as text and back again, with the place of every name and value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tabwidget.errors import ConfigError, nearest
from tabwidget.serializers.number_format import NumberFormat, PlainNumber
from tabwidget.table.values import is_missing, plain

__all__ = [
    "SERIALIZERS",
    "BracketSerializer",
    "CellSpan",
    "JSONSerializer",
    "KeyValueSerializer",
    "Pieces",
    "SerializedRow",
    "Serializer",
    "pieces_of",
    "resolve_serializer",
]

Span = tuple[int, int]

# A cell of a JSON object: a name in quotes, and a text in quotes or what has none of JSON's marks.
_QUOTED = r'"(?:\\.|[^"\\])*"'
_JSON_CELL = re.compile(rf'\s*({_QUOTED})\s*:(?:\s*({_QUOTED})\s*|([^",:{{}}\[\]]+))')


@dataclass(frozen=True)
class CellSpan:
    """Where one cell stands in the text: character offsets, end exclusive."""

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
        One a cell, in the order written.
    """

    text: str
    spans: tuple[CellSpan, ...]


class Serializer(Protocol):
    """Writes a row as text and reads it back without loss.

    Cells are present and hold what a DataFrame holds: texts, numbers, truth values, dates, and
    numpy's own of these. They read back as `tabwidget.table.values.plain` has them: a date as text.

    A row is ``open + cell + between + cell + … + close`` (`pieces_of`). A cell reads the same in
    any place and beside any others, its part before the value does not depend on the value, and no
    value followed by `between` or `close` begins another value of its column, so that a backend
    knows where a value ends. `check_serializer` checks all this.
    """

    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        """Return the cells, in their order, as text with spans."""
        ...

    def parse(self, text: str) -> dict[str, Any]:
        """Return the cells that `serialize` wrote; ``ValueError`` if the text is malformed."""
        ...


@dataclass(frozen=True)
class JSONSerializer:
    """``{"age": 39, "city": "SP"}``.

    Parameters
    ----------
    number : NumberFormat, default PlainNumber()
        How numbers are written. With spaced digits, ``{"age": 3 9}`` is no longer plain JSON.

    Examples
    --------
    >>> JSONSerializer().serialize({"age": 39, "city": "SP"}).text
    '{"age": 39, "city": "SP"}'
    """

    number: NumberFormat = field(default_factory=PlainNumber)

    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        """Return the cells as a JSON object."""
        return _join(cells, _json_text, self._value, "{", ": ", ", ", "}")

    def parse(self, text: str) -> dict[str, Any]:
        """Return the cells of a JSON object."""
        row = text.strip()
        if not (row.startswith("{") and row.endswith("}")):
            raise ValueError(f"not a JSON object: {text!r}")
        cells: dict[str, Any] = {}
        place, end = 1, len(row) - 1
        more = bool(row[1:-1].strip())
        while more:
            cell = _JSON_CELL.match(row, place, end)
            more = cell is not None and row[cell.end()] == ","
            if cell is None or not (more or cell.end() == end):
                raise ValueError(f"no cell of a JSON object: {row[place:end]!r}")
            name, quoted, bare = cell.groups()
            _put(cells, json.loads(name), json.loads(quoted) if quoted else self._read(bare))
            place = cell.end() + 1
        return cells

    def _read(self, bare: str) -> Any:
        word = bare.strip()
        return word == "true" if word in ("true", "false") else self.number.parse(word)

    def _value(self, value: object) -> str:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self.number.format(value)
        return _json_text(value)


@dataclass(frozen=True)
class KeyValueSerializer:
    r"""``age:39|city:SP``, or with other separators ``age is 39;city is SP``.

    What would read as the separator at the end of a name, and the first character of
    `pair_separator` anywhere, is written with a backslash; a text that would read back as a number
    or a truth value begins with ``\t``.

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
        if not self.key_value_separator or not self.pair_separator:
            raise ConfigError("a separator is empty: give at least one character")
        if "\\" in self.key_value_separator + self.pair_separator:
            raise ConfigError("a separator holds a backslash, which is the escape")

    def serialize(self, cells: Mapping[str, object]) -> SerializedRow:
        """Return the cells as ``name:value`` pairs."""
        return _join(
            cells,
            lambda name: _escape(str(name), self.pair_separator[0], self.key_value_separator),
            # A backend stops at the separator's first token: no value may hold its beginning.
            lambda value: _bare(value, self.pair_separator[0], self.number),
            "",
            self.key_value_separator,
            self.pair_separator,
            "",
        )

    def parse(self, text: str) -> dict[str, Any]:
        """Return the cells of a key-value row."""
        cells: dict[str, Any] = {}
        if not text:
            return cells
        rest, more = text, True
        while more:
            name, found, rest = _cut(rest, self.key_value_separator)
            if not found:
                raise ValueError(
                    f"{name!r} is no name and value: {self.key_value_separator!r} lacks"
                )
            value, more, rest = _cut(rest, self.pair_separator)
            _put(cells, _unescape(name), _read_bare(value, self.pair_separator[0], self.number))
        return cells


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
        return _join(
            cells,
            lambda name: _escape(str(name), "[]"),
            lambda value: _bare(value, "[]", self.number) + "]",
            "",
            "[",
            " ",
            "",
            trailing=1,
        )

    def parse(self, text: str) -> dict[str, Any]:
        """Return the cells of a bracket row."""
        cells: dict[str, Any] = {}
        rest, more = text, bool(text)
        while more:
            name, opened, rest = _cut(rest, "[")
            value, closed, rest = _cut(rest, "]")
            if not (opened and closed and rest[:1] in ("", " ")):
                raise ValueError(f"not cells in brackets with a space between them: {text!r}")
            _put(cells, _unescape(name), _read_bare(value, "[]", self.number))
            more, rest = bool(rest), rest[1:]
        return cells


SERIALIZERS: dict[str, Callable[[NumberFormat], Serializer]] = {
    "json": lambda number: JSONSerializer(number=number),
    "key-value": lambda number: KeyValueSerializer(number=number),
    "bracket": lambda number: BracketSerializer(number=number),
}


@dataclass(frozen=True)
class Pieces:
    """What stands around the cells of a row: ``open + cell + between + cell + … + close``.

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
    """Return what a serializer writes around the cells, found from one row and its spans.

    Raises
    ------
    ConfigError
        If the spans of that row are not those of its two cells; see
        `tabwidget.serializers.check.check_serializer`.

    Examples
    --------
    >>> pieces_of(JSONSerializer())
    Pieces(open='{', between=', ', close='}')
    >>> pieces_of(BracketSerializer())
    Pieces(open='', between='] ', close=']')
    """
    written = serializer.serialize({"a": "b", "c": "d"})
    if [span.column for span in written.spans] != ["a", "c"]:
        raise ConfigError(f"{serializer!r} gives no span for each cell, in order: {written!r}")
    text, (first, second) = written.text, written.spans
    return Pieces(
        open=text[: first.name[0]],
        between=text[first.value[1] : second.name[0]],
        close=text[second.value[1] :],
    )


def resolve_serializer(serializer: str | Serializer, max_decimals: int | None = 3) -> Serializer:
    """Return the serializer of that name, or the instance itself.

    Parameters
    ----------
    serializer : str or Serializer
        ``"json"``, ``"key-value"``, ``"bracket"`` or an instance.
    max_decimals : int or None, default 3
        Decimals of floats when chosen by name; an instance carries its own.
    """
    if hasattr(serializer, "serialize") and hasattr(serializer, "parse"):
        return serializer
    if not isinstance(serializer, str) or serializer not in SERIALIZERS:
        raise ConfigError(
            f"there is no serializer {serializer!r}: one of {', '.join(SERIALIZERS)}."
            + nearest(serializer, SERIALIZERS)
        )
    return SERIALIZERS[serializer](PlainNumber(max_decimals))


def _join(
    cells: Mapping[str, object],
    write_name: Callable[[object], str],
    write_value: Callable[[object], str],
    opening: str,
    between: str,
    after: str,
    closing: str,
    trailing: int = 0,
) -> SerializedRow:
    """Write the present cells in turn; `trailing` characters of a value are its delimiter."""
    text, spans = opening, list[CellSpan]()
    for column, value in cells.items():
        if is_missing(value):
            continue
        text += after if spans else ""
        name_start = len(text)
        text += write_name(column)
        name_end = len(text)
        text += between
        value_start = len(text)
        text += write_value(plain(value))
        spans.append(CellSpan(column, (name_start, name_end), (value_start, len(text) - trailing)))
    return SerializedRow(text + closing, tuple(spans))


def _json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _bare(value: object, special: str, number: NumberFormat) -> str:
    """Write a value without quotes, marked if it is a text that would read as something else."""
    if isinstance(value, bool):
        return _escape(str(value), special)
    if isinstance(value, (int, float)):
        return _escape(number.format(value), special)
    text = _escape(str(value), special)
    return text if isinstance(_read_bare(text, special, number), str) else _mark(special) + text


def _read_bare(text: str, special: str, number: NumberFormat) -> Any:
    if text.startswith(_mark(special)):
        return _unescape(text[2:])
    bare = _unescape(text)
    if bare in ("True", "False"):
        return bare == "True"
    try:
        return number.parse(bare)
    except ValueError:
        return bare


def _mark(special: str) -> str:
    """Return the escape that says "a text follows": one that `_escape` never writes."""
    return "\\" + next(c for c in "tqz~" if c not in special)


def _escape(text: str, special: str, separator: str = "") -> str:
    """Write a backslash before each `special` character, and before what reads as `separator`.

    That may begin inside `text` and end behind it, since the separator follows: ``a:`` and ``::``.
    """
    followed = text + separator
    return "".join(
        "\\" + c
        if c in special or c == "\\" or (separator and followed.startswith(separator, i))
        else c
        for i, c in enumerate(text)
    )


def _unescape(text: str) -> str:
    out, i = [], 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            i += 1
        out.append(text[i])
        i += 1
    return "".join(out)


def _put(cells: dict[str, Any], name: str, value: object) -> None:
    if name in cells:
        raise ValueError(f"{name!r} stands more than once")
    cells[name] = value


def _cut(text: str, mark: str) -> tuple[str, bool, str]:
    """Split at the first `mark` that no backslash stands before."""
    i = 0
    while i < len(text):
        if text[i] == "\\":
            i += 2
        elif text.startswith(mark, i):
            return text[:i], True, text[i + len(mark) :]
        else:
            i += 1
    return text, False, ""

"""Check that a serializer meets the protocol that the text backends require."""

from __future__ import annotations

import bisect
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

import numpy as np
import pandas as pd

from tabwidget.errors import ConfigError
from tabwidget.serializers.base import Pieces, SerializedRow, Serializer, pieces_of
from tabwidget.table.values import plain

__all__ = ["check_serializer"]

N_RANDOM = 300

NUMBERS: list[object] = [
    *(0, 1, -1, 12, 39, 10**6, 2**63, -(2**63) - 1, 10**25, np.int64(7)),
    *(0.0, -0.0, 1.0, 39.0, 0.5, 0.1, 25.7, -3.25, 123456.789, np.float64(2.5)),
    *(1e16, 1e-5, 1e300, -1e300, 1e-300, sys.float_info.max),
]
PLAIN: list[object] = [
    *("b", True, False, np.bool_(True), pd.Timestamp("2020-01-31"), np.datetime64("1999-12-31")),
    *NUMBERS,
]
# Text that parses as something else, or that a naive parser changes.
WORDS = [
    *("True", "False", "true", "false", "None", "null", "nan", "NaN", "inf", "-Infinity", "NA"),
    *("1", "12", "-1", "1.0", "1e5", "1_000", " 1", "1 ", "1 2", "1,5", "0x1f", "007", "١٢", "+1"),
    *("2020-01-31", "12:30", "São Paulo", "日本", "🙂", "e\u0301", "\u00e9", "ﬁ", "ẞ", "İ", "\r\n"),
    *("it's", '"quoted"', "\\n", "\\u0041", "&amp;", "<b>", "${x}", "%s", "{}", "[]", "()"),
]
MARKS = "\\\"'`,;:|[]{}()<>=/#&%$~^_-+. \t\n\r\x00\x1b\x7f\x85\u00a0\u2028\ufeff\ufffe0a1tTé🙂"


def check_serializer(serializer: Serializer) -> None:
    r"""Raise unless a serializer meets the protocol of `Serializer`.

    Writes and parses several thousand rows: every pair of punctuation marks and of characters that
    the serializer itself writes, text that looks like another type, large, tiny and integral
    numbers, arbitrary names, and random rows (the same at every call). Takes about a second. A
    serializer may round floats by up to 0.5, but must not change integral floats.

    Parameters
    ----------
    serializer : Serializer
        Anything with ``serialize(cells)`` and ``parse(text)``.

    Raises
    ------
    ConfigError
        Names the violated rule and an example: a row that does not read back; a span that is not
        at its name or value; a cell whose text depends on its position, on the other cells or,
        before the value, on the value; a value whose end is ambiguous, because its text and the
        text after it start another value of the column.

    Examples
    --------
    >>> from tabwidget.serializers import CellSpan, JSONSerializer
    >>> check_serializer(JSONSerializer())

    Without escapes, a value that contains a separator parses as something else:

    >>> class Lines:
    ...     def serialize(self, cells):
    ...         text, spans = "", []
    ...         for name, value in cells.items():
    ...             start = len(text)
    ...             text += f"{name}={value}\n"
    ...             middle = start + len(name)
    ...             spans.append(CellSpan(name, (start, middle), (middle + 1, len(text) - 1)))
    ...         return SerializedRow(text, tuple(spans))
    ...     def parse(self, text):
    ...         return dict(line.split("=") for line in text.splitlines())
    >>> check_serializer(Lines())
    Traceback (most recent call last):
        ...
    tabwidget.errors.ConfigError: serializer Lines does not read back: {'a': True} is 'a=True\n',
    which is read as {'a': 'True'}
    """
    _Check(serializer).run()


class _Check:
    """The check of one serializer, with its cells written one at a time."""

    def __init__(self, serializer: Serializer) -> None:
        self.serializer = serializer
        self.pieces = Pieces("", "", "")
        self.alone: dict[tuple[str, str], tuple[str, str]] = {}

    def run(self) -> None:
        """Check plain rows first, so that the first failing example is simple."""
        self.write({"a": "b", "c": "d"})
        self.pieces = pieces_of(self.serializer)
        self.write({})
        for value in PLAIN:
            self.cell("a", value)
        texts = self.texts()
        for text in texts:
            self.cell("a", text)
        self.ends("a")
        for name in texts:
            self.cell(name, "b")
            self.cell(name, 1)
        self.names(texts)
        for row in _rows(texts):
            self.row(row)

    def write(self, cells: Mapping[str, object]) -> SerializedRow:
        """Return a row as text, after checking its spans and parsing it."""
        shown = {name: plain(value) for name, value in cells.items()}
        try:
            written = self.serializer.serialize(cells)
            text, spans = written.text, written.spans
        except Exception as error:
            self.fail("cannot write a row", f"{cells!r} gives {_named(error)}", error)
        if [span.column for span in spans] != list(cells):
            self.fail(
                "must return one span per cell, in order", f"{shown} is {text!r} with {spans}"
            )
        offsets = [0, *(o for span in spans for o in (*span.name, *span.value)), len(text)]
        if offsets != sorted(offsets):
            self.fail(
                "has spans that overlap or are out of range",
                f"{shown} is {text!r} with {spans}",
            )
        try:
            back = self.serializer.parse(text)
        except Exception as error:
            self.fail(
                "cannot read a row", f"{shown} is {text!r}, which gives {_named(error)}", error
            )
        if list(back) != list(cells) or not all(_same(shown[name], back[name]) for name in cells):
            self.fail("does not read back", f"{shown} is {text!r}, which is read as {back!r}")
        again = self.serializer.serialize(back).text
        if again != text:
            self.fail(
                "is not idempotent", f"{shown} is {text!r}, which read and written is {again!r}"
            )
        return written

    def cell(self, name: str, value: object) -> tuple[str, str]:
        """Return the text of a cell up to its value, and the text of its value."""
        key = (name, repr(value))
        if key in self.alone:
            return self.alone[key]
        written = self.write({name: value})
        text, [span] = written.text, written.spans
        around = (text[: span.name[0]], text[span.value[1] :])
        if around != (self.pieces.open, self.pieces.close):
            self.fail(
                "must write the same before every first name and after every last value",
                f"{ {name: value} } is {text!r}, with {around} around its spans, "
                f"and other rows have {(self.pieces.open, self.pieces.close)}",
            )
        self.alone[key] = text[span.name[0] : span.value[0]], text[slice(*span.value)]
        before, usual = self.alone[key][0], self.cell(name, "b")[0]
        if before != usual:
            self.fail(
                "must write the same before every value of a column",
                f"before {value!r} it writes {before!r}, before 'b' {usual!r}",
            )
        return self.alone[key]

    def row(self, cells: Mapping[str, object]) -> None:
        """Fail unless a row is its cells, each as written alone, joined by `between`."""
        alone = ["".join(self.cell(name, value)) for name, value in cells.items()]
        text = self.write(cells).text
        joined = self.pieces.open + self.pieces.between.join(alone) + self.pieces.close
        if text != joined:
            self.fail(
                "must write a cell the same in any position and next to any other",
                f"{cells!r} is {text!r}, but its cells one by one are {joined!r}",
            )

    def ends(self, name: str) -> None:
        """Fail if a value followed by the text that ends it is the start of another value."""
        values = sorted({value for (column, _), (_, value) in self.alone.items() if column == name})
        # Without a closing text, a row ends with the text, which is never inside a value.
        for end in (self.pieces.between, self.pieces.close or self.pieces.between):
            for value in values:
                # In sorted order, texts with a common prefix follow that prefix.
                place = bisect.bisect_left(values, value + end) + (not end)
                if place < len(values) and values[place].startswith(value + end):
                    self.fail(
                        "must make the end of a value unambiguous",
                        f"{value!r} followed by its end {end!r} is the start of {values[place]!r}",
                    )

    def names(self, names: Sequence[str]) -> None:
        """Fail if two names have the same text, as with wrong spans of names."""
        spans: dict[str, str] = {}
        for name in names:
            written = self.serializer.serialize({name: 1})
            text = written.text[slice(*written.spans[0].name)]
            if text in spans:
                self.fail(
                    "must give each name the span of its own text",
                    f"{spans[text]!r} and {name!r} both have {text!r}",
                )
            spans[text] = name

    def texts(self) -> list[str]:
        """Return texts to try, short ones first, some of them written by the serializer itself."""
        # One mark per row, so that a failing mark is reported alone, and escapes are included.
        written = [self.write(row).text for mark in MARKS for row in ({"a": mark}, {mark: "b"})]
        row = self.write({"a": "b", "c": 1}).text
        marks = "".join(dict.fromkeys("".join(written) + row))
        pieces = [self.pieces.open, self.pieces.between, self.pieces.close, self.cell("a", "b")[0]]
        rng = random.Random(0)
        parts = [*marks, *WORDS, *pieces]
        found = ["", *marks, *(a + b for a in marks for b in marks), *WORDS, *pieces]
        found += [a + b + c for a in "bé" for b in (*pieces, row) for c in ("", "b", "1")]
        found += [_any_text(rng) for _ in range(N_RANDOM)]
        found += ["".join(rng.choices(parts, k=rng.randint(2, 12))) for _ in range(N_RANDOM)]
        return list(dict.fromkeys(found))

    def fail(self, what: str, example: str, cause: Exception | None = None) -> NoReturn:
        """Raise an error that names the serializer, the violated rule and an example."""
        kind = type(self.serializer).__name__
        raise ConfigError(f"serializer {kind} {what}: {example}") from cause


def _same(value: object, back: object) -> bool:
    """Return whether a parsed value has the same type and value, up to rounding of floats."""
    if type(value) is not type(back):
        return False
    if isinstance(value, float) and isinstance(back, float) and not value.is_integer():
        return abs(value - back) <= 0.5
    return value == back


def _rows(texts: Sequence[str]) -> Iterator[dict[str, object]]:
    """Yield random rows of two to six cells."""
    rng = random.Random(1)
    for _ in range(N_RANDOM):
        names = rng.sample(texts, rng.randint(2, 6))
        yield {name: rng.choice(rng.choice((PLAIN, texts))) for name in names}


def _any_text(rng: random.Random) -> str:
    """Return a random Unicode text, without surrogates, which files cannot contain."""
    length = rng.randint(1, 12)
    codes = [rng.choice((0x80, 0x800, 0x10000, 0x110000)) for _ in range(length)]
    codes = [rng.randrange(most) for most in codes]
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

"""The formula language: ``species | petal_length=1.4, sepal_width>3, island in {Dream, Biscoe}``.

::

    formula  := targets [ "|" evidence { "," evidence } ]
    targets  := name { "," name }
    evidence := name ("=" | "!=" | "<" | "<=" | ">" | ">=") value
              | value ("<" | "<=") name ("<" | "<=") value
              | name ["not"] "in" "{" value { "," value } "}"
              | name "in" ("[" | "(") number "," number ("]" | ")")
    name     := word | "`" anything "`"
    value    := number | 'text' | "text" | words

A set is written with braces, a range with brackets: ``x in [1, 2)`` is 1 <= x < 2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tabwidget.errors import ColumnError, ConfigError, EvidenceError, FormulaError
from tabwidget.table import Column, TableSchema, plain

__all__ = [
    "Above",
    "Below",
    "Between",
    "Evidence",
    "NoneOf",
    "OneOf",
    "Query",
    "evidence_from_json",
    "evidence_to_json",
    "parse",
]

Closed = Literal["both", "left", "right", "neither"]


class OneOf:
    """Evidence that a column has one of these values.

    Examples
    --------
    >>> OneOf("Dream", "Biscoe")
    OneOf('Dream', 'Biscoe')
    """

    def __init__(self, *values: object) -> None:
        if not values:
            raise EvidenceError(f"{type(self).__name__}() needs at least one value")
        self.values = values

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(repr(plain(v)) for v in self.values)})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.values == getattr(other, "values", None)

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.values))


class NoneOf(OneOf):
    """Evidence that a column has none of these values."""


@dataclass(frozen=True)
class Between:
    """Evidence that a number lies between two others.

    Parameters
    ----------
    low, high : float or date
        The ends.
    closed : {"both", "left", "right", "neither"}, default "both"
        Which ends belong to the range.
    """

    low: Any
    high: Any
    closed: Closed = "both"


@dataclass(frozen=True)
class Above:
    """Evidence that a number lies above `value`, which counts only if `inclusive`."""

    value: Any
    inclusive: bool = False


@dataclass(frozen=True)
class Below:
    """Evidence that a number lies below `value`, which counts only if `inclusive`."""

    value: Any
    inclusive: bool = False


Range: TypeAlias = Between | Above | Below
Evidence: TypeAlias = Any  # a plain value, OneOf, NoneOf, Between, Above or Below


def limits(evidence: Range, column: Column) -> tuple[float, float, bool, bool]:
    """Return a range as ``(low, high, low belongs, high belongs)`` on the column's number line."""
    if not column.is_number:
        raise EvidenceError(
            f"column {column.name!r} has levels, not numbers: a range has no meaning; "
            "name the levels instead (OneOf, or `in {…}` in a formula)"
        )
    if isinstance(evidence, Above):
        return column.number(evidence.value), math.inf, evidence.inclusive, False
    if isinstance(evidence, Below):
        return -math.inf, column.number(evidence.value), False, evidence.inclusive
    low, high = column.number(evidence.low), column.number(evidence.high)
    if low > high:
        raise EvidenceError(f"column {column.name!r}: the range ends ({high:g}) before it begins")
    return low, high, evidence.closed in ("both", "left"), evidence.closed in ("both", "right")


def admitted(evidence: Evidence, column: Column) -> NDArray[np.float64]:
    """Return, for each value of the column's support, the share of it that the evidence admits.

    A bin that a range cuts is admitted by the share of its width inside the range; every other
    value is admitted whole (1) or not at all (0).

    Raises
    ------
    EvidenceError
        If nothing is left.
    """
    if isinstance(evidence, OneOf):
        numbers = column.numbers(list(evidence.values))
        inside = np.isin(np.arange(len(column.support)), column.cells(numbers))
        share = (~inside if isinstance(evidence, NoneOf) else inside).astype(np.float64)
    else:
        low, high, with_low, with_high = limits(evidence, column)
        if column.edges is None:
            above = column.grid >= low if with_low else column.grid > low
            below = column.grid <= high if with_high else column.grid < high
            share = (above & below).astype(np.float64)
        else:
            left, right = column.edges[:-1], column.edges[1:]
            inside = np.minimum(right, high) - np.maximum(left, low)
            share = np.clip(inside / (right - left), 0, 1)
    if not share.any():
        low_text, high_text = plain(column.support[0]), plain(column.support[-1])
        raise EvidenceError(
            f"column {column.name!r}: no value seen in training fits {describe(column.name, evidence)}"
            + (f" (it runs from {low_text} to {high_text})" if column.is_number else "")
        )
    return share


@dataclass(frozen=True)
class Query:
    """Which columns are asked for, and what is known.

    Attributes
    ----------
    targets : tuple of str
        The columns asked for.
    given : dict of str to evidence
        A value, `OneOf`, `NoneOf`, `Between`, `Above` or `Below` for each known column.

    Examples
    --------
    >>> query = Query(("species",), {"bill": 39.1, "island": OneOf("Dream", "Biscoe")})
    >>> print(query)
    species | bill=39.1, island in {Dream, Biscoe}
    >>> print(query.to_python())
    lm.conditional("species", {"bill": 39.1, "island": OneOf("Dream", "Biscoe")})
    >>> parse(str(query)) == query
    True
    """

    targets: tuple[str, ...]
    given: dict[str, Evidence] = field(default_factory=dict)

    def __str__(self) -> str:
        left = ", ".join(_name(t) for t in self.targets)
        right = ", ".join(describe(name, evidence) for name, evidence in self.given.items())
        return f"{left} | {right}" if right else left

    def to_python(self, model: str = "lm") -> str:
        """Return the Python call that asks this of `model`."""
        given = ", ".join(f"{_quoted(k)}: {_python(v)}" for k, v in self.given.items())
        target = (
            _quoted(self.targets[0])
            if len(self.targets) == 1
            else "[" + ", ".join(_quoted(t) for t in self.targets) + "]"
        )
        return f"{model}.conditional({target}" + (f", {{{given}}})" if given else ")")

    def check(self, schema: TableSchema) -> Query:
        """Return the query with values as the schema has them.

        Raises
        ------
        ColumnError, EvidenceError
            For a column or a value that the table does not have, or a target that is also given.
        """
        for target in self.targets:
            schema.known(target)
            if target in self.given:
                raise EvidenceError(f"column {target!r} is both asked for and given")
        given = {name: _settle(e, schema.known(name)) for name, e in self.given.items()}
        return Query(self.targets, given)


def describe(name: str, evidence: Evidence) -> str:
    """Return one piece of evidence as the formula language writes it."""
    name = _name(name)
    if isinstance(evidence, OneOf):
        word = "not in" if isinstance(evidence, NoneOf) else "in"
        return f"{name} {word} {{{', '.join(_value(v) for v in evidence.values)}}}"
    if isinstance(evidence, Above):
        return f"{name}>{'=' if evidence.inclusive else ''}{_value(evidence.value)}"
    if isinstance(evidence, Below):
        return f"{name}<{'=' if evidence.inclusive else ''}{_value(evidence.value)}"
    if isinstance(evidence, Between):
        opening = "[" if evidence.closed in ("both", "left") else "("
        closing = "]" if evidence.closed in ("both", "right") else ")"
        return f"{name} in {opening}{_value(evidence.low)}, {_value(evidence.high)}{closing}"
    return f"{name}={_value(evidence)}"


def evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    """Return evidence as plain JSON, the form that travels to a browser.

    Examples
    --------
    >>> evidence_to_json(Between(1, 2))
    {'op': 'between', 'low': 1, 'high': 2, 'closed': 'both'}
    """
    if isinstance(evidence, OneOf):
        word = "not in" if isinstance(evidence, NoneOf) else "in"
        return {"op": word, "values": [plain(v) for v in evidence.values]}
    if isinstance(evidence, Between):
        low, high = plain(evidence.low), plain(evidence.high)
        return {"op": "between", "low": low, "high": high, "closed": evidence.closed}
    if isinstance(evidence, (Above, Below)):
        word = "above" if isinstance(evidence, Above) else "below"
        return {"op": word, "value": plain(evidence.value), "inclusive": evidence.inclusive}
    return {"op": "is", "value": plain(evidence)}


def evidence_from_json(data: Mapping[str, Any]) -> Evidence:
    """Return the evidence that `evidence_to_json` wrote.

    Examples
    --------
    >>> evidence_from_json({"op": "in", "values": ["a", "b"]})
    OneOf('a', 'b')
    """
    op = data.get("op")
    if op == "is":
        return data["value"]
    if op in ("in", "not in"):
        return (OneOf if op == "in" else NoneOf)(*data["values"])
    if op == "between":
        return Between(data["low"], data["high"], data.get("closed", "both"))
    if op in ("above", "below"):
        kind = Above if op == "above" else Below
        return kind(data["value"], bool(data.get("inclusive", False)))
    raise ConfigError(f"there is no evidence of kind {op!r}: is, in, not in, between, above, below")


_WORD = re.compile(r"[^\W\d][\w.]*")
_NUMBER = re.compile(r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_OPERATOR = re.compile(r"<=|>=|==|!=|=|<|>")
_BARE_END = re.compile(r"[,}\])|]|<=|>=|==|!=|=|<|>|$")


def parse(text: str, schema: TableSchema | None = None) -> Query:
    """Read a formula.

    Parameters
    ----------
    text : str
        For example ``"species | bill_length_mm=39.1, island in {Dream, Biscoe}"``.
    schema : TableSchema, optional
        Checks columns and levels, and lets names hold spaces without backticks.

    Returns
    -------
    Query
        With the values as the schema has them.

    Raises
    ------
    FormulaError
        With a caret under the place that is wrong.
    ColumnError, EvidenceError
        As `FormulaError`s too, when a schema is given: the place is known.

    Examples
    --------
    >>> parse("y | 1 < x <= 2, g in {a, b}").given
    {'x': Between(low=1, high=2, closed='right'), 'g': OneOf('a', 'b')}
    """
    return _Parser(text, schema).query()


class _Parser:
    def __init__(self, text: str, schema: TableSchema | None) -> None:
        self.text, self.schema, self.at = text, schema, 0

    def query(self) -> Query:
        targets = [self._name("a column to ask for")]
        while self._take(","):
            targets.append(self._name("a column to ask for"))
        given: dict[str, Evidence] = {}
        if self._take("|"):
            while True:
                self._skip()
                start = self.at
                name, evidence = self._evidence()
                if name in given:
                    self._fail(f"column {name!r} is given twice: write one range or set", start)
                if name in targets:
                    self._fail(f"column {name!r} is both asked for and given", start)
                given[name] = evidence
                if not self._take(","):
                    break
        self._skip()
        if self.at < len(self.text):
            self._fail("expected ',' or the end" if given else "expected '|' or the end")
        return Query(tuple(targets), given)

    def _evidence(self) -> tuple[str, Evidence]:
        start = self.at
        if self._starts_with_number():
            return self._double_bounded()
        name = self._name("a column")
        self._skip()
        negated = self._word("not")
        if self._word("in"):
            return name, self._settled(name, self._membership(negated), start)
        if negated:
            self._fail("expected 'in' after 'not'")
        operator = self._operator()
        at = self.at
        value = self._value()
        if operator in ("=", "=="):
            return name, self._settled(name, value, at)
        if operator == "!=":
            return name, self._settled(name, NoneOf(value), at)
        kind = Above if operator[0] == ">" else Below
        return name, self._settled(name, kind(value, operator.endswith("=")), at)

    def _double_bounded(self) -> tuple[str, Evidence]:
        start = self.at
        low = self._value()
        first = self._operator()
        name = self._name("a column")
        second = self._operator()
        high = self._value()
        if first[0] != second[0] or first[0] not in "<>":
            self._fail("write a range as 1 < x <= 2 (or x in [1, 2])", start)
        if first[0] == ">":
            low, high, first, second = high, low, second, first
        closed = {(True, True): "both", (True, False): "left", (False, True): "right"}
        kind: Any = closed.get((first.endswith("="), second.endswith("=")), "neither")
        return name, self._settled(name, Between(low, high, kind), start)

    def _membership(self, negated: bool) -> Evidence:
        if self._take("{"):
            values = [self._value()]
            while self._take(","):
                values.append(self._value())
            if not self._take("}"):
                self._fail("expected ',' or '}'")
            return NoneOf(*values) if negated else OneOf(*values)
        opening = "[" if self._take("[") else "(" if self._take("(") else ""
        if not opening or negated:
            self._fail("expected '{' and the values, or '[' and two numbers")
        low = self._value()
        if not self._take(","):
            self._fail("a range has two numbers: expected ','")
        high = self._value()
        closing = "]" if self._take("]") else ")" if self._take(")") else self._fail("expected ']'")
        ends = {"[]": "both", "[)": "left", "(]": "right", "()": "neither"}
        kind: Any = ends[f"{opening}{closing}"]
        return Between(low, high, kind)

    def _name(self, what: str) -> str:
        self._skip()
        start = self.at
        if self._take("`"):
            end = self.text.find("`", self.at)
            if end < 0:
                self._fail("expected the closing '`'", start)
            name, self.at = self.text[self.at : end], end + 1
        else:
            name = self._longest_known() or self._plain_word(what)
        if self.schema is not None:
            try:
                self.schema.known(name)
            except ColumnError as error:
                self._fail(str(error), start)
        return name

    def _longest_known(self) -> str:
        """Take the longest column name that stands here whole, so that spaces need no backticks."""
        found = ""
        for name in self.schema or ():
            end = self.at + len(name)
            whole = not name[-1:].isalnum() or not re.match(r"\w", self.text[end : end + 1])
            if len(name) > len(found) and self.text.startswith(name, self.at) and whole:
                found = name
        self.at += len(found)
        return found

    def _plain_word(self, what: str) -> str:
        match = _WORD.match(self.text, self.at)
        if not match:
            self._fail(f"expected {what} (a name with other characters stands in `backticks`)")
        self.at = match.end()
        return match.group()

    def _value(self) -> Any:
        self._skip()
        start = self.at
        quote = self.text[self.at : self.at + 1]
        if quote and quote in "'\"":
            return self._quoted(quote)
        end = _BARE_END.search(self.text, self.at)
        word = self.text[self.at : end.start() if end else len(self.text)].strip()
        if not word:
            self._fail("expected a value")
        self.at = start + len(word)
        if _NUMBER.fullmatch(word):
            try:
                return int(word)
            except ValueError:
                return float(word)
        return {"true": True, "false": False}.get(word.lower(), word)

    def _quoted(self, quote: str) -> str:
        start, out = self.at, []
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != quote:
            if self.text[self.at] == "\\" and self.at + 1 < len(self.text):
                self.at += 1
            out.append(self.text[self.at])
            self.at += 1
        if self.at >= len(self.text):
            self._fail(f"expected the closing {quote}", start)
        self.at += 1
        return "".join(out)

    def _operator(self) -> str:
        self._skip()
        match = _OPERATOR.match(self.text, self.at)
        if not match:
            self._fail("expected one of = != < <= > >= in")
        self.at = match.end()
        return match.group()

    def _settled(self, name: str, evidence: Evidence, at: int) -> Evidence:
        if self.schema is None:
            return evidence
        try:
            return _settle(evidence, self.schema.known(name))
        except EvidenceError as error:
            self._fail(str(error), at)

    def _starts_with_number(self) -> bool:
        match = _NUMBER.match(self.text, self.at)
        return bool(match and _OPERATOR.match(self.text[match.end() :].lstrip()))

    def _word(self, word: str) -> bool:
        self._skip()
        if re.match(rf"{word}\b", self.text[self.at :]):
            self.at += len(word)
            return True
        return False

    def _take(self, mark: str) -> bool:
        self._skip()
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def _skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _fail(self, message: str, at: int | None = None) -> Any:
        raise FormulaError(message, self.text, self.at if at is None else at)


def _settle(evidence: Evidence, column: Column) -> Evidence:
    """Return evidence with its values as the column has them, or raise `EvidenceError`."""
    if isinstance(evidence, OneOf):
        admitted(evidence, column)
        return type(evidence)(*(_settle_value(v, column) for v in evidence.values))
    if isinstance(evidence, (Between, Above, Below)):
        admitted(evidence, column)
        return evidence
    return _settle_value(evidence, column)


def _settle_value(value: object, column: Column) -> Any:
    number = column.number(value)
    return value if column.is_number else column.restore(np.array([number]))[0]


def _name(name: str) -> str:
    return name if _WORD.fullmatch(name) and name not in ("in", "not") else f"`{name}`"


def _value(value: object) -> str:
    value = plain(value)
    if isinstance(value, (bool, int, float)):
        return str(value)
    text = str(value)
    bare = (
        re.fullmatch(r"[^\W\d][\w .-]*", text) is not None
        and text == text.strip()
        and text.lower() not in ("true", "false", "nan", "inf")
    )
    return text if bare else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _python(evidence: Evidence) -> str:
    if isinstance(evidence, OneOf):
        return f"{type(evidence).__name__}({', '.join(_python(v) for v in evidence.values)})"
    if isinstance(evidence, Between):
        closed = "" if evidence.closed == "both" else f', closed="{evidence.closed}"'
        return f"Between({_python(evidence.low)}, {_python(evidence.high)}{closed})"
    if isinstance(evidence, (Above, Below)):
        inclusive = ", inclusive=True" if evidence.inclusive else ""
        return f"{type(evidence).__name__}({_python(evidence.value)}{inclusive})"
    value = plain(evidence)
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    return repr(text) if '"' in text or "\\" in text or not text.isprintable() else f'"{text}"'

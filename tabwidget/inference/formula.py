"""The formula language: ``species | petal_length=1.4, sepal_width>3, island in {Dream, Biscoe}``.

::

    formula  := targets [ "|" evidence { "," evidence } ]
    targets  := name { "," name }
    evidence := name ("=" | "!=" | "<" | "<=" | ">" | ">=") value
              | value ("<" | "<=") name ("<" | "<=") value      (or with > and >=)
              | name ["not"] "in" "{" value { "," value } "}"
              | name "in" ("[" | "(") value "," value ("]" | ")")
    name     := word | "`" anything "`"                         (an inner backtick is doubled)
    value    := number | date | 'text' | "text" | words

Braces denote a set, brackets a range: ``x in [1, 2)`` is 1 <= x < 2.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from tabwidget.errors import ColumnError, EvidenceError, FormulaError
from tabwidget.inference.admissible import ResolvedEvidence, normalize, resolve_evidence
from tabwidget.inference.evidence import WORD, Above, Below, Between, Evidence, NoneOf, OneOf
from tabwidget.inference.query import Query, ResolvedQuery
from tabwidget.table import Column, TableSchema

__all__ = ["parse", "resolve_formula"]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_OPERATOR = re.compile(r"<=|>=|==|!=|=|<|>")
_BARE_END = re.compile(r"[,{}()\[\]|]|<=|>=|==|!=|=|<|>|$")
# A token; a quote opens a text only at the start of one, unlike in `name = O'Brien`.
_TOKEN = re.compile(
    r"""`[^`]*`|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|<=|>=|==|!=|[=<>,|{}()\[\]]|[^\s=<>!,|{}()\[\]]+|!""",
    re.DOTALL,
)
_ENDS: dict[str, Any] = {"[]": "both", "[)": "left", "(]": "right", "()": "neither"}
_CLOSED: dict[tuple[bool, bool], Any] = {
    (True, True): "both",
    (True, False): "left",
    (False, True): "right",
    (False, False): "neither",
}


def parse(text: str, schema: TableSchema | None = None) -> Query:
    """Parse a formula.

    Parameters
    ----------
    text : str
        For example ``"species | bill_length_mm=39.1, island in {Dream, Biscoe}"``.
    schema : TableSchema, optional
        Validates columns and levels; with it, names with spaces need no backticks.

    Returns
    -------
    Query
        With normalized evidence if there is a schema.

    Raises
    ------
    FormulaError
        For a syntax error, or a column or level that the schema does not have. A caret marks the
        position.

    Examples
    --------
    >>> parse("y | 1 < x <= 2, g in {a, b}").given
    {'x': Between(low=1, high=2, closed='right'), 'g': OneOf('a', 'b')}
    """
    return _Parser(text, schema).query()


def resolve_formula(text: str, schema: TableSchema) -> ResolvedQuery:
    """Parse a formula and resolve its evidence; raises as `parse` does.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table import Table
    >>> schema = Table(pd.DataFrame({"x": [1, 2, 4], "y": ["a", "b", "b"]})).schema
    >>> resolve_formula("y | x > 1", schema).evidence["x"].admissible.numbers.tolist()
    [2.0, 4.0]
    """
    parser = _Parser(text, schema)
    query = parser.query()
    return ResolvedQuery(query.targets, parser.resolved, schema)


@dataclass(frozen=True)
class _Literal:
    """A value as written; its type depends on the column."""

    text: str
    quoted: bool
    at: int


class _Parser:
    """Recursive descent, one method per rule; `at` is the current position."""

    def __init__(self, text: str, schema: TableSchema | None) -> None:
        self.text, self.schema, self.at = text, schema, 0
        self.resolved: dict[str, ResolvedEvidence] = {}

    def query(self) -> Query:
        targets = [self._target([])]
        while self._take(","):
            targets.append(self._target(targets))
        given: dict[str, Evidence] = {}
        if self._take("|"):
            while True:
                self._skip()
                start = self.at
                name, evidence = self._evidence()
                if name in given:
                    self._fail(f"column {name!r} has evidence twice: write one range or set", start)
                if name in targets:
                    self._fail(
                        f"column {name!r} is both a target and evidence: leave one out", start
                    )
                given[name] = evidence
                if not self._take(","):
                    break
        self._skip()
        if self.at < len(self.text):
            self._fail("expected ',' or the end" if given else "expected '|' or the end")
        return Query(tuple(targets), given)

    def _target(self, before: list[str]) -> str:
        self._skip()
        start = self.at
        name = self._name("a target column", target=True)
        if name in before:
            self._fail(f"column {name!r} is a target twice", start)
        return name

    def _evidence(self) -> tuple[str, Evidence]:
        start = self.at
        if self._is_double_bounded():
            return self._double_bounded()
        name = self._name("a column")
        column = self._column(name)
        negated = self._word("not")
        if self._word("in"):
            return name, self._resolve(name, self._membership(column, negated), start)
        if negated:
            self._fail("expected 'in' after 'not'")
        operator = self._operator()
        self._skip()
        at = self.at
        value = self._read(self._literal(), column)
        if operator in ("=", "=="):
            return name, self._resolve(name, value, at)
        if operator == "!=":
            return name, self._resolve(name, NoneOf(value), at)
        kind = Above if operator[0] == ">" else Below
        return name, self._resolve(name, kind(value, operator.endswith("=")), at)

    def _is_double_bounded(self) -> bool:
        """Return whether two comparisons precede the next comma, as in ``1 < x <= 2``."""
        operators = []
        for token in _TOKEN.finditer(self.text, self.at):
            if token.group() in tuple(",|{}()[]"):
                break
            if _OPERATOR.fullmatch(token.group()):
                operators.append(token.group())
        return len(operators) > 1

    def _double_bounded(self) -> tuple[str, Evidence]:
        start = self.at
        low = self._literal()
        first = self._operator()
        name = self._name("a column")
        second = self._operator()
        high = self._literal()
        if first[0] != second[0] or first[0] not in "<>":
            self._fail("write a range as 1 < x <= 2 (or x in [1, 2])", start)
        if first[0] == ">":
            low, high, first, second = high, low, second, first
        column = self._column(name)
        closed = _CLOSED[first.endswith("="), second.endswith("=")]
        between = Between(self._read(low, column), self._read(high, column), closed)
        return name, self._resolve(name, between, start)

    def _membership(self, column: Column | None, negated: bool) -> Evidence:
        if self._take("{"):
            values = [self._member(column)]
            while self._take(","):
                values.append(self._member(column))
            if not self._take("}"):
                self._fail("expected ',' or '}'")
            return NoneOf(*values) if negated else OneOf(*values)
        opening = "[" if self._take("[") else "(" if self._take("(") else ""
        if not opening or negated:
            self._fail(
                "expected '{' and the values" + ("" if negated else ", or '[' and two numbers")
            )
        low = self._read(self._literal(), column)
        if not self._take(","):
            self._fail("a range has two numbers: expected ','")
        high = self._read(self._literal(), column)
        closing = "]" if self._take("]") else ")" if self._take(")") else ""
        if not closing:
            self._fail("expected ']' or ')'")
        return Between(low, high, _ENDS[opening + closing])

    def _member(self, column: Column | None) -> Any:
        """Return a value of a set, validated here so that the caret marks this value."""
        literal = self._literal()
        value = self._read(literal, column)
        if column is not None:
            try:
                normalize(value, column)
            except EvidenceError as error:
                self._fail(str(error), literal.at)
        return value

    def _name(self, what: str, *, target: bool = False) -> str:
        self._skip()
        start = self.at
        if self.text.startswith("`", start):
            name = self._backticked()
        else:
            name = self._longest_column() or self._plain_word(what)
        if self.schema is not None:
            try:
                (self.schema.target_column if target else self.schema.input_column)(name)
            except ColumnError as error:
                self._fail(str(error), start)
        return name

    def _backticked(self) -> str:
        match = re.compile(r"`((?:[^`]|``)*)`").match(self.text, self.at)
        if not match:
            self._fail("expected the closing '`'")
        self.at = match.end()
        return match.group(1).replace("``", "`")

    def _longest_column(self) -> str:
        """Consume the longest column name at this position, so that spaces need no backticks."""
        found = ""
        for name in self.schema or ():
            end = self.at + len(name)
            whole = not name[-1:].isalnum() or not re.match(r"[\w.]", self.text[end : end + 1])
            if len(name) > len(found) and self.text.startswith(name, self.at) and whole:
                found = name
        self.at += len(found)
        return found

    def _plain_word(self, what: str) -> str:
        match = WORD.match(self.text, self.at)
        if not match:
            self._fail(f"expected {what} (put a name with other characters in `backticks`)")
        self.at = match.end()
        return match.group()

    def _literal(self) -> _Literal:
        self._skip()
        start = self.at
        quote = self.text[start : start + 1]
        if quote and quote in "'\"":
            return _Literal(self._quoted(quote), True, start)
        end = _BARE_END.search(self.text, start)
        word = self.text[start : end.start() if end else len(self.text)].rstrip()
        if not word:
            self._fail('expected a value (put one with other characters in "quotes")')
        self.at = start + len(word)
        return _Literal(word, False, start)

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

    def _read(self, literal: _Literal, column: Column | None) -> Any:
        """Return the value of a literal, by the kind of the column if it is known."""
        if literal.quoted or (column is not None and column.kind == "datetime"):
            return literal.text
        value: Any = {"true": True, "false": False}.get(literal.text.lower(), literal.text)
        if _NUMBER.fullmatch(literal.text):
            value = self._number(literal)
        if column is not None and column.kind == "categorical":
            # A level such as 01234 only looks like a number.
            return value if value in column.support.tolist() else literal.text
        return value

    def _number(self, literal: _Literal) -> int | float:
        try:
            return int(literal.text)
        except ValueError:
            number = float(literal.text)
        if math.isinf(number):
            self._fail("the number is too large", literal.at)
        return number

    def _operator(self) -> str:
        self._skip()
        match = _OPERATOR.match(self.text, self.at)
        if not match:
            self._fail("expected one of = != < <= > >= in")
        self.at = match.end()
        return match.group()

    def _column(self, name: str) -> Column | None:
        return None if self.schema is None else self.schema[name]

    def _resolve(self, name: str, evidence: Evidence, at: int) -> Evidence:
        """Return normalized evidence, and keep the values it admits."""
        column = self._column(name)
        if column is None:
            return evidence
        try:
            resolved = resolve_evidence(evidence, column)
        except EvidenceError as error:
            self._fail(str(error), at)
        self.resolved[name] = resolved
        return resolved.evidence

    def _word(self, word: str) -> bool:
        self._skip()
        if re.compile(rf"{word}\b").match(self.text, self.at):
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

    def _fail(self, message: str, at: int | None = None) -> NoReturn:
        raise FormulaError(message, self.text, self.at if at is None else at)

"""The formula language: ``species | petal_length=1.4, sepal_width>3, island in {Dream, Biscoe}``.

::

    formula  := targets [ "|" evidence { "," evidence } ]
    targets  := name { "," name }
    evidence := name ("=" | "!=" | "<" | "<=" | ">" | ">=") value
              | value ("<" | "<=") name ("<" | "<=") value      (or with > and >=)
              | name ["not"] "in" "{" value { "," value } "}"
              | name "in" ("[" | "(") value "," value ("]" | ")")
    name     := word | "`" anything "`"                         (a backtick in it is doubled)
    value    := number | date | 'text' | "text" | words

A set is written with braces, a range with brackets: ``x in [1, 2)`` is 1 <= x < 2.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from tabwidget.errors import ColumnError, EvidenceError, FormulaError
from tabwidget.inference.admissible import normalize
from tabwidget.inference.evidence import WORD, Above, Below, Between, Evidence, NoneOf, OneOf
from tabwidget.inference.query import Query
from tabwidget.table import Column, TableSchema

__all__ = ["parse"]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_OPERATOR = re.compile(r"<=|>=|==|!=|=|<|>")
_BARE_END = re.compile(r"[,{}()\[\]|]|<=|>=|==|!=|=|<|>|$")
# A piece of a formula; a quote opens a text only where a piece begins, as in `name = O'Brien`.
_PIECE = re.compile(
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
        With a caret under the place that is wrong; also for a column or a level that the schema
        does not have, because the place is known.

    Examples
    --------
    >>> parse("y | 1 < x <= 2, g in {a, b}").given
    {'x': Between(low=1, high=2, closed='right'), 'g': OneOf('a', 'b')}
    """
    return _Parser(text, schema).query()


@dataclass(frozen=True)
class _Literal:
    """A value as it is written; what it means depends on the column."""

    text: str
    quoted: bool
    at: int


class _Parser:
    """Recursive descent, one method a rule; `at` is the place reached."""

    def __init__(self, text: str, schema: TableSchema | None) -> None:
        self.text, self.schema, self.at = text, schema, 0

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

    def _target(self, before: list[str]) -> str:
        self._skip()
        start = self.at
        name = self._name("a column to ask for", asked=True)
        if name in before:
            self._fail(f"column {name!r} is asked for twice", start)
        return name

    def _evidence(self) -> tuple[str, Evidence]:
        start = self.at
        if self._is_double_bounded():
            return self._double_bounded()
        name = self._name("a column")
        column = self._column(name)
        negated = self._word("not")
        if self._word("in"):
            return name, self._normalized(column, self._membership(column, negated), start)
        if negated:
            self._fail("expected 'in' after 'not'")
        operator = self._operator()
        self._skip()
        at = self.at
        value = self._read(self._literal(), column)
        if operator in ("=", "=="):
            return name, self._normalized(column, value, at)
        if operator == "!=":
            return name, self._normalized(column, NoneOf(value), at)
        kind = Above if operator[0] == ">" else Below
        return name, self._normalized(column, kind(value, operator.endswith("=")), at)

    def _is_double_bounded(self) -> bool:
        """Whether two comparisons stand before the next comma, as in ``1 < x <= 2``."""
        operators = []
        for piece in _PIECE.finditer(self.text, self.at):
            if piece.group() in tuple(",|{}()[]"):
                break
            if _OPERATOR.fullmatch(piece.group()):
                operators.append(piece.group())
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
        return name, self._normalized(column, between, start)

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
        """Return a value of a set; checked at once, so that the caret stands under this one."""
        literal = self._literal()
        value = self._read(literal, column)
        self._normalized(column, value, literal.at)
        return value

    def _name(self, what: str, *, asked: bool = False) -> str:
        self._skip()
        start = self.at
        if self.text.startswith("`", start):
            name = self._backticked()
        else:
            name = self._longest_known() or self._plain_word(what)
        if self.schema is not None:
            try:
                (self.schema.target_column if asked else self.schema.input_column)(name)
            except ColumnError as error:
                self._fail(str(error), start)
        return name

    def _backticked(self) -> str:
        match = re.compile(r"`((?:[^`]|``)*)`").match(self.text, self.at)
        if not match:
            self._fail("expected the closing '`'")
        self.at = match.end()
        return match.group(1).replace("``", "`")

    def _longest_known(self) -> str:
        """Take the longest column name that stands here whole, so that spaces need no backticks."""
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
            self._fail(f"expected {what} (a name with other characters stands in `backticks`)")
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
            self._fail('expected a value (one with other characters stands in "quotes")')
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
        """Return the value that a literal stands for in a column, or by its looks alone."""
        if literal.quoted or (column is not None and column.kind == "datetime"):
            return literal.text
        value: Any = {"true": True, "false": False}.get(literal.text.lower(), literal.text)
        if _NUMBER.fullmatch(literal.text):
            value = self._number(literal)
        if column is not None and column.kind == "categorical":
            # A level 01234 is no number, though it looks like one.
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

    def _normalized(self, column: Column | None, evidence: Evidence, at: int) -> Evidence:
        if column is None:
            return evidence
        try:
            return normalize(evidence, column)
        except EvidenceError as error:
            self._fail(str(error), at)

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

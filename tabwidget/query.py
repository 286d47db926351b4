"""Query: what is asked and what is known; evidence, how it is written, and what it admits."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tabwidget.errors import ConfigError, EvidenceError
from tabwidget.table import Column, TableSchema, plain

__all__ = [
    "Above",
    "Alternatives",
    "Below",
    "Between",
    "Evidence",
    "NoneOf",
    "OneOf",
    "Query",
    "alternatives",
    "describe",
    "evidence_from_json",
    "evidence_to_json",
    "settled",
]

Closed = Literal["both", "left", "right", "neither"]
Floats: TypeAlias = NDArray[np.float64]


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

    def __post_init__(self) -> None:
        if self.closed not in ("both", "left", "right", "neither"):
            raise EvidenceError(
                f"a range is closed on 'both', 'left', 'right' or 'neither', not {self.closed!r}"
            )


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
        given = {name: settled(e, schema.known(name)) for name, e in self.given.items()}
        return Query(self.targets, given)


@dataclass(frozen=True, eq=False)
class Alternatives:
    """What evidence admits: concrete values to condition on, each with its weight.

    Attributes
    ----------
    numbers : ndarray of float
        Values on the column's number line; the level's index for categories.
    cells : ndarray of int
        Index in the column's support that each falls on.
    share : ndarray of float, above 0
        What the predicted probability of that cell is multiplied with to weigh the alternative.
    """

    numbers: Floats
    cells: NDArray[np.int64]
    share: Floats


def alternatives(evidence: Evidence, column: Column) -> Alternatives:
    """Return what `evidence` admits of a column.

    A plain value is one alternative, also beyond the range seen in training. Of a set, each
    level or number seen is one; the numbers of a binned column weigh by density. A range admits
    each listed number inside it, or each bin that it cuts by the part of its width inside.

    Raises
    ------
    EvidenceError
        For a value the column cannot take, or if nothing is left.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table import Table
    >>> table = Table(pd.DataFrame({"x": [1, 2, 3, 4], "y": ["a", "b", "c", "c"]}))
    >>> alternatives(Between(2, 4, "left"), table.schema["x"]).numbers.tolist()
    [2.0, 3.0]
    >>> alternatives(NoneOf("a"), table.schema["y"]).cells.tolist()
    [1, 2]
    """
    if isinstance(evidence, NoneOf):
        found = _others(evidence, column)
    elif isinstance(evidence, OneOf):
        found = _members(np.unique(column.numbers(list(evidence.values))), column)
    elif isinstance(evidence, (Between, Above, Below)):
        low, high = _ends(evidence, column)
        found = _listed_in(evidence, low, high, column)
        if column.edges is not None:
            found = _overlaps(evidence, low, high, column)
    else:
        number = np.array([column.number(evidence)])
        found = Alternatives(number, column.nearest_cells(number), np.ones(1))
    if not len(found.numbers):
        _fail(evidence, column)
    return found


def _members(numbers: Floats, column: Column) -> Alternatives:
    """Return those of some numbers, each of them once, that the column can take."""
    if column.edges is None:
        cells = column.cells(numbers)
        numbers, cells = numbers[cells >= 0], cells[cells >= 0]
        return Alternatives(numbers, cells, np.ones(len(cells)))
    numbers = numbers[(numbers >= column.low) & (numbers <= column.high)]
    if column.integer:
        numbers = numbers[numbers == np.round(numbers)]
    cells = column.cells(numbers)
    return Alternatives(numbers, cells, 1 / np.diff(column.edges)[cells])


def _others(evidence: NoneOf, column: Column) -> Alternatives:
    if column.edges is not None:
        raise EvidenceError(
            f"column {column.name!r} is a number with {column.n_unique} values, and leaving out "
            f"single ones tells nothing: use a range, such as {column.name}>{column.low:g}"
        )
    named = column.cells(column.numbers(list(evidence.values)))
    return _members(np.delete(column.grid, named[named >= 0]), column)


def _ends(evidence: Range, column: Column) -> tuple[float, float]:
    """Return the ends of a range on the column's number line."""
    if not column.is_number:
        raise EvidenceError(
            f"column {column.name!r} has levels, not numbers: a range has no meaning; "
            "name the levels instead (OneOf, or `in {…}` in a formula)"
        )
    if isinstance(evidence, Above):
        return _end(evidence.value, column), math.inf
    if isinstance(evidence, Below):
        return -math.inf, _end(evidence.value, column)
    low, high = _end(evidence.low, column), _end(evidence.high, column)
    if low > high:
        raise EvidenceError(
            f"column {column.name!r}: the range ends ({plain(evidence.high)}) before it begins "
            f"({plain(evidence.low)}): swap the two"
        )
    return low, high


def _end(value: object, column: Column) -> float:
    if isinstance(value, (float, np.floating)) and math.isinf(value):
        return float(value)
    return column.number(value)


def _with_low(evidence: Range) -> bool:
    if isinstance(evidence, Between):
        return evidence.closed in ("both", "left")
    return isinstance(evidence, Above) and evidence.inclusive


def _with_high(evidence: Range) -> bool:
    if isinstance(evidence, Between):
        return evidence.closed in ("both", "right")
    return isinstance(evidence, Below) and evidence.inclusive


def _listed_in(evidence: Range, low: float, high: float, column: Column) -> Alternatives:
    grid = column.grid
    above = grid >= low if _with_low(evidence) else grid > low
    below = grid <= high if _with_high(evidence) else grid < high
    cells = np.flatnonzero(above & below)
    return Alternatives(grid[cells], cells, np.ones(len(cells)))


def _overlaps(evidence: Range, low: float, high: float, column: Column) -> Alternatives:
    assert column.edges is not None
    left, right = column.edges[:-1], column.edges[1:]
    margin = 0.0
    if column.integer:
        # A whole number stands for what is nearer to it than to any other.
        margin = 0.5
        low = np.ceil(low) - margin if _with_low(evidence) else np.floor(low) + margin
        high = np.floor(high) + margin if _with_high(evidence) else np.ceil(high) - margin
    starts, ends = np.maximum(left, low), np.minimum(right, high)
    cells = np.flatnonzero(ends > starts)
    if len(cells) or column.integer:
        starts, ends = starts[cells], ends[cells]
        numbers = np.clip(column.grid[cells], starts + margin, ends - margin)
        return Alternatives(numbers, cells, (ends - starts) / (right - left)[cells])
    # A range that meets the numbers seen in one point has no width, yet it admits the point.
    points = [low] if _with_low(evidence) else []
    points += [high] if _with_high(evidence) else []
    return _members(np.unique(points), column)


def _fail(evidence: Evidence, column: Column) -> NoReturn:
    if column.is_number:
        low, high = (
            (f"{column.low:g}", f"{column.high:g}")
            if column.kind == "numeric"
            else (plain(column.support[0]), plain(column.support[-1]))
        )
        seen = f"it runs from {low} to {high}"
        if column.edges is None:
            seen += f" in {len(column.support)} values"
    else:
        seen = f"it has {len(column.support)} levels, and all are left out"
    raise EvidenceError(
        f"column {column.name!r}: no value seen in training fits "
        f"{describe(column.name, evidence)} ({seen})"
    )


def settled(evidence: Evidence, column: Column) -> Evidence:
    """Return evidence in its simplest form, with its values as the column has them.

    A set of one value and a range that is a point are that value; an end at infinity is left
    out. Dates are ISO text, so that they can travel as JSON.

    Raises
    ------
    EvidenceError
        If the column cannot take it.
    """
    if isinstance(evidence, (OneOf, Between, Above, Below)):
        evidence = _with_finite_ends(evidence, column)
        if isinstance(evidence, Between) and evidence.closed == "both":
            low, high = _ends(evidence, column)
            if low == high:
                return _settled_value(evidence.low, column)
    if isinstance(evidence, OneOf):
        values = list(dict.fromkeys(_settled_value(v, column) for v in evidence.values))
        if len(values) == 1 and type(evidence) is OneOf:
            return values[0]
        evidence = type(evidence)(*values)
    elif isinstance(evidence, Between):
        low, high = (_settled_value(v, column) for v in (evidence.low, evidence.high))
        evidence = Between(low, high, evidence.closed)
    elif isinstance(evidence, (Above, Below)):
        evidence = type(evidence)(_settled_value(evidence.value, column), evidence.inclusive)
    else:
        return _settled_value(evidence, column)
    alternatives(evidence, column)
    return evidence


def _with_finite_ends(evidence: Evidence, column: Column) -> Evidence:
    if not isinstance(evidence, Between):
        return evidence
    low, high = _ends(evidence, column)
    if math.isinf(low) and math.isinf(high):
        raise EvidenceError(
            f"column {column.name!r}: a range without ends says nothing: leave it out"
        )
    if math.isinf(high):
        return Above(evidence.low, _with_low(evidence))
    if math.isinf(low):
        return Below(evidence.high, _with_high(evidence))
    return evidence


def _settled_value(value: object, column: Column) -> Any:
    number = column.number(value)
    if not column.is_number:
        return column.value(number)
    if isinstance(value, str) and column.kind == "numeric":
        return int(number) if number.is_integer() else number
    return plain(value) if column.kind == "numeric" else str(plain(value))


def describe(name: str, evidence: Evidence) -> str:
    """Return one piece of evidence as the formula language writes it.

    Examples
    --------
    >>> describe("bill", Between(30, 40, "left")), describe("sex", NoneOf("male"))
    ('bill in [30, 40)', 'sex!=male')
    """
    name = _name(name)
    if isinstance(evidence, NoneOf) and len(evidence.values) == 1:
        return f"{name}!={_value(evidence.values[0])}"
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

    Raises
    ------
    ConfigError
        If the JSON is no evidence.

    Examples
    --------
    >>> evidence_from_json({"op": "in", "values": ["a", "b"]})
    OneOf('a', 'b')
    """
    op = data.get("op")
    try:
        if op == "is":
            return data["value"]
        if op in ("in", "not in"):
            return (OneOf if op == "in" else NoneOf)(*data["values"])
        if op == "between":
            return Between(data["low"], data["high"], data.get("closed", "both"))
        if op in ("above", "below"):
            kind = Above if op == "above" else Below
            return kind(data["value"], bool(data.get("inclusive", False)))
    except KeyError as error:
        raise ConfigError(f"evidence of kind {op!r} lacks its {error.args[0]!r}") from None
    raise ConfigError(f"there is no evidence of kind {op!r}: is, in, not in, between, above, below")


WORD = re.compile(r"[^\W\d][\w.]*")


def _name(name: str) -> str:
    if WORD.fullmatch(name) and name not in ("in", "not"):
        return name
    return "`" + name.replace("`", "``") + "`"


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

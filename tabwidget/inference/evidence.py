"""Evidence on a column, and its formula, Python and JSON notation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tabwidget.errors import ConfigError, EvidenceError
from tabwidget.table.values import plain

__all__ = [
    "WORD",
    "Above",
    "Below",
    "Between",
    "Evidence",
    "NoneOf",
    "OneOf",
    "Range",
    "as_name",
    "as_python",
    "describe",
    "evidence_from_json",
    "evidence_to_json",
    "quoted",
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
    """Evidence that a number is between two others.

    Parameters
    ----------
    low, high : float or date
        The ends.
    closed : {"both", "left", "right", "neither"}, default "both"
        Which ends are inside the range.
    """

    low: Any
    high: Any
    closed: Closed = "both"

    def __post_init__(self) -> None:
        if self.closed not in ("both", "left", "right", "neither"):
            raise EvidenceError(
                f"closed must be 'both', 'left', 'right' or 'neither', not {self.closed!r}"
            )


@dataclass(frozen=True)
class Above:
    """Evidence that a number is above `value`, or equal to it if `inclusive`."""

    value: Any
    inclusive: bool = False


@dataclass(frozen=True)
class Below:
    """Evidence that a number is below `value`, or equal to it if `inclusive`."""

    value: Any
    inclusive: bool = False


Range: TypeAlias = Between | Above | Below
Evidence: TypeAlias = Any  # a plain value, OneOf, NoneOf, Between, Above or Below


def describe(name: str, evidence: Evidence) -> str:
    """Return evidence in the formula language.

    Examples
    --------
    >>> describe("bill", Between(30, 40, "left")), describe("sex", NoneOf("male"))
    ('bill in [30, 40)', 'sex!=male')
    """
    name = as_name(name)
    if isinstance(evidence, NoneOf) and len(evidence.values) == 1:
        return f"{name}!={_value(evidence.values[0])}"
    if isinstance(evidence, OneOf):
        word = "not in" if isinstance(evidence, NoneOf) else "in"
        return f"{name} {word} {{{', '.join(_value(v) for v in evidence.values)}}}"
    if isinstance(evidence, (Above, Below)):
        sign = ">" if isinstance(evidence, Above) else "<"
        return f"{name}{sign}{'=' if evidence.inclusive else ''}{_value(evidence.value)}"
    if isinstance(evidence, Between):
        opening = "[" if evidence.closed in ("both", "left") else "("
        closing = "]" if evidence.closed in ("both", "right") else ")"
        return f"{name} in {opening}{_value(evidence.low)}, {_value(evidence.high)}{closing}"
    return f"{name}={_value(evidence)}"


def evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    """Return evidence as JSON, as it is sent to a browser.

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
        If the JSON is not evidence.

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
        raise ConfigError(f"evidence of kind {op!r} lacks the key {error.args[0]!r}") from None
    raise ConfigError(f"there is no evidence of kind {op!r}: is, in, not in, between, above, below")


WORD = re.compile(r"[^\W\d][\w.]*")


def as_name(name: str) -> str:
    """Return a column's name in the formula language."""
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


def as_python(evidence: Evidence) -> str:
    """Return evidence as a Python expression."""
    if isinstance(evidence, OneOf):
        return f"{type(evidence).__name__}({', '.join(as_python(v) for v in evidence.values)})"
    if isinstance(evidence, Between):
        closed = "" if evidence.closed == "both" else f', closed="{evidence.closed}"'
        return f"Between({as_python(evidence.low)}, {as_python(evidence.high)}{closed})"
    if isinstance(evidence, (Above, Below)):
        inclusive = ", inclusive=True" if evidence.inclusive else ""
        return f"{type(evidence).__name__}({as_python(evidence.value)}{inclusive})"
    value = plain(evidence)
    return quoted(value) if isinstance(value, str) else repr(value)


def quoted(text: str) -> str:
    """Return text as a Python literal, in double quotes if possible."""
    return repr(text) if '"' in text or "\\" in text or not text.isprintable() else f'"{text}"'

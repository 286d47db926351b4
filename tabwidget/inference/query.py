"""Query: which columns are asked for, and what is known."""

from __future__ import annotations

from dataclasses import dataclass, field

from tabwidget.errors import EvidenceError
from tabwidget.inference.admissible import normalize
from tabwidget.inference.evidence import (
    Above,
    Below,
    Between,
    Evidence,
    NoneOf,
    OneOf,
    as_name,
    as_python,
    describe,
    quoted,
)
from tabwidget.table import TableSchema

__all__ = ["Query"]


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
    >>> from tabwidget.inference.evidence import OneOf
    >>> query = Query(("species",), {"bill": 39.1, "island": OneOf("Dream", "Biscoe")})
    >>> print(query)
    species | bill=39.1, island in {Dream, Biscoe}
    >>> print(query.to_python())
    lm.conditional("species", {"bill": 39.1, "island": OneOf("Dream", "Biscoe")})
    """

    targets: tuple[str, ...]
    given: dict[str, Evidence] = field(default_factory=dict)

    def __str__(self) -> str:
        left = ", ".join(as_name(t) for t in self.targets)
        right = ", ".join(describe(name, evidence) for name, evidence in self.given.items())
        return f"{left} | {right}" if right else left

    def to_python(self, model: str = "lm") -> str:
        """Return the Python call that asks this of `model`."""
        given = ", ".join(f"{quoted(k)}: {as_python(v)}" for k, v in self.given.items())
        target = (
            quoted(self.targets[0])
            if len(self.targets) == 1
            else "[" + ", ".join(quoted(t) for t in self.targets) + "]"
        )
        return f"{model}.conditional({target}" + (f", {{{given}}})" if given else ")")

    @property
    def imports(self) -> set[str]:
        """Names of ours that `to_python` uses."""
        found = {type(evidence) for evidence in self.given.values()}
        return {kind.__name__ for kind in found & {OneOf, NoneOf, Between, Above, Below}}

    def check(self, schema: TableSchema) -> Query:
        """Return the query with values as the schema has them.

        Raises
        ------
        ColumnError, EvidenceError
            For a column or a value that the table does not have, or a target that is also given.
        """
        for target in self.targets:
            schema.target_column(target)
            if target in self.given:
                raise EvidenceError(f"column {target!r} is both asked for and given")
        given = {name: normalize(e, schema.input_column(name)) for name, e in self.given.items()}
        return Query(self.targets, given)

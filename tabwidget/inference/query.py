"""Query: targets and evidence of one question, as written and resolved against a schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tabwidget.errors import EvidenceError
from tabwidget.inference.admissible import ResolvedEvidence, resolve_evidence
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

__all__ = ["Query", "ResolvedQuery"]


@dataclass(frozen=True)
class Query:
    """Target columns and evidence.

    Attributes
    ----------
    targets : tuple of str
        The target columns.
    given : dict of str to evidence
        A value, `OneOf`, `NoneOf`, `Between`, `Above` or `Below` for each column with evidence.

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
        """Return the equivalent Python call on `model`."""
        given = ", ".join(f"{quoted(k)}: {as_python(v)}" for k, v in self.given.items())
        target = (
            quoted(self.targets[0])
            if len(self.targets) == 1
            else "[" + ", ".join(quoted(t) for t in self.targets) + "]"
        )
        return f"{model}.conditional({target}" + (f", {{{given}}})" if given else ")")

    @property
    def imports(self) -> set[str]:
        """Names that `to_python` uses from tabwidget."""
        found = {type(evidence) for evidence in self.given.values()}
        return {kind.__name__ for kind in found & {OneOf, NoneOf, Between, Above, Below}}

    def resolve(self, schema: TableSchema) -> ResolvedQuery:
        """Return the query with normalized evidence and the values that the evidence admits.

        Raises
        ------
        ColumnError, EvidenceError
            For an unknown column, invalid evidence, or a target that also has evidence.

        Examples
        --------
        >>> import pandas as pd
        >>> from tabwidget.table import Table
        >>> schema = Table(pd.DataFrame({"x": [1, 2, 4], "y": ["a", "b", "b"]})).schema
        >>> resolved = Query(("y",), {"x": Above(1)}).resolve(schema)
        >>> resolved.evidence["x"].admissible.numbers.tolist()
        [2.0, 4.0]
        """
        for target in self.targets:
            schema.target_column(target)
            if target in self.given:
                raise EvidenceError(f"column {target!r} is both a target and evidence")
        evidence = {
            name: resolve_evidence(given, schema.input_column(name))
            for name, given in self.given.items()
        }
        return ResolvedQuery(self.targets, evidence, schema)

    def check(self, schema: TableSchema) -> Query:
        """Return the query with normalized evidence; raises as `resolve` does."""
        return self.resolve(schema).query


@dataclass(frozen=True, eq=False)
class ResolvedQuery:
    """A query resolved against a schema, ready to be marginalized.

    Attributes
    ----------
    targets : tuple of str
        The target columns.
    evidence : mapping of str to ResolvedEvidence
        Normalized evidence and the values it admits, for each column with evidence.
    schema : TableSchema
        The schema it was resolved against.
    """

    targets: tuple[str, ...]
    evidence: Mapping[str, ResolvedEvidence]
    schema: TableSchema

    @property
    def given(self) -> dict[str, Evidence]:
        """The normalized evidence by column."""
        return {name: resolved.evidence for name, resolved in self.evidence.items()}

    @property
    def query(self) -> Query:
        """The query with normalized evidence."""
        return Query(self.targets, self.given)

"""Constraints on sampled rows: evidence where possible, else rejection sampling."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget.errors import ConfigError, ConstraintError, FormulaError
from tabwidget.inference.admissible import normalize
from tabwidget.inference.evidence import Above, Below, Between, Evidence, NoneOf, OneOf, describe
from tabwidget.inference.formula import parse
from tabwidget.inference.query import Query
from tabwidget.table import Column, TableSchema

__all__ = [
    "Constraint",
    "Constraints",
    "FixedCombinations",
    "admits",
    "evidence_of",
]

Mask: TypeAlias = NDArray[np.bool_]
_TARGET = "rows\0"  # no column of a table has this name

Draw: TypeAlias = Callable[[int, dict[str, Evidence]], pd.DataFrame]


class FixedCombinations:
    """Constraint that columns occur only in combinations that the training rows have.

    Parameters
    ----------
    *columns : str
        At least two.

    Examples
    --------
    >>> FixedCombinations("city", "state")
    FixedCombinations('city', 'state')
    """

    def __init__(self, *columns: str) -> None:
        if len(set(columns)) < 2:
            raise ConfigError(f"FixedCombinations needs at least two columns, not {columns}")
        self.columns = columns

    def __repr__(self) -> str:
        return f"FixedCombinations({', '.join(map(repr, self.columns))})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FixedCombinations) and self.columns == other.columns

    def __hash__(self) -> int:
        return hash(self.columns)


# A mapping of columns to evidence, the same as a formula, combinations, or a predicate of rows.
Constraint: TypeAlias = (
    Mapping[str, Evidence] | str | FixedCombinations | Callable[[pd.DataFrame], Any]
)


@dataclass
class _Check:
    """A constraint that rejects rows, and its counts."""

    name: str
    passes: Callable[[pd.DataFrame], Mask]
    passed: int = 0
    tried: int = 0

    def __call__(self, rows: pd.DataFrame) -> Mask:
        mask = self.passes(rows)
        self.passed += int(mask.sum())
        self.tried += len(rows)
        return mask

    def __str__(self) -> str:
        share = self.passed / max(self.tried, 1)
        return f"{self.name} (passed by {share:.1%} of {self.tried} rows)"


class Constraints:
    """Constraints on the rows of one table, checked.

    Parameters
    ----------
    constraints : sequence of constraint
        Of any of these forms:

        - a mapping of columns to evidence, ``{"mass": Above(3000), "island": "Dream"}``;
        - the same as a formula, ``"mass>3000, island=Dream"``;
        - `FixedCombinations`;
        - a function from a DataFrame of rows to a boolean per row: whether it is allowed.
    schema : TableSchema
        The table's schema.
    rows : DataFrame, optional
        Training rows, for `FixedCombinations`.

    Raises
    ------
    ConfigError
        For any other form.
    ColumnError, EvidenceError, FormulaError
        For a column that the model ignores, or a value that it cannot have.

    Examples
    --------
    >>> from tabwidget.table import Table
    >>> frame = pd.DataFrame({"low": [1.0, 2.0, 3.0], "high": [2.0, 4.0, 9.0]})
    >>> def low_below_high(rows):
    ...     return rows["low"] < rows["high"]
    >>> rules = Constraints([{"high": Above(2)}, low_below_high], Table(frame).schema)
    >>> rules.satisfied(frame).tolist()
    [False, True, True]
    """

    def __init__(
        self,
        constraints: Sequence[Constraint],
        schema: TableSchema,
        rows: pd.DataFrame | None = None,
    ) -> None:
        if isinstance(constraints, (str, Mapping, FixedCombinations)) or callable(constraints):
            raise ConfigError(f"constraints must be a list, such as [{constraints!r}]")
        self.schema = schema
        self._evidence: list[tuple[str, Evidence]] = []
        self._checks: list[tuple[str, Callable[[pd.DataFrame], Mask]]] = []
        for place, constraint in enumerate(constraints):
            if isinstance(constraint, (str, Mapping)):
                self._evidence += evidence_of(constraint, schema).items()
            elif isinstance(constraint, FixedCombinations):
                self._checks.append((repr(constraint), _seen(constraint, schema, rows)))
            elif callable(constraint):
                name = f"constraints[{place}] ({_name_of(constraint)})"
                self._checks.append((name, _predicate(constraint, name)))
            else:
                raise ConfigError(
                    f"constraints[{place}] is {constraint!r}: give a mapping of columns to "
                    "evidence, a formula, FixedCombinations, or a function of a DataFrame"
                )

    def satisfied(self, rows: pd.DataFrame) -> Mask:
        """Return which rows satisfy all constraints."""
        mask = np.ones(len(rows), dtype=bool)
        for name, evidence in self._evidence:
            mask &= admits(evidence, rows[name], self.schema[name])
        for _, passes in self._checks:
            mask &= passes(rows)
        return mask

    def draw(
        self, n: int, draw: Draw, condition: Mapping[str, Evidence], *, max_tries: int
    ) -> pd.DataFrame:
        """Sample rows that satisfy the condition and all constraints.

        The first evidence on a column is conditioned on; rows that violate the rest are rejected.
        Both together sample from the distribution given all of it.

        Parameters
        ----------
        n : int
            Number of rows.
        draw : callable
            ``draw(n, evidence)`` returns rows that satisfy the evidence.
        condition : mapping of str to evidence
            Evidence, in addition to the constraints.
        max_tries : int
            Maximum rows sampled in total.

        Raises
        ------
        ConstraintError
            If too few rows pass; names the constraint that the fewest pass, and their share.
        """
        conditions, checks = dict(condition), [_Check(*check) for check in self._checks]
        for name, evidence in self._evidence:
            if name not in conditions:
                conditions[name] = evidence
            elif conditions[name] != evidence:
                checks.append(_Check(*self._check_of(name, evidence)))
        kept: list[pd.DataFrame] = []
        found, tried, wanted = 0, 0, n
        while True:
            count = min(wanted, max_tries - tried)
            rows = draw(count, conditions)
            mask = np.ones(len(rows), dtype=bool)
            for check in checks:
                mask &= check(rows)
            kept.append(rows[mask])
            found, tried = found + int(mask.sum()), tried + count
            if found >= n:
                return pd.concat(kept)[:n].reset_index(drop=True)
            if tried >= max_tries:
                raise _too_few(n, found, tried, checks)
            # 10 % more than the acceptance rate suggests, so that one more round is enough.
            wanted = int(np.ceil(1.1 * (n - found) / max(found / tried, 0.01)))

    def _check_of(
        self, name: str, evidence: Evidence
    ) -> tuple[str, Callable[[pd.DataFrame], Mask]]:
        column = self.schema[name]
        return describe(name, evidence), lambda rows: admits(evidence, rows[name], column)


def evidence_of(
    condition: Mapping[str, Evidence] | str | None, schema: TableSchema
) -> dict[str, Evidence]:
    """Return a condition as checked evidence by column.

    Parameters
    ----------
    condition : mapping of str to evidence, str or None
        A str is the evidence of a formula: ``"island in {Dream}, mass>4000"``.
    schema : TableSchema
        The table's schema.

    Raises
    ------
    ColumnError, EvidenceError, FormulaError
        For a column that the model ignores, or a value that it cannot have.

    Examples
    --------
    >>> from tabwidget.table import Table
    >>> schema = Table(pd.DataFrame({"x": [1, 2, 3]})).schema
    >>> evidence_of("x >= 2", schema)
    {'x': Above(value=2, inclusive=True)}
    """
    if condition is None:
        return {}
    if isinstance(condition, Mapping):
        return Query((), {**condition}).check(schema).given
    if not isinstance(condition, str):
        raise ConfigError(
            f'a condition must be a mapping {{"column": value}} or a formula, not {condition!r}'
        )
    if not condition.strip():
        return {}
    # A formula needs a target: a column that no table has.
    target = replace(next(iter(schema.values())), name=_TARGET, role="feature")
    prefix = f"`{_TARGET}` | "
    try:
        query = parse(prefix + condition, TableSchema([*schema.values(), target]))
    except FormulaError as error:
        at = max(error.position - len(prefix), 0)
        raise FormulaError(error.message, condition, at) from None
    return query.given


def admits(evidence: Evidence, cells: pd.Series, column: Column) -> Mask:
    """Return which cells satisfy the evidence; a missing cell never does.

    Examples
    --------
    >>> from tabwidget.table import Table
    >>> cells = pd.Series([1.0, 2.0, None])
    >>> column = Table(cells.to_frame("x")).schema["x"]
    >>> admits(Above(1), cells, column).tolist()
    [False, True, False]
    """
    numbers = column.numbers(cells)
    evidence = normalize(evidence, column)
    if isinstance(evidence, OneOf):
        named = np.isin(numbers, column.numbers(list(evidence.values)))
        return np.isfinite(numbers) & ~named if isinstance(evidence, NoneOf) else named
    if isinstance(evidence, Between):
        low = numbers >= column.number(evidence.low)
        high = numbers <= column.number(evidence.high)
        if evidence.closed in ("right", "neither"):
            low &= numbers != column.number(evidence.low)
        if evidence.closed in ("left", "neither"):
            high &= numbers != column.number(evidence.high)
        return low & high
    if isinstance(evidence, Above):
        end = column.number(evidence.value)
        return numbers >= end if evidence.inclusive else numbers > end
    if isinstance(evidence, Below):
        end = column.number(evidence.value)
        return numbers <= end if evidence.inclusive else numbers < end
    return numbers == column.number(evidence)


def _seen(
    constraint: FixedCombinations, schema: TableSchema, rows: pd.DataFrame | None
) -> Callable[[pd.DataFrame], Mask]:
    """Return a check that the combinations of rows occur in the training rows."""
    columns = [schema.target_column(name) for name in constraint.columns]
    if rows is None:
        raise ConfigError(
            f"{constraint!r} needs the training rows, which a loaded model does not have: "
            "fit it again"
        )

    def combinations(frame: pd.DataFrame) -> pd.MultiIndex:
        return pd.MultiIndex.from_arrays([c.numbers(frame[c.name]) for c in columns])

    seen = combinations(rows.dropna(subset=list(constraint.columns))).unique()
    return lambda frame: np.asarray(combinations(frame).isin(seen))


def _predicate(
    function: Callable[[pd.DataFrame], Any], name: str
) -> Callable[[pd.DataFrame], Mask]:
    def passes(rows: pd.DataFrame) -> Mask:
        found = pd.Series(np.asarray(function(rows), dtype="object"))
        held = pd.api.types.infer_dtype(found, skipna=True)
        if len(found) != len(rows) or held not in ("boolean", "empty"):
            raise ConfigError(
                f"{name} returned {len(found)} values of type {held} for {len(rows)} rows: "
                "return True or False for each row"
            )
        return np.asarray(found.fillna(False), dtype=bool)

    return passes


def _name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _too_few(n: int, found: int, tried: int, checks: Sequence[_Check]) -> ConstraintError:
    strictest = min(checks, key=lambda check: check.passed)
    return ConstraintError(
        f"only {found} of {n} rows in {tried} tries satisfy all constraints "
        f"({found / tried:.2%}). The strictest is {strictest}: loosen it, write it as evidence on "
        "a column if possible, or raise max_attempts"
    )

"""Marginalize: evidence as weighted rows of single values, which a backend can read.

A value is one cell. A set or a range S expands to one row per value that it admits, weighted by
the probability that the backend predicts for it:

    p(A | B in S) = sum over b in S of p(b) p(A | b) / p(S)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tabwidget._typing import Floats, Ints
from tabwidget.inference.admissible import AdmissibleValues, admits_everything
from tabwidget.inference.query import ResolvedQuery
from tabwidget.table import TableSchema

__all__ = ["WeightedRows", "expand", "marginalize"]

Predict = Callable[[Floats, Ints], Floats]

NEGLIGIBLE = 1e-4  # total weight per query of the lightest rows, which are dropped
MAX_ROWS = 4096  # per query; the heaviest are kept


@dataclass(frozen=True)
class WeightedRows:
    """Rows of one or more queries, with weights.

    Attributes
    ----------
    rows : ndarray of shape (n, width of a row)
        Evidence as floats, NaN where there is none.
    weights : ndarray of shape (n,)
        They sum to one per query.
    owner : ndarray of shape (n,), increasing
        Index of the query that each row belongs to.
    """

    rows: Floats
    weights: Floats
    owner: Ints

    def total(self, values: Floats) -> Floats:
        """Return the weighted sum of `values`, given one per row, over the rows of each query."""
        starts = np.flatnonzero(np.diff(self.owner, prepend=-1))
        weighted = values * (self.weights if values.ndim == 1 else self.weights[:, None])
        return np.add.reduceat(weighted, starts, axis=0)

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return one row per query, sampled by weight."""
        cumulative = np.cumsum(self.weights)
        n = int(self.owner[-1]) + 1
        # Weights sum to one per query, so query i owns the interval from i to i + 1.
        index = np.searchsorted(cumulative, np.arange(n) + rng.random(n))
        first = np.searchsorted(self.owner, np.arange(n))
        last = np.searchsorted(self.owner, np.arange(n), side="right") - 1
        return self.rows[np.clip(index, first, last)]


def marginalize(
    queries: Sequence[ResolvedQuery], schema: TableSchema, predict: Predict
) -> WeightedRows:
    """Return the weighted rows of several queries.

    Parameters
    ----------
    queries : sequence of ResolvedQuery
        Queries resolved against `schema`.
    schema : TableSchema
        Schema of the fitted table.
    predict : callable
        ``predict(rows, columns)`` returns the probabilities of one column per row, over its
        support.
    """
    rows = np.full((len(queries), schema.width), np.nan)
    expansions: dict[int, dict[int, AdmissibleValues]] = {}
    for name in dict.fromkeys(name for query in queries for name in query.evidence):
        column, positions = schema.input_column(name), schema.positions(name)
        found = {i: q.evidence[name] for i, q in enumerate(queries) if name in q.evidence}
        if column.role == "evidence":
            texts = [resolved.evidence for resolved in found.values()]
            rows[list(found), positions] = column.inputs(texts)
            continue
        index = positions.start
        several = {}
        for i, resolved in found.items():
            admissible = resolved.admissible
            if admissible is None:
                rows[i, index] = resolved.number
            elif admits_everything(resolved.evidence, column, admissible):
                continue
            elif column.edges is None and len(admissible.codes) == 1:
                rows[i, index] = admissible.numbers[0]
            else:
                several[i] = admissible
        if several:
            expansions[index] = several
    weighted = WeightedRows(rows, np.ones(len(rows)), np.arange(len(queries)))
    for index, admissible_of in expansions.items():
        weighted = expand(weighted, index, admissible_of, predict)
    return weighted


def expand(
    weighted: WeightedRows,
    index: int,
    admissible_of: Mapping[int, AdmissibleValues],
    predict: Predict,
) -> WeightedRows:
    """Replace each row of the queries in `admissible_of` by one row per admissible value.

    Rows of negligible weight are dropped.

    Parameters
    ----------
    weighted : WeightedRows
        Rows without a value of the column.
    index : int
        Position of the column in a row.
    admissible_of : mapping of int to AdmissibleValues
        By index of the query.
    predict : callable
        As in `marginalize`.
    """
    touched = np.isin(weighted.owner, list(admissible_of))
    predicted = predict(weighted.rows[touched], np.full(int(touched.sum()), index))
    counts = np.ones(len(weighted.rows), dtype=np.int64)
    counts[touched] = [len(admissible_of[i].numbers) for i in weighted.owner[touched].tolist()]
    source = np.arange(len(weighted.rows)).repeat(counts)
    rows, weights, owner = weighted.rows[source], weighted.weights[source], weighted.owner[source]
    copies = np.split(np.arange(len(source)), counts.cumsum()[:-1])
    for probabilities, row in zip(predicted, np.flatnonzero(touched).tolist(), strict=True):
        admissible, at = admissible_of[int(weighted.owner[row])], copies[row]
        rows[at, index] = admissible.numbers
        weights[at] *= probabilities[admissible.codes] * admissible.share
    return _prune(WeightedRows(rows, weights, owner))


def _prune(weighted: WeightedRows) -> WeightedRows:
    """Drop rows of negligible weight and normalize the weights of each query."""
    kept, weights = np.zeros(len(weighted.rows), dtype=bool), weighted.weights.copy()
    starts = np.flatnonzero(np.diff(weighted.owner, prepend=-1))
    for part in np.split(np.arange(len(weights)), starts[1:]):
        total = weights[part].sum()
        # Evidence of probability 0 has no conditional distribution: its values weigh the same.
        weights[part] = weights[part] / total if total > 0 else 1 / len(part)
        heaviest = part[np.argsort(-weights[part])[:MAX_ROWS]]
        before = weights[heaviest].cumsum() - weights[heaviest]
        heaviest = heaviest[before < 1 - NEGLIGIBLE]
        kept[heaviest] = True
        weights[heaviest] /= weights[heaviest].sum()
    return WeightedRows(weighted.rows[kept], weights[kept], weighted.owner[kept])

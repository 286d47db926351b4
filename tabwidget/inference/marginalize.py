"""WeightedRows: what is known, as weighted rows of plain cells that a backend can read.

A value is a cell. A set or a range is every cell it admits, each in a row of its own, weighted by
the probability the backend gives it. What a backend says of the rows, summed by weight, is what it
says of the evidence: p(A | B in S) = sum over b in S of p(b) p(A | b) / p(S).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tabwidget._typing import Floats
from tabwidget.inference.admissible import AdmissibleValues, admissible_values, admits_everything
from tabwidget.inference.evidence import Above, Below, Between, Evidence, OneOf
from tabwidget.table import TableSchema

__all__ = ["WeightedRows", "marginalize"]

Predict = Callable[[Floats, NDArray[np.int64]], Floats]

NEGLIGIBLE = 1e-4  # of a question's whole weight; the lightest rows, up to so much, are dropped
MAX_ROWS = 4096  # a question; the heaviest are kept


@dataclass(frozen=True)
class WeightedRows:
    """Weighted rows.

    Attributes
    ----------
    rows : ndarray of shape (n, width of a row)
        Known cells as numbers, NaN where unknown.
    weights : ndarray of shape (n,)
        Those of one question sum to one.
    owner : ndarray of shape (n,), increasing
        The question that each row belongs to.
    """

    rows: Floats
    weights: Floats
    owner: NDArray[np.int64]

    def total(self, values: Floats) -> Floats:
        """Return the weighted sum of `values`, one a row, over each question's rows."""
        starts = np.flatnonzero(np.diff(self.owner, prepend=-1))
        weighted = values * (self.weights if values.ndim == 1 else self.weights[:, None])
        return np.add.reduceat(weighted, starts, axis=0)

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return one row a question, drawn by weight."""
        cumulative = np.cumsum(self.weights)
        n = int(self.owner[-1]) + 1
        # Weights of a question sum to one, so question i owns the stretch from i to i + 1.
        index = np.searchsorted(cumulative, np.arange(n) + rng.random(n))
        first = np.searchsorted(self.owner, np.arange(n))
        last = np.searchsorted(self.owner, np.arange(n), side="right") - 1
        return self.rows[np.clip(index, first, last)]


def marginalize(
    questions: Sequence[Mapping[str, Evidence]], schema: TableSchema, predict: Predict
) -> WeightedRows:
    """Return the contexts of several questions.

    Parameters
    ----------
    questions : sequence of mapping of str to evidence
        What is known in each.
    schema : TableSchema
        Of the table that was learned.
    predict : callable
        ``predict(rows, columns)`` returns the probabilities of one column a row, over its support.

    Raises
    ------
    ColumnError, EvidenceError
        For a column that takes no part, or evidence that it cannot take.
    """
    rows = np.full((len(questions), schema.width), np.nan)
    spread: dict[int, dict[int, AdmissibleValues]] = {}
    for name in dict.fromkeys(name for question in questions for name in question):
        column, places = schema.input_column(name), schema.positions(name)
        given = {i: question[name] for i, question in enumerate(questions) if name in question}
        if column.role == "evidence":
            rows[list(given), places] = column.inputs(list(given.values()))
            continue
        index = places.start
        plain = [i for i, evidence in given.items() if not _is_spread(evidence)]
        if len(plain) == 1:
            rows[plain, index] = column.number(given[plain[0]])
        else:
            rows[plain, index] = column.numbers([given[i] for i in plain])
        wide = {}
        for i, evidence in given.items():
            if not _is_spread(evidence):
                continue
            admitted = admissible_values(evidence, column)
            if admits_everything(evidence, column, admitted):
                continue
            if column.edges is None and len(admitted.codes) == 1:
                rows[i, index] = admitted.numbers[0]
            else:
                wide[i] = admitted
        if wide:
            spread[index] = wide
    owner = np.arange(len(questions))
    contexts = WeightedRows(rows, np.ones(len(rows)), owner)
    for index, admits in spread.items():
        contexts = _expanded(contexts, index, admits, predict)
    return contexts


def _is_spread(evidence: Evidence) -> bool:
    return isinstance(evidence, (OneOf, Between, Above, Below))


def _expanded(
    contexts: WeightedRows,
    index: int,
    found: Mapping[int, AdmissibleValues],
    predict: Predict,
) -> WeightedRows:
    """Replace each row of the questions in `found` by one for each cell its evidence admits."""
    touched = np.isin(contexts.owner, list(found))
    predicted = predict(contexts.rows[touched], np.full(int(touched.sum()), index))
    counts = np.ones(len(contexts.rows), dtype=np.int64)
    counts[touched] = [len(found[i].numbers) for i in contexts.owner[touched].tolist()]
    source = np.arange(len(contexts.rows)).repeat(counts)
    rows, weights, owner = contexts.rows[source], contexts.weights[source], contexts.owner[source]
    places = np.split(np.arange(len(source)), counts.cumsum()[:-1])
    for probabilities, row in zip(predicted, np.flatnonzero(touched).tolist(), strict=True):
        choice, at = found[int(contexts.owner[row])], places[row]
        rows[at, index] = choice.numbers
        weights[at] *= probabilities[choice.codes] * choice.share
    return _pruned(WeightedRows(rows, weights, owner))


def _pruned(contexts: WeightedRows) -> WeightedRows:
    """Drop rows of negligible weight, and let the weights of each question sum to one."""
    kept, weights = np.zeros(len(contexts.rows), dtype=bool), contexts.weights.copy()
    starts = np.flatnonzero(np.diff(contexts.owner, prepend=-1))
    for part in np.split(np.arange(len(weights)), starts[1:]):
        total = weights[part].sum()
        # Evidence that the model holds for impossible tells nothing: all of it counts alike.
        weights[part] = weights[part] / total if total > 0 else 1 / len(part)
        heaviest = part[np.argsort(-weights[part])[:MAX_ROWS]]
        before = weights[heaviest].cumsum() - weights[heaviest]
        heaviest = heaviest[before < 1 - NEGLIGIBLE]
        kept[heaviest] = True
        weights[heaviest] /= weights[heaviest].sum()
    return WeightedRows(contexts.rows[kept], weights[kept], contexts.owner[kept])

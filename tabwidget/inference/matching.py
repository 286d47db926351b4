"""Matching: the rows of a table that satisfy evidence, and their shares of a target's support."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget._typing import Bools, Floats, Ints
from tabwidget.errors import EvidenceError
from tabwidget.inference.admissible import ResolvedEvidence, within
from tabwidget.inference.evidence import Range
from tabwidget.table import Column, TableSchema

__all__ = ["Matching", "RowMatcher"]


@dataclass(frozen=True, eq=False)
class Matching:
    """What the rows themselves say to a question: those that match, counted by the target's value.

    Attributes
    ----------
    n_rows : int
        Rows of the table.
    n_matching : int
        Rows that match the evidence.
    counts : ndarray of int
        Matching rows with each value of the target's support, in the shape of the answer's
        probabilities; rows without a value are not counted.

    Examples
    --------
    >>> found = Matching(n_rows=10, n_matching=5, counts=np.array([1, 3]))
    >>> found.shares.tolist()
    [0.25, 0.75]
    >>> low, high = found.interval(0.9)
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.06, 0.36], [0.64, 0.94])
    """

    n_rows: int
    n_matching: int
    counts: Ints

    @property
    def shares(self) -> Floats | None:
        """The share of each value among the matching rows; None if none of them has a value."""
        total = int(self.counts.sum())
        return self.counts / total if total else None

    def interval(self, level: float = 0.9) -> tuple[Floats, Floats] | None:
        """Return Wilson's score interval of each share: its lower and upper ends.

        Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927; in
        the closed form of Brown, Cai and DasGupta, "Interval Estimation for a Binomial
        Proportion", 2001.

        Parameters
        ----------
        level : float, default 0.9
            Confidence level of each interval, above 0 and below 1.

        Returns
        -------
        tuple of two ndarrays, or None
            None if no matching row has a value.
        """
        if not 0 < level < 1:
            raise EvidenceError(f"level={level!r} is no confidence level: give a number in (0, 1)")
        shares, total = self.shares, int(self.counts.sum())
        if shares is None:
            return None
        z = NormalDist().inv_cdf((1 + level) / 2)
        scale = 1 / (1 + z**2 / total)
        middle = scale * (shares + z**2 / (2 * total))
        half = scale * z * np.sqrt(shares * (1 - shares) / total + z**2 / (4 * total**2))
        # The ends are 0 and 1 where all rows agree, but for rounding.
        low = np.where(self.counts == 0, 0.0, middle - half)
        return low, np.where(self.counts == total, 1.0, middle + half)


class RowMatcher:
    """Finds the rows of a frame that match evidence.

    A cell matches as the model conditions: its value, or the bin of its value, is the one that the
    evidence admits; where a range cuts through a bin, the cell's number decides. A missing cell
    matches no evidence. Cells are read once per column, when it is first asked for.

    Parameters
    ----------
    frame : DataFrame
        The rows.

    Examples
    --------
    >>> from tabwidget.inference.evidence import Above
    >>> from tabwidget.inference.query import Query
    >>> from tabwidget.table import Table
    >>> table = Table(pd.DataFrame({"x": [1, 2, 2, None], "y": ["a", "b", "a", "b"]}))
    >>> query = Query(("y",), {"x": Above(1)}).resolve(table.schema)
    >>> matcher = RowMatcher(table.frame)
    >>> matcher.mask(query.schema, query.evidence).tolist()
    [False, True, True, False]
    >>> matcher.count([table.schema["y"]], query.schema, query.evidence).shares.tolist()
    [0.5, 0.5]
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        # By name, with the column that they belong to: a schema that has grown has others.
        self._codes: dict[str, tuple[Column, NDArray[Any]]] = {}
        self._numbers: dict[str, tuple[Column, Floats]] = {}
        self._texts: dict[str, tuple[Ints, pd.Index]] = {}

    def mask(self, schema: TableSchema, evidence: Mapping[str, ResolvedEvidence]) -> Bools:
        """Return which rows match the evidence on every column."""
        found = np.ones(len(self._frame), dtype=bool)
        for name, resolved in evidence.items():
            found &= self._matches(schema[name], resolved)
        return found

    def count(
        self,
        targets: Sequence[Column],
        schema: TableSchema,
        evidence: Mapping[str, ResolvedEvidence],
    ) -> Matching:
        """Return the matching rows, counted by the values of one or more targets.

        Parameters
        ----------
        targets : sequence of Column
            The targets; the counts have an axis for each.
        schema : TableSchema
            The schema that the evidence was resolved against.
        evidence : mapping of str to ResolvedEvidence
            As in `ResolvedQuery.evidence`.
        """
        coded = [self._coded(column) for column in targets]
        n_matching = len(self._frame)
        if evidence:
            mask = self.mask(schema, evidence)
            n_matching = int(mask.sum())
            coded = [codes[mask] for codes in coded]
        # Missing cells have the code -1: counted in the first place of each axis, and left out.
        shape = [len(column.support) + 1 for column in targets]
        flat = np.ravel_multi_index(tuple(codes + 1 for codes in coded), shape)
        counts = np.bincount(flat, minlength=math.prod(shape)).reshape(shape)
        return Matching(len(self._frame), n_matching, counts[(slice(1, None),) * len(shape)])

    def _matches(self, column: Column, resolved: ResolvedEvidence) -> Bools:
        evidence, admissible = resolved.evidence, resolved.admissible
        if column.role == "evidence":
            codes, texts = self._text_codes(column)
            return codes == texts.get_indexer(pd.Index([evidence]))[0]
        if isinstance(evidence, Range) and column.edges is not None:
            return within(evidence, column, self._numbered(column))
        codes = self._coded(column)
        if admissible is None:
            (code,) = column.nearest_codes(np.array([resolved.number]))
            return codes == codes.dtype.type(code)
        # Missing cells have the code -1: the last place.
        admitted = np.zeros(len(column.support) + 1, dtype=bool)
        admitted[admissible.codes] = True
        return admitted[codes.astype(np.intp)]

    def _coded(self, column: Column) -> NDArray[Any]:
        """Return the support index of each cell, in the smallest type; -1 where it is missing."""
        known = self._codes.get(column.name)
        if known is None or known[0] is not column:
            # With one more for the place of missing cells.
            size = len(column.support)
            dtype = next(t for t in (np.int8, np.int16, np.int32) if size <= np.iinfo(t).max)
            codes = column.codes(column.numbers(self._frame[column.name])).astype(dtype)
            known = self._codes[column.name] = column, codes
        return known[1]

    def _numbered(self, column: Column) -> Floats:
        known = self._numbers.get(column.name)
        if known is None or known[0] is not column:
            known = self._numbers[column.name] = column, column.numbers(self._frame[column.name])
        return known[1]

    def _text_codes(self, column: Column) -> tuple[Ints, pd.Index]:
        """Return a number for each text of a free-text column, and the texts by number."""
        if column.name not in self._texts:
            cells = self._frame[column.name]
            codes, texts = pd.factorize(cells.where(cells.isna(), cells.astype(str)))
            # Missing cells are unlike any text, also one that no row has.
            self._texts[column.name] = np.where(codes < 0, -2, codes), pd.Index(texts)
        return self._texts[column.name]

"""TableEncoding: the cells of a table as the in-context model reads them, once for all targets.

Shapes: R rows, F features: one per target column, then one per dimension of a text's embedding.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ndtri

from tabwidget._typing import Floats, Ints
from tabwidget.backends.pretrained.features import N_BINS, Cells
from tabwidget.table import Column

__all__ = ["Ranking", "TableEncoding"]

MAX_LEVEL_BINS = 256  # of a column of levels; rarer levels share the last


@dataclass(frozen=True)
class Ranking:
    """The sorted numbers of one feature, which ranks and normal scores refer to.

    Attributes
    ----------
    ordered : ndarray of float, increasing
        The known numbers.

    Examples
    --------
    >>> Ranking(np.array([1.0, 2.0, 2.0, 9.0])).ranks(np.array([0.0, 2.0, 5.0])).tolist()
    [0.125, 0.5, 0.75]
    """

    ordered: Floats

    def ranks(self, numbers: Floats) -> Floats:
        """Return the share of the known numbers below each number, ties counted by half."""
        below = np.searchsorted(self.ordered, numbers, side="left")
        up_to = np.searchsorted(self.ordered, numbers, side="right")
        return self._inside((below + up_to) / 2)

    def scores_of_cuts(self, cuts: Floats) -> Floats:
        """Return the normal scores of cuts; a number equal to a cut is above it."""
        scores: Floats = ndtri(self._inside(np.searchsorted(self.ordered, cuts, side="left")))
        return scores

    def _inside(self, counts: Floats | Ints) -> Floats:
        """Return counts as shares, half a row away from 0 and 1 at least."""
        n = max(1, len(self.ordered))
        return np.clip(counts / n, 0.5 / n, 1 - 0.5 / n)


class TableEncoding:
    """Encodes rows by the ranks and levels of a table's rows.

    Parameters
    ----------
    columns : sequence of Column
        The inputs of the table's schema.
    rows : ndarray of shape (n_rows, F)
        The table's rows as `TableSchema.rows` returns them.

    Attributes
    ----------
    owner : ndarray of int of shape (F,)
        Column of each feature.
    rows : ndarray of shape (n_rows, F)
        The rows.
    known : ndarray of bool of shape (n_rows, F)
        Which cells are known.
    n_bins : int
        Most bins of a feature.
    ranks : ndarray of shape (n_rows, F)
        Rank of each number; arbitrary for levels and unknown cells.
    cells : Cells
        The rows, encoded.
    seeds : list of int
        Seed of what is random about each feature.
    """

    def __init__(self, columns: Sequence[Column], rows: Floats) -> None:
        self.columns = tuple(columns)
        owner = [i for i, column in enumerate(columns) for _ in range(column.width)]
        self.owner = np.array(owner, dtype=np.int64)
        self.is_number = np.array([not _has_levels(columns[i]) for i in owner])
        self.rows, self.known = rows, np.isfinite(rows)
        self.rankings: dict[int, Ranking] = {}
        self._bin_of_level: dict[int, Ints] = {}
        for feature in range(len(self.owner)):
            known = rows[self.known[:, feature], feature]
            if self.is_number[feature]:
                self.rankings[feature] = Ranking(np.sort(known))
            else:
                size = len(columns[owner[feature]].support)
                self._bin_of_level[feature] = _bins_by_frequency(known.astype(np.int64), size)
        largest = max((int(bins.max(initial=0)) for bins in self._bin_of_level.values()), default=0)
        self.n_bins = max(N_BINS, largest + 1)
        self.ranks, self.cells = self._encode(rows)
        # Of the content alone: neither names nor orders have an effect.
        bins = np.where(self.known, self.cells.bins[0].numpy(), -1)
        content = [(rows if number else bins)[:, i] for i, number in enumerate(self.is_number)]
        self.seeds = [zlib.crc32(np.ascontiguousarray(column).tobytes()) for column in content]

    def encode(self, rows: Floats) -> Cells:
        """Return other rows as cells of one table, shapes ``(1, R, F)``."""
        return self._encode(rows)[1]

    def _encode(self, rows: Floats) -> tuple[Floats, Cells]:
        known = np.isfinite(rows)
        ranks, bins = np.full(rows.shape, 0.5), np.zeros(rows.shape, dtype=np.int64)
        for feature, ranking in self.rankings.items():
            at = known[:, feature]
            ranks[at, feature] = ranking.ranks(rows[at, feature])
        for feature, of_level in self._bin_of_level.items():
            at = known[:, feature]
            bins[at, feature] = of_level[rows[at, feature].astype(np.int64)]
        in_bins = np.minimum((ranks * N_BINS).astype(np.int64), N_BINS - 1)
        bins = np.where(self.is_number, in_bins, bins)
        scores = np.where(known & self.is_number, ndtri(ranks), 0.0)
        return ranks, Cells(
            torch.from_numpy(scores).float()[None],
            torch.from_numpy(bins)[None],
            torch.from_numpy(known)[None],
            torch.from_numpy(self.is_number)[None],
            self.n_bins,
        )


def _has_levels(column: Column) -> bool:
    return column.role == "feature" and not column.is_number


def _bins_by_frequency(codes: Ints, n_levels: int) -> Ints:
    """Return the bin of each level: one for each frequent level, the last for all others."""
    counts = np.bincount(codes, minlength=n_levels)
    bins = np.empty(n_levels, dtype=np.int64)
    bins[np.argsort(-counts, kind="stable")] = np.arange(n_levels)
    return np.minimum(bins, MAX_LEVEL_BINS - 1)

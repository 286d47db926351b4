"""TargetContext: one target's cached context, and its answers over the target's support.

The model answers a number by 32 rank bins and a target of levels by at most 12 classes. Both are
carried over to the support of the column: direct answers by the counts of the table's rows,
retrieved ones by the values of the context rows themselves, the normal component by the ranks of
the cuts between support values. Finally the answer is corrected where the table itself knows it:

- it is multiplied by the ratio of the table's shares to the answer when nothing is known, which
  thus gives exactly those shares;
- with a single level known, the n context rows of that level count n times, and the answer of the
  model `LEVEL_PRIOR_ROWS` times.

Shapes: N context rows, Q query rows, F features, D features read, K answers, S support.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tabwidget._typing import Floats, Ints
from tabwidget.backends.pretrained.encoding import TableEncoding
from tabwidget.backends.pretrained.features import (
    N_ANSWERS,
    N_CLASSES,
    Answers,
    Cells,
    ContextStatistics,
    Kind,
    RowFeatures,
    rank_bins,
)
from tabwidget.backends.pretrained.model import VECTOR_SIZE, InContextModel, Mixture

__all__ = ["Support", "TargetContext", "ask", "kinds_of"]

MAX_FEATURES = 32  # that a context reads: those that say most about the target
MAX_RATIO = 20.0  # of the table's shares to the answer when nothing is known
POOLED_ROWS = 0.05  # rows' worth of the table's shares in the split of pooled levels
LEVEL_PRIOR_ROWS = 20.0
MIN_PROBABILITY = 1e-7

# A number of so few values is also asked as levels; both answers are averaged.
FEW_VALUES = range(3, N_CLASSES + 1)


def kinds_of(encoding: TableEncoding, target: int) -> list[Kind]:
    """Return how a target is asked: as a number, as levels, or as both.

    Parameters
    ----------
    encoding : TableEncoding
        The table.
    target : int
        Column of the target.
    """
    column = encoding.columns[target]
    if not column.is_number:
        return ["levels"]
    if column.edges is None and len(column.support) in FEW_VALUES:
        return ["number", "levels"]
    return ["number"] if len(column.support) > 2 else ["levels"]


@dataclass(frozen=True)
class Support:
    """How the model's answers map to the support of the target.

    Attributes
    ----------
    answer_of_code : int64 ndarray of shape (S,)
        The answer that each support value belongs to, for levels.
    to_support : Tensor of shape (K, S)
        Share of each support value in an answer.
    pooled : Tensor of shape (S,)
        1 for levels that share one answer, since there are more than `N_CLASSES`.
    cuts : Tensor of shape (S - 1,) or None
        Normal scores of the cuts between the support values of a number.
    shares : Tensor of shape (S,)
        The table's shares, smoothed.
    """

    answer_of_code: Ints
    to_support: Tensor
    pooled: Tensor
    cuts: Tensor | None
    shares: Tensor

    @classmethod
    def of(
        cls,
        encoding: TableEncoding,
        target: int,
        kind: Kind,
        shares: Floats,
        rng: np.random.Generator,
    ) -> Support:
        """Return the mapping of one target.

        Parameters
        ----------
        encoding : TableEncoding
            The table.
        target : int
            Column of the target, which is also its feature.
        kind : {"number", "levels"}
            How the target is asked.
        shares : ndarray of shape (S,)
            The table's shares of the support.
        rng : numpy Generator
            Draws the order of the classes.
        """
        column, n_codes = encoding.columns[target], len(shares)
        answers = np.zeros(n_codes, dtype=np.int64)
        pooled = np.zeros(n_codes)
        cuts = None
        matrix = np.zeros((N_ANSWERS[kind], n_codes))
        if kind == "levels":
            # By frequency, so that the names and the order of levels have no effect.
            place = np.argsort(np.argsort(-shares, kind="stable"), kind="stable")
            slots = rng.permutation(N_CLASSES)
            if n_codes > N_CLASSES:
                pooled = (place >= N_CLASSES - 1).astype(np.float64)
            answers = slots[np.minimum(place, N_CLASSES - 1)]
            matrix[answers, np.arange(n_codes)] = np.where(pooled > 0, shares, 1.0)
            matrix[answers[pooled > 0]] /= max(float((shares * pooled).sum()), 1e-300)
        else:
            known = encoding.known[:, target]
            codes = column.codes(encoding.rows[known, target])
            ranks = torch.from_numpy(encoding.ranks[known, target])
            bins = rank_bins(ranks, N_ANSWERS["number"]).numpy()
            np.add.at(matrix, (bins, np.maximum(codes, 0)), 1.0)
            filled = np.flatnonzero(matrix.any(1))
            # Ties leave rank bins without rows: they count for the nearest one.
            nearest = np.abs(np.arange(len(matrix))[:, None] - filled).argmin(1)
            matrix = matrix[filled[nearest]]
            matrix /= matrix.sum(1, keepdims=True)
            grid = column.grid
            between = (grid[1:] + grid[:-1]) / 2 if column.edges is None else column.edges[1:-1]
            cuts = torch.from_numpy(encoding.rankings[target].scores_of_cuts(between)).float()
        return cls(
            answers,
            torch.from_numpy(matrix).float(),
            torch.from_numpy(pooled).float(),
            cuts,
            torch.from_numpy(shares).float(),
        )


class TargetContext:
    """A cached context of one target.

    Parameters
    ----------
    model : InContextModel
        The pretrained model.
    encoding : TableEncoding
        The table.
    target : int
        Column of the target.
    rows : ndarray of int of shape (N,)
        The context rows, in which the target is known.
    kind : {"number", "levels"}
        How the target is asked.
    shares : ndarray of shape (S,)
        The table's shares of the support, smoothed: what is answered when nothing is known.
    seed : int
        Seed of the random column vectors and of the order of the classes.
    """

    @torch.inference_mode()
    def __init__(
        self,
        model: InContextModel,
        encoding: TableEncoding,
        target: int,
        rows: Ints,
        kind: Kind,
        shares: Floats,
        seed: int,
    ) -> None:
        self.kind, self._encoding = kind, encoding
        self._rows = at = torch.from_numpy(rows)
        column = encoding.columns[target]
        rng = np.random.default_rng([seed, encoding.seeds[target]])
        self.support = Support.of(encoding, target, kind, shares, rng)
        codes = np.maximum(column.codes(encoding.rows[rows, target]), 0)
        self._codes = torch.from_numpy(codes)
        if kind == "number":
            answers = Answers.of_ranks(
                encoding.cells.scores[:, at, target],
                torch.from_numpy(encoding.ranks[rows, target])[None],
            )
        else:
            answers = Answers.of_levels(torch.from_numpy(self.support.answer_of_code[codes])[None])
        cells = encoding.cells.rows(at)
        self.features = np.flatnonzero(encoding.owner != target)
        if len(self.features) > MAX_FEATURES:
            found, _ = ContextStatistics.of(_columns(cells, self.features), answers)
            strongest = np.argsort(-found.strengths[0].numpy(), kind="stable")[:MAX_FEATURES]
            self.features = np.sort(self.features[strongest])
        statistics, context = ContextStatistics.of(_columns(cells, self.features), answers)
        vectors = _column_vectors(encoding, self.features, seed)
        self._context = model.context(statistics, context, answers, vectors)
        self._ratio = torch.ones(len(shares))
        # A row of which nothing is known, read in full so that the ratio is that of the network.
        nothing = encoding.encode(np.full((1, encoding.rows.shape[1]), np.nan))
        [mixture] = model.ask([self._context], [self._query(nothing)])
        unknown = self._on_support(mixture)[0]
        self._ratio = (self.support.shares / unknown).clamp(1 / MAX_RATIO, MAX_RATIO)

    @property
    def n_bytes(self) -> int:
        """Memory of the cached tensors."""
        return self._context.n_bytes + self._codes.nbytes

    def _query(self, cells: Cells) -> RowFeatures:
        return self._context.statistics.query(_columns(cells, self.features))

    def _answer(self, cells: Cells, mixture: Mixture) -> Floats:
        p = self._on_support(mixture) * self._ratio
        known = cells.known[0][:, torch.from_numpy(self.features)].any(1, keepdim=True)
        p = torch.where(known, p, self.support.shares)
        p = p / p.sum(1, keepdim=True)
        for row, feature in self._single_levels(cells):
            counts = self._counts_of_level(feature, cells.bins[0, row, feature])
            p[row] = (counts + LEVEL_PRIOR_ROWS * p[row]) / (counts.sum() + LEVEL_PRIOR_ROWS)
        exact = p.double()
        return (exact / exact.sum(1, keepdim=True)).numpy()

    def _single_levels(self, cells: Cells) -> list[tuple[int, int]]:
        """Return the query rows that know a single cell, which is a level, and its feature."""
        at = torch.from_numpy(self.features)
        if not len(at):
            return []
        known = cells.known[0][:, at]
        single = (known.sum(1) == 1) & ~cells.is_number[0, at][known.int().argmax(1)]
        rows = single.nonzero()[:, 0]
        features = at[known[rows].int().argmax(1)]
        return list(zip(rows.tolist(), features.tolist(), strict=True))

    def _counts_of_level(self, feature: int, level: Tensor) -> Tensor:
        """Return how often the context rows of a level have each support value."""
        cells = self._encoding.cells
        bins, known = cells.bins[0, self._rows, feature], cells.known[0, self._rows, feature]
        codes = self._codes[(bins == level) & known]
        return torch.bincount(codes, minlength=len(self.support.shares)).float()

    def _on_support(self, mixture: Mixture) -> Tensor:
        """Return the mixture over the support, shape ``(Q, S)``."""
        support = self.support
        retrieved = torch.zeros(mixture.retrieved.shape[1], len(support.shares))
        retrieved.index_add_(1, self._codes, mixture.retrieved[0])
        direct = mixture.log_answers[0].exp() @ support.to_support
        if support.pooled.any():
            near = retrieved * support.pooled
            prior = support.shares * support.pooled
            split = near + POOLED_ROWS * prior / prior.sum().clamp_min(1e-9)
            total = (direct * support.pooled).sum(1, keepdim=True)
            shared = total * split / split.sum(1, keepdim=True).clamp_min(1e-9)
            direct = torch.where(support.pooled > 0, shared, direct)
        # Classes beyond those of the column take no part.
        direct = direct / direct.sum(1, keepdim=True)
        gate = mixture.retrieval_gate[0].sigmoid()
        p = (1 - gate) * direct + gate * retrieved
        if mixture.normal_gate is not None and support.cuts is not None:
            gate = mixture.normal_gate[0].sigmoid()
            p = (1 - gate) * p + gate * mixture.normal_mass(support.cuts)[0]
        return p.clamp_min(MIN_PROBABILITY)


@torch.inference_mode()
def ask(
    model: InContextModel, contexts: Sequence[TargetContext], cells: Sequence[Cells]
) -> list[Floats]:
    """Return the probabilities of the support, each ``(Q, S)``, of several contexts in one pass.

    Parameters
    ----------
    model : InContextModel
        The pretrained model.
    contexts : sequence of TargetContext
        The contexts.
    cells : sequence of Cells
        The query rows of each, as `TableEncoding.encode` returns them; the target's own cell is
        ignored.
    """
    queries = [context._query(rows) for context, rows in zip(contexts, cells, strict=True)]
    mixtures = model.ask([context._context for context in contexts], queries)
    return [
        context._answer(rows, mixture)
        for context, rows, mixture in zip(contexts, cells, mixtures, strict=True)
    ]


def _columns(cells: Cells, features: NDArray[np.int64]) -> Cells:
    """Return some features of cells; one that is never known where there is none."""
    at = torch.from_numpy(features)
    if not len(features):
        at = torch.zeros(1, dtype=torch.int64)
        cells = replace(
            cells, known=torch.zeros_like(cells.known), scores=torch.zeros_like(cells.scores)
        )
    return replace(
        cells,
        scores=cells.scores[..., at],
        bins=cells.bins[..., at],
        known=cells.known[..., at],
        is_number=cells.is_number[..., at],
    )


def _column_vectors(encoding: TableEncoding, features: Ints, seed: int) -> Tensor:
    """Return a random vector per feature."""
    seeds = [encoding.seeds[feature] for feature in (features if len(features) else [0])]
    vectors = [np.random.default_rng([seed, own]).standard_normal(VECTOR_SIZE) for own in seeds]
    return torch.from_numpy(np.stack(vectors)).float()[None]

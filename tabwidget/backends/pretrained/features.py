"""Closed-form features of the in-context model: cross-tables, naive Bayes and ridge regression.

A context row is described without its own answer (leave-one-out), a query row by all context rows.
Unknown cells are left out of every sum, so that one context serves any subset of known cells.

Shapes: B tables, N context rows, Q query rows, R either of them, D feature columns, G most bins of
a feature, K coarse classes of the target, S target scores (1 for a number, K for levels).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "N_ANSWERS",
    "N_BINS",
    "N_CLASSES",
    "Answers",
    "Cells",
    "ContextStatistics",
    "Features",
    "Kind",
    "RowFeatures",
    "encode",
    "normal_scores",
    "rank_bins",
]

Kind = Literal["number", "levels"]

N_BINS = 16  # rank bins of a number; a column of levels may have more bins
N_CLASSES = 12  # most levels of a target, and coarse bins of a number (K)
N_ANSWERS = {"number": 32, "levels": N_CLASSES}  # rank bins of a number, or classes
N_GRADIENT_STEPS = 12  # of conjugate gradients

SMOOTHING = 2.0  # rows' worth of the marginal in each bin of a cross-table
MAX_LOG_RATIO = 5.0
MAX_PREDICTION = 8.0
MIN_VARIANCE = 1e-4  # share of the target's variance that is never explained
MIN_LEVERAGE_LEFT = 0.05


@dataclass(frozen=True)
class Cells:
    """Cells of feature columns.

    Attributes
    ----------
    scores : Tensor of shape (B, R, D)
        Normal score of a number among the known numbers of its column; 0 for levels and unknown
        cells.
    bins : int64 Tensor of shape (B, R, D)
        Rank bin of a number, below `N_BINS`, or level, below `n_bins`.
    known : bool Tensor of shape (B, R, D)
        Which cells are known.
    is_number : bool Tensor of shape (B, D)
        Which columns are numbers.
    n_bins : int, default `N_BINS`
        Most bins of a column (G).
    """

    scores: Tensor
    bins: Tensor
    known: Tensor
    is_number: Tensor
    n_bins: int = N_BINS

    def rows(self, at: slice | Tensor) -> Cells:
        """Return the cells of some rows."""
        return replace(
            self, scores=self.scores[:, at], bins=self.bins[:, at], known=self.known[:, at]
        )


@dataclass(frozen=True)
class Answers:
    """The target of the context rows.

    Attributes
    ----------
    kind : {"number", "levels"}
        Kind of the target.
    codes : int64 Tensor of shape (B, N)
        Rank bin of a number, or class; below ``N_ANSWERS[kind]``.
    coarse : int64 Tensor of shape (B, N)
        Rank bin among `N_CLASSES`, or class.
    scores : Tensor of shape (B, N)
        Normal score of a number; 0 for levels.
    """

    kind: Kind
    codes: Tensor
    coarse: Tensor
    scores: Tensor

    @classmethod
    def of_ranks(cls, scores: Tensor, ranks: Tensor) -> Answers:
        """Return a number's answers from its normal scores and its ranks between 0 and 1."""
        codes, coarse = (rank_bins(ranks, n) for n in (N_ANSWERS["number"], N_CLASSES))
        return cls("number", codes, coarse, scores)

    @classmethod
    def of_levels(cls, codes: Tensor) -> Answers:
        """Return answers that are classes."""
        return cls("levels", codes, codes, torch.zeros(codes.shape, device=codes.device))

    @property
    def targets(self) -> Tensor:
        """The numbers that ridge regression predicts, shape ``(B, N, S)``."""
        if self.kind == "number":
            return self.scores[..., None]
        return functional.one_hot(self.coarse, N_CLASSES).float()


@dataclass(frozen=True)
class RowFeatures:
    """What closed forms give for each row.

    Attributes
    ----------
    log_ratios : Tensor of shape (B, R, D, K)
        ``log p(class | cell) - log p(class)``, smoothed; 0 for an unknown cell.
    counts : Tensor of shape (B, R, D)
        ``log(1 + n)`` for a cell seen in n context rows.
    predictions, spreads : Tensor of shape (B, R, S)
        Ridge regression's prediction of each score less its mean, and its standard deviation.
    cells : Cells
        The cells themselves.
    """

    log_ratios: Tensor
    counts: Tensor
    predictions: Tensor
    spreads: Tensor
    cells: Cells

    @property
    def naive_bayes(self) -> Tensor:
        """Sum of the log-ratios over the cells, shape ``(B, R, K)``."""
        return self.log_ratios.sum(2)


@dataclass(frozen=True)
class ContextStatistics:
    """Sums over the context rows, from which the features of any row follow.

    Attributes
    ----------
    n_rows : int
        Number of context rows.
    log_shares : Tensor of shape (B, number of answers)
        Smoothed log-shares of the answers.
    class_shares : Tensor of shape (B, K)
        Smoothed shares of the coarse classes.
    table : Tensor of shape (B, D, G, K)
        Rows per bin and class; those of numbers include half of the neighboring bins.
    bin_counts : Tensor of shape (B, D, G)
        Rows per bin.
    score_sums : Tensor of shape (B, D, G, S)
        Sum of the centered target scores per bin.
    gram : Tensor of shape (B, S, D, D)
        ``X'X`` plus the ridge.
    moments : Tensor of shape (B, S, D)
        ``X'y``.
    coefficients : Tensor of shape (B, S, D)
        Ridge regression on all columns.
    total : Tensor of shape (B, S)
        ``y'y``.
    residual : Tensor of shape (B, S)
        Root mean square of the leave-one-out residuals.
    strengths : Tensor of shape (B, D)
        Logarithm of how much each column says about the target.
    is_number : bool Tensor of shape (B, D)
        Which columns are numbers.
    """

    n_rows: int
    log_shares: Tensor
    class_shares: Tensor
    table: Tensor
    bin_counts: Tensor
    score_sums: Tensor
    gram: Tensor
    moments: Tensor
    coefficients: Tensor
    total: Tensor
    residual: Tensor
    strengths: Tensor
    is_number: Tensor

    @property
    def n_bytes(self) -> int:
        """Memory of the tensors."""
        tensors = (getattr(self, field.name) for field in fields(self))
        return sum(x.nbytes for x in tensors if isinstance(x, Tensor))

    @classmethod
    def of(cls, cells: Cells, answers: Answers) -> tuple[ContextStatistics, RowFeatures]:
        """Return the statistics of context rows, and the rows' own leave-one-out features."""
        _, n, d = cells.bins.shape
        classes = functional.one_hot(answers.coarse, N_CLASSES).float()
        targets = answers.targets
        centered = targets - targets.mean(1, keepdim=True)
        shares = (classes.sum(1) + 0.5 / N_CLASSES) / (n + 0.5)
        read = torch.cat([classes, centered, torch.ones_like(classes[..., :1])], -1)
        counted = _sums_by_bin(read, cells)
        table, sums, bin_counts = counted.split([N_CLASSES, centered.shape[-1], 1], -1)
        table, bin_counts = _smoothed(table, cells.is_number), bin_counts[..., 0]

        own = cells.known[..., None]
        log_ratios, counts = _log_ratios(table, shares, cells, classes[:, :, None] * own)
        regressors = _regressors(sums, bin_counts, cells, centered[:, :, None] * own, own.float())

        x, y = regressors, centered.mT[..., None]
        gram = x.mT @ x + _ridge(n) * torch.eye(d, device=x.device)
        factor = torch.linalg.cholesky_ex(gram)[0]
        moments = x.mT @ y
        beta = torch.cholesky_solve(moments, factor)
        leverage = (x @ torch.cholesky_inverse(factor) * x).sum(-1)
        # Leave-one-out prediction of a linear smoother: (fit - leverage * y) / (1 - leverage).
        left = (1 - leverage).clamp_min(MIN_LEVERAGE_LEFT)
        predictions = ((x @ beta)[..., 0] - leverage * y[..., 0]) / left
        residual = (y[..., 0] - predictions).pow(2).mean(-1).sqrt()
        strengths = (log_ratios.pow(2) * shares[:, None, None]).sum(-1).mean(1)
        n_answers = N_ANSWERS[answers.kind]
        counted = functional.one_hot(answers.codes, n_answers).float().sum(1)
        statistics = cls(
            n_rows=n,
            log_shares=torch.log((counted + 0.5 / n_answers) / (n + 0.5)),
            class_shares=shares,
            table=table,
            bin_counts=bin_counts,
            score_sums=sums,
            gram=gram,
            moments=moments[..., 0],
            coefficients=beta[..., 0],
            total=y.pow(2).sum((2, 3)),
            residual=residual,
            strengths=torch.log(strengths + 1e-3),
            is_number=cells.is_number,
        )
        spreads = residual[:, None].expand(-1, n, -1)
        return statistics, RowFeatures(log_ratios, counts, _bounded(predictions.mT), spreads, cells)

    def query(self, cells: Cells) -> RowFeatures:
        """Return the features of query rows, each for exactly the cells that it knows."""
        log_ratios, counts = _log_ratios(self.table, self.class_shares, cells)
        x = _regressors(self.score_sums, self.bin_counts, cells)
        # A batch of tables in pretraining would take thousands of factorizations.
        exact = len(cells.known) == 1 or self.moments.shape[1] == 1
        weights = (self._exact if exact else self._by_conjugate_gradients)(cells.known)
        explained = (weights * self.moments[:, :, None]).sum(-1)
        explained_by_all = (self.coefficients * self.moments).sum(-1)[..., None]
        total = self.total[..., None] + 1e-6
        left = (1 - explained / total).clamp(MIN_VARIANCE, 1).sqrt()
        left_by_all = (1 - explained_by_all / total).clamp(MIN_VARIANCE, 1).sqrt()
        spreads = self.residual[..., None] * left / left_by_all
        predictions = (x * weights).sum(-1)
        return RowFeatures(log_ratios, counts, _bounded(predictions.mT), spreads.mT, cells)

    def _exact(self, known: Tensor) -> Tensor:
        """Return ridge coefficients per query row by Cholesky, shape ``(B, S, Q, D)``."""
        # Rows that know the same columns share their coefficients.
        mask, of_row = _distinct(known)
        mask = mask[:, None].float()
        gram = self.gram[:, :, None] * mask[..., None] * mask[..., None, :]
        gram = gram + torch.diag_embed(1 - mask)
        right = self.moments[:, :, None] * mask
        factor = torch.linalg.cholesky_ex(gram)[0]
        return torch.cholesky_solve(right[..., None], factor)[..., 0][:, :, of_row]

    def _by_conjugate_gradients(self, known: Tensor) -> Tensor:
        """Return approximate ridge coefficients per query row, shape ``(B, S, Q, D)``.

        Conjugate gradients with the diagonal as preconditioner.
        """
        mask = known[:, None].float()
        scale = self.gram.diagonal(dim1=-2, dim2=-1).rsqrt()
        gram = self.gram * scale[..., None] * scale[..., None, :]
        residual = (self.moments * scale)[:, :, None] * mask
        weights, direction = torch.zeros_like(residual), residual
        squared = residual.pow(2).sum(-1, keepdim=True)
        for _ in range(N_GRADIENT_STEPS):
            image = (direction @ gram) * mask
            step = squared / ((direction * image).sum(-1, keepdim=True) + 1e-12)
            weights = weights + step * direction
            residual = residual - step * image
            previous, squared = squared, residual.pow(2).sum(-1, keepdim=True)
            direction = residual + squared / (previous + 1e-12) * direction
        return weights * scale[:, :, None]


@dataclass(frozen=True)
class Features:
    """Everything that the in-context model reads of a batch of tables.

    Attributes
    ----------
    statistics : ContextStatistics
        Sums over the context rows.
    context, query : RowFeatures
        Features of context and query rows.
    answers : Answers
        The target of the context rows.
    column_vectors : Tensor of shape (B, D, size of a vector)
        Random vectors that tell the columns apart.
    """

    statistics: ContextStatistics
    context: RowFeatures
    query: RowFeatures
    answers: Answers
    column_vectors: Tensor


def encode(
    numbers: Tensor,
    codes: Tensor,
    is_number: Tensor,
    known: Tensor,
    target: Tensor,
    n_context: int,
    kind: Kind,
    column_vectors: Tensor,
) -> tuple[Features, Answers]:
    """Return the features of a batch of tables, and the answers of their query rows.

    Parameters
    ----------
    numbers, codes : Tensor of shape (B, N + Q, D)
        Number or level of each cell; context rows first.
    is_number : bool Tensor of shape (B, D)
        Which columns are numbers.
    known : bool Tensor of shape (B, N + Q, D)
        Which cells are known.
    target : Tensor of shape (B, N + Q)
        Number, or class below `N_CLASSES`.
    n_context : int
        Number of context rows (N).
    kind : {"number", "levels"}
        Kind of the target.
    column_vectors : Tensor of shape (B, D, size)
        Random vectors of the columns.
    """
    n = n_context
    scores, ranks = normal_scores(numbers, numbers[:, :n], known[:, :n])
    bins = torch.where(is_number[:, None], rank_bins(ranks, N_BINS), codes.long())
    scores = scores * (is_number[:, None] & known)
    cells = Cells(scores, bins, known, is_number, max(N_BINS, int(codes.max()) + 1))
    if kind == "number":
        y = target.float()[..., None]
        there = torch.ones_like(y[:, :n], dtype=torch.bool)
        target_scores, target_ranks = (x[..., 0] for x in normal_scores(y, y[:, :n], there))
        answers = Answers.of_ranks(target_scores, target_ranks)
    else:
        answers = Answers.of_levels(target.long())
    of_context, of_query = (
        replace(answers, codes=c, coarse=k, scores=s)
        for c, k, s in (
            (answers.codes[:, part], answers.coarse[:, part], answers.scores[:, part])
            for part in (slice(None, n), slice(n, None))
        )
    )
    statistics, context = ContextStatistics.of(cells.rows(slice(None, n)), of_context)
    query = statistics.query(cells.rows(slice(n, None)))
    return Features(statistics, context, query, of_context, column_vectors), of_query


def normal_scores(numbers: Tensor, reference: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Return normal scores and ranks of numbers among the known reference numbers.

    The rank of a number is the share of the reference below it, ties counted by half; its score is
    the normal quantile of the rank.

    Parameters
    ----------
    numbers : Tensor of shape (B, R, D)
        Numbers.
    reference : Tensor of shape (B, N, D)
        Numbers to rank among.
    known : bool Tensor of shape (B, N, D)
        Which reference numbers count.

    Examples
    --------
    >>> x = torch.tensor([1.0, 2.0, 2.0, 9.0])[None, :, None]
    >>> normal_scores(x, x, torch.ones_like(x, dtype=torch.bool))[1].flatten().tolist()
    [0.125, 0.5, 0.5, 0.875]
    """
    ordered = reference.where(known, torch.inf).mT.contiguous().sort(-1)[0]
    count = known.sum(1).clamp_min(1).to(reference.dtype)
    at = numbers.mT.contiguous()
    below = torch.searchsorted(ordered, at, right=False)
    up_to = torch.searchsorted(ordered, at, right=True)
    ranks = ((below + up_to) / 2 / count[..., None]).mT
    end = (0.5 / count)[:, None]
    ranks = torch.minimum(torch.maximum(ranks, end), 1 - end).to(reference.dtype)
    return math.sqrt(2) * torch.erfinv(2 * ranks - 1), ranks


def rank_bins(ranks: Tensor, n: int) -> Tensor:
    """Return the bin of each rank, of `n` bins of equal width.

    Examples
    --------
    >>> rank_bins(torch.tensor([0.01, 0.5, 1.0]), 4).tolist()
    [0, 2, 3]
    """
    return (ranks * n).long().clamp(0, n - 1)


def _ridge(n_rows: int) -> float:
    return 1.0 + 0.002 * n_rows


def _bounded(predictions: Tensor) -> Tensor:
    return torch.nan_to_num(predictions).clamp(-MAX_PREDICTION, MAX_PREDICTION)


def _sums_by_bin(values: Tensor, cells: Cells) -> Tensor:
    """Return the sum of the rows' values over each bin, ``(B, N, X)`` to ``(B, D, G, X)``."""
    b, _, d = cells.bins.shape
    place = torch.arange(b * d, device=values.device).view(b, 1, d) * cells.n_bins + cells.bins
    weighted = values[:, :, None] * cells.known[..., None]
    out = values.new_zeros(b * d * cells.n_bins, values.shape[-1])
    out.index_add_(0, place.flatten(), weighted.flatten(0, 2))
    return out.view(b, d, cells.n_bins, -1)


def _smoothed(table: Tensor, is_number: Tensor) -> Tensor:
    """Add half of the neighboring bins to each bin of a number."""
    low = functional.pad(table, (0, 0, 1, 0))[:, :, :-1]
    high = functional.pad(table, (0, 0, 0, 1))[:, :, 1:]
    return torch.where(is_number[:, :, None, None], table + 0.5 * low + 0.5 * high, table)


def _at_bins(of_bins: Tensor, bins: Tensor) -> Tensor:
    """Return the entry of each cell's bin, ``(B, D, G, X)`` to ``(B, R, D, X)``."""
    tables = torch.arange(bins.shape[0], device=bins.device)[:, None, None]
    columns = torch.arange(bins.shape[2], device=bins.device)
    return of_bins[tables, columns, bins]


def _log_ratios(
    table: Tensor, shares: Tensor, cells: Cells, own: Tensor | float = 0.0
) -> tuple[Tensor, Tensor]:
    """Return the log-ratios and counts of `RowFeatures`; `own` is subtracted from the table."""
    cell = _at_bins(table, cells.bins) - own
    total = cell.sum(-1, keepdim=True)
    marginal = shares[:, None, None]
    ratio = torch.log((cell + SMOOTHING * marginal) / (total + SMOOTHING)) - torch.log(marginal)
    ratio = (ratio * cells.known[..., None]).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    return ratio, torch.log1p(total[..., 0].clamp_min(0)) * cells.known


def _regressors(
    score_sums: Tensor,
    bin_counts: Tensor,
    cells: Cells,
    own: Tensor | float = 0.0,
    own_count: Tensor | float = 0.0,
) -> Tensor:
    """Return what ridge regression reads of each cell, shape ``(B, S, R, D)``.

    The normal score of a number; for a level the shrunken mean of the target scores of its rows.
    """
    sums = _at_bins(score_sums, cells.bins) - own
    counts = _at_bins(bin_counts[..., None], cells.bins) - own_count
    means = sums / (counts + SMOOTHING).clamp_min(0.5)
    x = torch.where(cells.is_number[:, None, :, None], cells.scores[..., None], means)
    return (x * cells.known[..., None]).permute(0, 3, 1, 2)


def _distinct(known: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct masks of one table's rows and the mask of each row.

    Several tables keep a mask per row, since their distinct masks differ in number.
    """
    rows = torch.arange(known.shape[1], device=known.device)
    if len(known) > 1 or known.shape[1] < 2:
        return known, rows
    masks, of_row = torch.unique(known[0], dim=0, return_inverse=True)
    return masks[None], of_row

"""A Gaussian prior over the numbers of a row, conditional on the cells read before.

Shapes: B batch, R features read, C columns, F features, S support values.

For z ~ N(0, Sigma) over standardized features and Sigma = L L^T in reading order, the conditional
of feature i given the features before it is exact::

    z_i | z_<i  ~  N(z_i - L_ii * u_i, L_ii^2)     u = L^{-1} z

A support value v between two cuts gets the probability of the interval under a logistic
distribution of the same mean and variance; times the prior weight, its logarithm is added to the
logits of the cell model, which thus starts from the best linear predictor.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["GaussianPrior", "Moments"]

MAX_DEVIATION = 10.0  # standard deviations that features are clamped to
INFINITY = 1e6  # standard deviations that stand for the ends of the number line
MIN_LOG_PROB = -12.0  # so that no value is ruled out
LOGISTIC = 3**0.5 / torch.pi  # scale of a logistic distribution of unit variance


@dataclass(frozen=True)
class Moments:
    """Moments of a table's features: numbers, and indicators of levels.

    Attributes
    ----------
    owner : int64 Tensor of shape (F,)
        Column of each feature.
    level : int64 Tensor of shape (F,)
        Level that the feature indicates; -1 for a number.
    mean, scale : Tensor of shape (F,)
        Mean and standard deviation of the raw feature.
    covariance : Tensor of shape (F, F)
        Covariance of the standardized features; positive definite.
    """

    owner: Tensor
    level: Tensor
    mean: Tensor
    scale: Tensor
    covariance: Tensor


class GaussianPrior(nn.Module):
    """Conditionals of a Gaussian, and the prior weight of each column.

    Parameters
    ----------
    moments : Moments
        Moments of the training rows.
    cuts : Tensor of shape (C, S + 1)
        Boundaries between the support values of each number, NaN beyond the last; the outermost
        count as infinite. All NaN for columns of levels.
    """

    owner: Tensor
    level: Tensor
    mean: Tensor
    scale: Tensor
    covariance: Tensor
    cuts: Tensor
    is_number: Tensor
    number_of: Tensor
    covariances: Tensor
    prior_weight: Tensor

    def __init__(self, moments: Moments, cuts: Tensor) -> None:
        super().__init__()
        for name in ("owner", "level", "mean", "scale", "covariance"):
            self.register_buffer(name, getattr(moments, name).clone())
        numbers = self.level < 0
        is_number = torch.zeros(len(cuts), dtype=torch.bool)
        is_number[self.owner[numbers]] = True
        mean, scale = torch.zeros(len(cuts), 1).double(), torch.ones(len(cuts), 1).double()
        mean[self.owner[numbers], 0] = self.mean[numbers].double()
        scale[self.owner[numbers], 0] = self.scale[numbers].double()
        standard = ((cuts - mean) / scale).float()
        last = torch.isfinite(standard).sum(1, keepdim=True) - 1
        place = torch.arange(cuts.shape[1])
        standard = standard.where((place > 0) | ~is_number[:, None], -INFINITY)
        standard = standard.where((place < last) | ~is_number[:, None], INFINITY)
        self.register_buffer("cuts", torch.nan_to_num(standard, nan=INFINITY), persistent=False)
        self.register_buffer("is_number", is_number, persistent=False)
        number_of = torch.zeros(len(cuts), dtype=torch.int64)
        number_of[self.owner[numbers]] = numbers.nonzero()[:, 0]
        self.register_buffer("number_of", number_of, persistent=False)
        self.register_buffer("covariances", self.covariance[None].clone(), persistent=False)
        self.register_buffer("prior_weight", torch.ones(len(cuts)))
        # Learned offset to the validation-tuned prior weight; weight decay pulls it to zero.
        self.prior_weight_offset = nn.Parameter(torch.zeros(len(cuts)))

    def set_covariance(self, covariance: Tensor, leave_fold_out: Tensor) -> None:
        """Set the covariance of all training rows, and those without each fold.

        Parameters
        ----------
        covariance : Tensor of shape (F, F)
            Covariance of all training rows.
        leave_fold_out : Tensor of shape (n_folds, F, F)
            Covariance of all training rows but those of each fold.
        """
        self.covariance.copy_(covariance)
        self.covariances = torch.cat((leave_fold_out, covariance[None]))

    @property
    def moments(self) -> Moments:
        """Moments of the training rows."""
        return Moments(self.owner, self.level, self.mean, self.scale, self.covariance)

    def features(self, rows: Tensor) -> Tensor:
        """Return the standardized features of rows, zero where a cell is missing.

        Parameters
        ----------
        rows : double Tensor of shape (B, C)
            Numbers, or level indices; NaN where missing.
        """
        x = rows[:, self.owner]
        x = x.where((self.level < 0) | x.isnan(), (x == self.level).double())
        return (
            torch.nan_to_num((x - self.mean) / self.scale)
            .clamp(-MAX_DEVIATION, MAX_DEVIATION)
            .float()
        )

    @torch.no_grad()
    def conditionals(
        self, features: Tensor, fold: Tensor, place: Tensor, unread: int
    ) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of each number given the cells at earlier places.

        Parameters
        ----------
        features : Tensor of shape (B, F)
            Standardized; ignored for columns that are not read.
        fold : int64 Tensor of shape (B,)
            Training fold of each row; -1 for none.
        place : int64 Tensor of shape (B, C)
            Place of each column in the order.
        unread : int
            The place of columns that are not read.

        Returns
        -------
        two Tensors of shape (B, F)
            Of the standardized features; arbitrary for levels, and for columns not read.
        """
        place_of = place[:, self.owner]
        n_read = int((place_of < unread).sum(1).max())
        order = (place_of * len(self.owner) + torch.arange(len(self.owner))).argsort(1)
        order = order[:, :n_read]
        x = features.gather(1, order)
        # Rows that read the same columns share one Cholesky factor.
        shared = bool((order == order[0]).all() and (fold == fold[0]).all())
        distinct = order[:1] if shared else order
        # Training rows use the covariance without their own fold, or the prior would look too good.
        which = (fold[:1] if shared else fold)[:, None, None]
        covariance = self.covariances[which, distinct[:, :, None], distinct[:, None, :]]
        root = torch.linalg.cholesky_ex(covariance).L
        right = x.T[None] if shared else x[..., None]
        innovations = torch.linalg.solve_triangular(root, right, upper=False)
        innovations = innovations[0].T if shared else innovations[..., 0]
        spread = root.diagonal(dim1=1, dim2=2)
        return (
            torch.zeros_like(features).scatter(1, order, x - spread * innovations),
            torch.ones_like(features).scatter(1, order, spread.expand_as(x)),
        )

    def logits(self, columns: Tensor, mean: Tensor, spread: Tensor, size: int) -> Tensor:
        """Return the weighted log-prior of some columns, shape ``(columns, B, size)``.

        ``prior_weight * log(F(high) - F(low))`` for the cuts around each support value, where F is
        the logistic distribution function.

        Parameters
        ----------
        columns : int64 Tensor of shape (n,)
            Column numbers; the result is zero for columns of levels.
        mean, spread : Tensor of shape (B, F)
            Results of `conditionals`.
        size : int
            Number of support values.
        """
        with torch.no_grad():
            at = self.number_of[columns]
            cuts = self.cuts[columns, None, : size + 1]
            cuts = (cuts - mean[:, at].T[..., None]) / (spread[:, at].T[..., None] * LOGISTIC)
            low, high = cuts[..., :-1], cuts[..., 1:]
            # log(F(high) - F(low)) = log F(high) + log F(-low) + log(1 - e^(low - high)):
            # no cancellation.
            inside = torch.log1p(-torch.exp((low - high).clamp_max(-1e-6)))
            log_prob = functional.logsigmoid(high) + functional.logsigmoid(-low) + inside
            log_prob = log_prob.clamp_min(MIN_LOG_PROB) * self.is_number[columns, None, None]
        return log_prob * (self.prior_weight + self.prior_weight_offset)[columns, None, None]

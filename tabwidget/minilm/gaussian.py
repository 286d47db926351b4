"""What a Gaussian of the same rows says of each cell, given the cells before it.

The conditionals of a Gaussian are exact for any subset of what is known, and cost one Cholesky
factor a row. The cell model adds their logarithm to its logits: it starts from the best linear
answer and learns what is not linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Gaussian", "Moments"]

FAR = 10.0  # standard deviations: what lies farther counts as that far
ENDS = 1e6  # standard deviations: the ends of the number line
LEAST = -12.0  # log-probability, so that no answer is ruled out
LOGISTIC = 3**0.5 / torch.pi  # the scale of a logistic distribution of unit variance


@dataclass(frozen=True)
class Moments:
    """Means and covariance of a table's features: a number, or the presence of a level.

    Attributes
    ----------
    owner : int64 Tensor of shape (n_features,)
        The column that each is of.
    level : int64 Tensor of shape (n_features,)
        The level that it is the presence of; -1 for a number.
    mean, scale : Tensor of shape (n_features,)
        Of the feature as it is.
    covariance : Tensor of shape (n_features, n_features)
        Of the standardised features; positive definite.
    """

    owner: Tensor
    level: Tensor
    mean: Tensor
    scale: Tensor
    covariance: Tensor


class Gaussian(nn.Module):
    """Conditionals of a Gaussian, and how far each column trusts them.

    Parameters
    ----------
    moments : Moments
        Of the rows learned from.
    cuts : Tensor of shape (n_columns, most answers + 1)
        Where the answers of each number meet on its line, NaN beyond the last; those at both ends
        count as infinite. All NaN for columns of levels.
    """

    owner: Tensor
    level: Tensor
    mean: Tensor
    scale: Tensor
    covariance: Tensor
    cuts: Tensor
    is_number: Tensor
    feature_of: Tensor

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
        standard = standard.where((place > 0) | ~is_number[:, None], -ENDS)
        standard = standard.where((place < last) | ~is_number[:, None], ENDS)
        self.register_buffer("cuts", torch.nan_to_num(standard, nan=ENDS), persistent=False)
        self.register_buffer("is_number", is_number, persistent=False)
        feature_of = torch.full((len(cuts), cuts.shape[1] - 1), -1)
        feature_of[self.owner, self.level.clamp_min(0)] = torch.arange(len(self.owner))
        self.register_buffer("feature_of", feature_of, persistent=False)
        # Added to a trust of one, which is also what weight decay leads back to.
        self.doubt = nn.Parameter(torch.zeros(len(cuts)))

    @property
    def moments(self) -> Moments:
        """Of the rows learned from."""
        return Moments(self.owner, self.level, self.mean, self.scale, self.covariance)

    def features(self, rows: Tensor) -> Tensor:
        """Return standardised features of rows, zero where a cell is absent.

        Parameters
        ----------
        rows : double Tensor of shape (n_rows, n_columns)
            Numbers, or the level's index; NaN where absent.
        """
        x = rows[:, self.owner]
        x = x.where((self.level < 0) | x.isnan(), (x == self.level).double())
        return torch.nan_to_num((x - self.mean) / self.scale).clamp(-FAR, FAR).float()

    @torch.no_grad()
    def conditionals(self, features: Tensor, place: Tensor, unread: int) -> tuple[Tensor, Tensor]:
        """Return mean and variance of each feature given the cells at earlier places.

        Parameters
        ----------
        features : Tensor of shape (batch, n_features)
            Standardised; whatever at places that are not read.
        place : int64 Tensor of shape (batch, n_columns)
            Where each column stands in the order.
        unread : int
            The place of columns that are not read.

        Returns
        -------
        two Tensors of shape (batch, n_features)
            Of the standardised features; anything where a column is not read.
        """
        own_place = place[:, self.owner]
        n_read = int((own_place < unread).sum(1).max())
        order = (own_place * len(self.owner) + torch.arange(len(self.owner))).argsort(1)
        order = order[:, :n_read]
        covariance = self.covariance[order[:, :, None], order[:, None, :]]
        root = torch.linalg.cholesky_ex(covariance).L
        x = features.gather(1, order)
        innovations = torch.linalg.solve_triangular(root, x[..., None], upper=False)
        # The levels of one column stand beside each other, and none is to know the others.
        own_place = own_place.gather(1, order)
        earlier = root * (own_place[:, None, :] < own_place[:, :, None])
        mean = (earlier @ innovations)[..., 0]
        variance = (root * (root - earlier)).sum(2)
        return (
            torch.zeros_like(features).scatter(1, order, mean),
            torch.ones_like(features).scatter(1, order, variance),
        )

    def logits(self, columns: Tensor, mean: Tensor, variance: Tensor, size: int) -> Tensor:
        """Return what to add to the logits of some columns, shape ``(columns, batch, size)``.

        Parameters
        ----------
        columns : int64 Tensor of shape (n,)
            Which.
        mean, variance : Tensor of shape (batch, n_features)
            What `conditionals` said.
        size : int
            Answers.
        """
        with torch.no_grad():
            says = mean.new_zeros(len(columns), len(mean), size)
            numbers = self.is_number[columns].nonzero()[:, 0]
            if len(numbers):
                at = self.feature_of[columns[numbers], 0]
                says[numbers] = self._of_numbers(
                    columns[numbers], mean[:, at].T, variance[:, at].T, size
                )
            if len(numbers) < len(columns):
                levels = (~self.is_number[columns]).nonzero()[:, 0]
                says[levels] = self._of_levels(columns[levels], mean, variance, size)
        return says * (1 + self.doubt[columns, None, None])

    def _of_numbers(self, columns: Tensor, mean: Tensor, variance: Tensor, size: int) -> Tensor:
        """Return the log-probability of each answer: of what lies between its two cuts."""
        cuts = self.cuts[columns, None, : size + 1]
        at = (cuts - mean[..., None]) / (variance.sqrt()[..., None] * LOGISTIC)
        low, high = at[..., :-1], at[..., 1:]
        # The probability between two points of a logistic curve, without cancellation.
        inside = torch.log1p(-torch.exp((low - high).clamp_max(-1e-6)))
        likely = functional.logsigmoid(high) + functional.logsigmoid(-low) + inside
        return likely.clamp_min(LEAST)

    def _of_levels(self, columns: Tensor, mean: Tensor, variance: Tensor, size: int) -> Tensor:
        """Return what each level's log-odds gain over its frequency, by linear discriminants.

        The regression on a level's presence holds Fisher's discriminant of that level from the
        others (Hastie, Tibshirani and Friedman, Elements of Statistical Learning, exercise 4.2).
        """
        at = self.feature_of[columns, :size]
        known, at = at >= 0, at.clamp_min(0)
        left = variance[:, at].clamp_min(1e-3)
        frequency = self.mean[at].float().where(known, 0.5)
        scale = (frequency * (1 - frequency)).sqrt().clamp_min(1e-3)
        gain = mean[:, at] / (scale * left)
        apart = (1 - left).clamp_min(0) / (left * scale**2)
        gain = (gain + (frequency - 0.5) * apart).clamp(LEAST, -LEAST) * known
        return gain.transpose(0, 1)

"""What a Gaussian of the same rows says of each number, given the cells before it.

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
        Of the standardized features; positive definite.
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
    number_of: Tensor
    covariances: Tensor
    trust: Tensor

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
        number_of = torch.zeros(len(cuts), dtype=torch.int64)
        number_of[self.owner[numbers]] = numbers.nonzero()[:, 0]
        self.register_buffer("number_of", number_of, persistent=False)
        self.register_buffer("covariances", self.covariance[None].clone(), persistent=False)
        self.register_buffer("trust", torch.ones(len(cuts)))
        # Learned, and added to the trust that validation rows advise, which decay leads back to.
        self.more_trust = nn.Parameter(torch.zeros(len(cuts)))

    def learn(self, covariance: Tensor, left_out: Tensor) -> None:
        """Take the covariance of all rows learned from, and those with a part of them left out.

        Parameters
        ----------
        covariance : Tensor of shape (n_features, n_features)
            Of all rows.
        left_out : Tensor of shape (n_folds, n_features, n_features)
            Of all but those of each fold.
        """
        self.covariance.copy_(covariance)
        self.covariances = torch.cat((left_out, covariance[None]))

    @property
    def moments(self) -> Moments:
        """Of the rows learned from."""
        return Moments(self.owner, self.level, self.mean, self.scale, self.covariance)

    def features(self, rows: Tensor) -> Tensor:
        """Return standardized features of rows, zero where a cell is absent.

        Parameters
        ----------
        rows : double Tensor of shape (n_rows, n_columns)
            Numbers, or the level's index; NaN where absent.
        """
        x = rows[:, self.owner]
        x = x.where((self.level < 0) | x.isnan(), (x == self.level).double())
        return torch.nan_to_num((x - self.mean) / self.scale).clamp(-FAR, FAR).float()

    @torch.no_grad()
    def conditionals(
        self, features: Tensor, fold: Tensor, place: Tensor, unread: int
    ) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of each number given the cells at earlier places.

        Parameters
        ----------
        features : Tensor of shape (batch, n_features)
            Standardized; whatever at places that are not read.
        fold : int64 Tensor of shape (batch,)
            Which part of the rows learned from each row belongs to; -1 for none of them.
        place : int64 Tensor of shape (batch, n_columns)
            Where each column stands in the order.
        unread : int
            The place of columns that are not read.

        Returns
        -------
        two Tensors of shape (batch, n_features)
            Of the standardized features; anything for levels, and where a column is not read.
        """
        own_place = place[:, self.owner]
        n_read = int((own_place < unread).sum(1).max())
        order = (own_place * len(self.owner) + torch.arange(len(self.owner))).argsort(1)
        order = order[:, :n_read]
        x = features.gather(1, order)
        # Rows that know the same columns share one factor.
        alike = bool((order == order[0]).all() and (fold == fold[0]).all())
        apart = order[:1] if alike else order
        # A row that is learned from is answered by the others, or all would seem easy.
        which = (fold[:1] if alike else fold)[:, None, None]
        covariance = self.covariances[which, apart[:, :, None], apart[:, None, :]]
        root = torch.linalg.cholesky_ex(covariance).L
        right = x.T[None] if alike else x[..., None]
        innovations = torch.linalg.solve_triangular(root, right, upper=False)
        innovations = innovations[0].T if alike else innovations[..., 0]
        spread = root.diagonal(dim1=1, dim2=2)
        return (
            torch.zeros_like(features).scatter(1, order, x - spread * innovations),
            torch.ones_like(features).scatter(1, order, spread.expand_as(x)),
        )

    def logits(self, columns: Tensor, mean: Tensor, spread: Tensor, size: int) -> Tensor:
        """Return what to add to the logits of some columns, shape ``(columns, batch, size)``.

        It is the log-probability of what lies between the two cuts of each answer.

        Parameters
        ----------
        columns : int64 Tensor of shape (n,)
            Which; zeros for those of levels.
        mean, spread : Tensor of shape (batch, n_features)
            What `conditionals` said.
        size : int
            Answers.
        """
        with torch.no_grad():
            at = self.number_of[columns]
            cuts = self.cuts[columns, None, : size + 1]
            cuts = (cuts - mean[:, at].T[..., None]) / (spread[:, at].T[..., None] * LOGISTIC)
            low, high = cuts[..., :-1], cuts[..., 1:]
            # The probability between two points of a logistic curve, without cancellation.
            inside = torch.log1p(-torch.exp((low - high).clamp_max(-1e-6)))
            likely = functional.logsigmoid(high) + functional.logsigmoid(-low) + inside
            likely = likely.clamp_min(LEAST) * self.is_number[columns, None, None]
        return likely * (self.trust + self.more_trust)[columns, None, None]

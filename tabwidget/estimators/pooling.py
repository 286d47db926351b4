"""Rubin's rules: pool the estimates made on several imputations of a table."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tabwidget._typing import Floats
from tabwidget.errors import ConfigError

__all__ = ["Pooled", "pool"]


@dataclass(frozen=True, eq=False)
class Pooled:
    """A pooled estimate: scalars, or one value per parameter. `pool` has the formulas.

    Attributes
    ----------
    estimate : ndarray of float
        Pooled estimate.
    variance : ndarray of float
        Total variance: the squared standard error.
    within : ndarray of float
        Within-imputation variance: sampling error without missing cells.
    between : ndarray of float
        Between-imputation variance: error due to missing cells.
    df : ndarray of float
        Degrees of freedom of the t distribution; infinite where nothing is missing.
    fraction_missing : ndarray of float, 0 to 1
        Fraction of the information on the parameter that is missing.
    m : int
        Number of imputations.
    """

    estimate: Floats
    variance: Floats
    within: Floats
    between: Floats
    df: Floats
    fraction_missing: Floats
    m: int

    @property
    def std_error(self) -> Floats:
        """Standard error of the estimate."""
        return np.sqrt(self.variance)

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return the ends of the confidence interval.

        Parameters
        ----------
        level : float, default 0.95
            Coverage, in (0, 1).
        """
        if not 0 < level < 1:
            raise ConfigError(f"level must be between 0 and 1, not {level!r}")
        # Without degrees of freedom, as when all cells are missing, the interval is unbounded.
        t = np.where(self.df > 0, stats.t.ppf((1 + level) / 2, self.df), math.inf)
        reach = t * self.std_error
        return self.estimate - reach, self.estimate + reach

    def __str__(self) -> str:
        low, high = self.interval()
        rows = zip(*map(np.atleast_1d, (self.estimate, self.std_error, low, high)), strict=True)
        missing = np.atleast_1d(self.fraction_missing)
        lines = [
            f"{estimate:.6g} ± {error:.3g} (95 %: {low:.6g} to {high:.6g}), "
            f"{share:.0%} of the information missing"
            for (estimate, error, low, high), share in zip(rows, missing, strict=True)
        ]
        return "\n".join(lines)


def pool(
    estimates: ArrayLike,
    variances: ArrayLike,
    *,
    n: int | None = None,
    n_parameters: int = 1,
) -> Pooled:
    """Pool an estimate made on each of several imputations of a table.

    Rubin (1987): for estimates Q₁ … Qₘ with variances U₁ … Uₘ,

    - pooled estimate Q̄ = mean(Qᵢ), within-imputation variance Ū = mean(Uᵢ),
    - between-imputation variance B = Σ (Qᵢ - Q̄)² / (m - 1),
    - total variance T = Ū + (1 + 1/m) B, of which λ = (1 + 1/m) B / T is due to missing cells,
    - degrees of freedom ν = (m - 1) / λ²,
    - fraction of missing information γ = λ + (1 - λ) 2 / (ν + 3).

    With `n`, Barnard and Rubin (1999): 1 / (1/ν + 1/ν₀) degrees of freedom, where
    ν₀ = (ν₁ + 1) / (ν₁ + 3) · ν₁ (1 - λ) and ν₁ = `n` - `n_parameters`.

    Parameters
    ----------
    estimates : array of shape (m,) or (m, n_estimates)
        One row per imputation; at least two.
    variances : array of the same shape
        Squared standard errors of the estimates.
    n : int, optional
        Rows of the table, for the degrees of freedom of small samples.
    n_parameters : int, default 1
        Parameters that the analysis estimates; only used with `n`.

    Returns
    -------
    Pooled
        Scalars for estimates of shape (m,).

    Raises
    ------
    ConfigError
        For fewer than two estimates, shapes that differ, or a negative or missing variance.

    References
    ----------
    D. B. Rubin (1987), Multiple Imputation for Nonresponse in Surveys, chapter 3, Wiley.

    J. Barnard and D. B. Rubin (1999), Small-sample degrees of freedom with multiple imputation,
    Biometrika 86(4), 948-955.

    Examples
    --------
    >>> pooled = pool([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    >>> float(pooled.estimate), round(float(pooled.variance), 3), round(float(pooled.df), 3)
    (2.0, 2.333, 6.125)
    >>> [round(float(end), 2) for end in pooled.interval(0.9)]
    [-0.96, 4.96]
    """
    values, errors = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    _check(values, errors, n, n_parameters)
    m = len(values)
    within, between = errors.mean(axis=0), values.var(axis=0, ddof=1)
    extra = (1 + 1 / m) * between
    variance = within + extra
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(variance > 0, extra / variance, 0.0)
        df = np.where(share > 0, (m - 1) / share**2, math.inf)
        if n is not None:
            complete = float(n - n_parameters)
            observed = (complete + 1) / (complete + 3) * complete * (1 - share)
            df = 1 / (1 / df + 1 / observed)
    return Pooled(
        estimate=values.mean(axis=0),
        variance=variance,
        within=within,
        between=between,
        df=df,
        fraction_missing=share + (1 - share) * 2 / (df + 3),
        m=m,
    )


def _check(values: Floats, errors: Floats, n: int | None, n_parameters: int) -> None:
    if values.ndim not in (1, 2) or len(values) < 2:
        raise ConfigError(
            "Rubin's rules pool at least two estimates, one per imputation: "
            f"give an array of shape (m,) or (m, k) with m > 1, not {values.shape}"
        )
    if values.shape != errors.shape:
        raise ConfigError(
            "estimates and variances must have the same shape, "
            f"not {values.shape} and {errors.shape}"
        )
    if not (np.isfinite(values).all() and np.isfinite(errors).all() and (errors >= 0).all()):
        raise ConfigError("estimates must be finite, and variances finite and not negative")
    if n is not None and n <= n_parameters:
        raise ConfigError(f"n must be larger than n_parameters={n_parameters}, not {n}")

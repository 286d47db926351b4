"""Rubin's rules: one estimate out of several, each made on its own imputation of a table."""

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
    """An estimate pooled over imputations, a scalar or one a parameter.

    Attributes
    ----------
    estimate : ndarray of float
        Mean of the estimates.
    variance : ndarray of float
        Squared standard error: ``within + (1 + 1/m) * between``.
    within : ndarray of float
        Mean of the variances: what is not known though all cells were.
    between : ndarray of float
        Variance of the estimates: what is not known because cells are missing.
    df : ndarray of float
        Degrees of freedom of the t distribution; infinite where nothing was missing.
    fraction_missing : ndarray of float, 0 to 1
        Share of the information on the parameter that the missing cells held.
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
            How often the interval holds the truth, in (0, 1).
        """
        if not 0 < level < 1:
            raise ConfigError(f"the level of an interval lies between 0 and 1, not {level!r}")
        # Without a degree of freedom, as when all cells are missing, anything may be.
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
    """Pool the same estimate made on each of several imputations of a table.

    Parameters
    ----------
    estimates : array of shape (m,) or (m, n_estimates)
        One row an imputation; at least two.
    variances : array of the same shape
        Squared standard errors of the estimates.
    n : int, optional
        Rows of the table; degrees of freedom are then those for small samples.
    n_parameters : int, default 1
        Parameters that the analysis estimates in all; only used with `n`.

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
    values, spreads = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    _check(values, spreads, n, n_parameters)
    m = len(values)
    within, between = spreads.mean(axis=0), values.var(axis=0, ddof=1)
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


def _check(values: Floats, spreads: Floats, n: int | None, n_parameters: int) -> None:
    if values.ndim not in (1, 2) or len(values) < 2:
        raise ConfigError(
            "Rubin's rules pool at least two estimates, one an imputation: "
            f"give an array of shape (m,) or (m, k) with m > 1, not {values.shape}"
        )
    if values.shape != spreads.shape:
        raise ConfigError(
            f"each estimate has a variance: {values.shape} estimates, {spreads.shape} variances"
        )
    if not (np.isfinite(values).all() and np.isfinite(spreads).all() and (spreads >= 0).all()):
        raise ConfigError("estimates are finite, and variances finite and not negative")
    if n is not None and n <= n_parameters:
        raise ConfigError(f"n={n} rows cannot estimate n_parameters={n_parameters}: n is larger")

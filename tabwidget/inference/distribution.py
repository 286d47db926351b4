"""Distribution: p(column | evidence)."""

from __future__ import annotations

import html
import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tabwidget._formatting import bar, format_date, format_value
from tabwidget._typing import Floats
from tabwidget.errors import EvidenceError
from tabwidget.table import Column
from tabwidget.table.values import plain

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Distribution", "quantiles"]


MAX_BARS = 12  # text bars of a binned number
MAX_LEVELS_SHOWN = 24
MAX_LABEL = 40  # characters


class Distribution:
    """A probability for every value of a column.

    A number with too many values to list is binned. Density is uniform within a bin, so
    `quantile`, `interval`, `cdf` and `sample` are not limited to bin edges.

    Parameters
    ----------
    column : Column
        The target column.
    probabilities : array of shape (len(column.support),)
        Sums to one.
    order_spread : float, default 0.0
        Mean total variation distance, 0 to 1, of the predictions of single column orders from
        their average, a measure of model uncertainty.

    Attributes
    ----------
    target, kind : str
        Name and kind of the column.
    support : ndarray
        Its levels, or the grid values of a number.
    probabilities : ndarray of float
        One per value of the support.
    edges : ndarray of float or None
        Bin edges, one more than the support; None if the values are listed.
    order_spread : float
        As above.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabwidget.table import Table
    >>> table = Table(pd.DataFrame({"x": [1, 2, 3], "y": ["a", "b", "b"]}))
    >>> x = Distribution(table.schema["x"], [0.5, 0.25, 0.25])
    >>> x.mean(), x.mode(), x.quantile(0.75)
    (1.75, 1, 2)
    >>> print(Distribution(table.schema["y"], [0.25, 0.75]))
    p(y)
      a   25.0% ██████
      b   75.0% ██████████████████
    """

    def __init__(self, column: Column, probabilities: ArrayLike, order_spread: float = 0.0) -> None:
        self.column = column
        self.target: str = column.name
        self.kind: str = column.kind
        self.support = column.support
        self.edges = column.edges
        self.probabilities = np.asarray(probabilities, dtype=np.float64)
        self.order_spread = float(order_spread)

    def mode(self) -> Any:
        """Return the likeliest value; for a binned number that of the densest bin."""
        return self.column.value(self.column.grid[int(self._density().argmax())])

    def mean(self) -> Any:
        """Return the expected value; a float, or a date for dates."""
        mean = float(self._numeric("mean") @ self.probabilities)
        return mean if self.kind == "numeric" else self.column.value(mean)

    def std(self) -> float:
        """Return the standard deviation, in seconds for dates."""
        grid = self._numeric("std")
        mean = float(grid @ self.probabilities)
        variance = float((grid - mean) ** 2 @ self.probabilities)
        if self.edges is not None:
            # The variance of a uniform distribution of width w is w**2 / 12.
            variance += float(np.diff(self.edges) ** 2 @ self.probabilities) / 12
        return math.sqrt(variance)

    def median(self) -> Any:
        """Return the median."""
        return self.quantile(0.5)

    def quantile(self, q: float) -> Any:
        """Return the smallest value x with p(value <= x) of at least `q`.

        Parameters
        ----------
        q : float
            0 to 1.
        """
        if not 0 <= q <= 1:
            raise EvidenceError(f"q={q!r} is not a probability: give a number from 0 to 1")
        return self.column.value(self._quantiles(np.array([q]))[0])

    def interval(self, p: float = 0.9) -> tuple[Any, Any]:
        """Return the ends of the central interval of probability `p`."""
        return self.quantile((1 - p) / 2), self.quantile((1 + p) / 2)

    def cdf(self, x: Any) -> Any:
        """Return p(value <= x) for one `x` or an array of them."""
        self._numeric("cdf")
        many = isinstance(x, (list, tuple, np.ndarray, pd.Series))
        numbers = self.column.numbers(x if many else [x])
        # Bins of integers end on half-integers.
        below = self._below(np.floor(numbers) + 0.5 if self.column.integer else numbers)
        return below if many else float(below[0])

    def sample(self, n: int = 1, random_state: Any = None) -> NDArray[Any]:
        """Sample `n` values.

        Parameters
        ----------
        n : int, default 1
            Number of samples.
        random_state : int, numpy Generator or None
            Passed to ``numpy.random.default_rng``.
        """
        rng = np.random.default_rng(random_state)
        if self.column.is_number:
            return self.column.restore(self._quantiles(rng.random(n)))
        drawn = rng.choice(len(self.support), size=n, p=self.probabilities)
        return self.support[drawn]

    def entropy(self) -> float:
        """Return the entropy over the support, in nats."""
        p = self.probabilities[self.probabilities > 0]
        return float(-(p * np.log(p)).sum())

    def plot(self) -> alt.Chart:
        """Return an Altair chart."""
        from tabwidget import charts

        records = self.records()[:200]
        return charts.distribution_chart(records, target=self.target, kind=self.kind)

    def records(self) -> list[dict[str, Any]]:
        """Return JSON-safe rows for a chart.

        Returns
        -------
        list of dict
            ``{"value", "probability"}``, and for a binned number also ``"low", "high",
            "density"``. Bin ends of dates are seconds since 1970.
        """
        rows = [
            {"value": plain(value), "probability": float(p)}
            for value, p in zip(self.support, self.probabilities, strict=True)
        ]
        if self.edges is None:
            return rows
        # The bin of an atom is widened to be visible in a chart.
        margin = np.where(self.column.atoms & ~self.column.integer, np.ptp(self.edges) / 200, 0.0)
        ends = zip(
            self.edges[:-1] - margin, self.edges[1:] + margin, self._density(), rows, strict=True
        )
        return [
            {"low": float(low), "high": float(high), **row, "density": float(density)}
            for low, high, density, row in ends
        ]

    def __repr__(self) -> str:
        return f"<Distribution of {self.target!r}: {self._summary()}>"

    def __str__(self) -> str:
        labels, shares = self._bars()
        width = max(len(label) for label in labels)
        scale = 24 / max(1.0 if not self.column.is_number else 0.0, *shares, 1e-9)
        right = self.column.is_number
        lines = [
            f"  {label.rjust(width) if right else label.ljust(width)}"
            f"  {share:6.1%} {bar(share * scale)}".rstrip()
            for label, share in zip(labels, shares, strict=True)
        ]
        return "\n".join([f"p({self.target})", *lines])

    def _repr_html_(self) -> str:
        labels, shares = self._bars()
        most = max(*shares, 1e-9) if self.column.is_number else 1.0
        rows = "".join(
            f"<tr><td style='text-align:right;padding:1px 8px'>{html.escape(label)}</td>"
            f"<td style='width:16em;padding:1px 0'><div style='background:#4c78a8;height:0.8em;"
            f"width:{share / most:.1%}'></div></td>"
            f"<td style='text-align:right;padding:1px 8px'>{share:.1%}</td></tr>"
            for label, share in zip(labels, shares, strict=True)
        )
        return (
            f"<table><caption style='text-align:left'>p({html.escape(self.target)})</caption>"
            f"<tbody>{rows}</tbody></table>"
        )

    def _bars(self) -> tuple[list[str], list[float]]:
        """Return labels and probabilities of a readable number of bars."""
        if self.edges is not None:
            cuts = np.linspace(self.edges[0], self.edges[-1], MAX_BARS + 1)
            ends = [_label(self.column.value(cut), span=cuts[1] - cuts[0]) for cut in cuts]
            labels = [f"{low} to {high}" for low, high in itertools.pairwise(ends)]
            return labels, np.diff(self._below(cuts)).tolist()
        if len(self.support) > MAX_LEVELS_SHOWN:
            kept = np.sort(self.probabilities.argsort()[::-1][: MAX_LEVELS_SHOWN - 1])
            labels = [_label(self.support[i]) for i in kept]
            shares = self.probabilities[kept].tolist()
            others = len(self.support) - len(kept)
            return [*labels, f"{others} others"], [*shares, max(0.0, 1 - sum(shares))]
        return [_label(value) for value in self.support], self.probabilities.tolist()

    def _below(self, numbers: Floats) -> Floats:
        """Return p(value <= x) for each number x."""
        total = np.concatenate([[0.0], self.probabilities.cumsum()])
        if self.edges is None:
            return total[np.searchsorted(self.column.grid, numbers, side="right")]
        # The whole probability of an atom is at its value.
        codes = self.column.codes(np.nan_to_num(numbers))
        inside = (numbers >= self.edges[0]) & (numbers < self.edges[-1])
        reached = self.column.atoms[codes] & inside & (numbers >= self.column.grid[codes])
        found = np.interp(numbers, self.edges, total)
        return np.where(reached & ~self.column.integer, total[codes + 1], found)

    def _quantiles(self, shares: Floats) -> Floats:
        """Return the quantiles as floats."""
        self._numeric("quantile")
        return quantiles(self.column, self.probabilities[None], shares)

    def _density(self) -> Floats:
        return self.probabilities / self.column.widths

    def _numeric(self, what: str) -> Floats:
        """Return the grid; `EvidenceError` for levels, which have no `what`."""
        if not self.column.is_number:
            raise EvidenceError(
                f"column {self.target!r} has levels, not numbers, so {what} is not defined: "
                "use mode(), probabilities or entropy()"
            )
        return self.column.grid

    def _summary(self) -> str:
        if not self.column.is_number:
            return f"{self.mode()} {self.probabilities.max():.1%}"
        low, high = self.interval(0.9)
        return f"median {_label(self.median())}, 90% in {_label(low)} to {_label(high)}"


def _label(value: Any, span: float = 0.0) -> str:
    """Return a value as a label; the time of day is left out where `span` is a day or more."""
    if isinstance(value, pd.Timestamp):
        return format_date(value, span)
    return format_value(plain(value), MAX_LABEL)


def quantiles(column: Column, probabilities: Floats, shares: Floats | float) -> Floats:
    """Return one quantile per row, as floats.

    Parameters
    ----------
    column : Column
        A column of numbers.
    probabilities : ndarray of shape (n, len(column.support))
        Probabilities over its support; a single row is broadcast.
    shares : float or ndarray of shape (n,)
        Cumulative probabilities, 0 to 1.

    Returns
    -------
    ndarray of shape (n,)
        Quantiles, inside the range of the data for integers.
    """
    shares = np.asarray(shares, dtype=np.float64)
    total = probabilities.cumsum(axis=1)
    # Quantiles are values of positive probability, even at 0, 1 and with rounding errors.
    possible = probabilities > 0
    first = possible.argmax(axis=1)
    last = probabilities.shape[1] - 1 - possible[:, ::-1].argmax(axis=1)
    codes = (total < (shares - 1e-12).reshape(-1, 1)).sum(axis=1).clip(first, last)
    at = (np.arange(len(codes)) if len(probabilities) > 1 else 0), codes
    before = total[at] - probabilities[at]
    fraction = np.clip((shares - before) / np.maximum(probabilities[at], 1e-300), 0, 1)
    numbers = column.within(codes, fraction)
    # The outermost bins of integers end on half-integers.
    return numbers.clip(column.low, column.high) if column.integer else numbers

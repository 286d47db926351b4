"""JointDistribution: p(several columns | evidence)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tabwidget._formatting import bar, format_value
from tabwidget._typing import Floats
from tabwidget.errors import ConfigError, nearest
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.marginalize import WeightedRows
from tabwidget.table import Column
from tabwidget.table.values import plain

if TYPE_CHECKING:
    import altair as alt

__all__ = ["JointDistribution", "joint_of"]


MAX_COMBINATIONS = 100_000
MAX_SHOWN = 12  # as text
MAX_LABEL = 30  # characters of a value


class JointDistribution:
    """A probability for every combination of the values of several columns.

    Parameters
    ----------
    columns : sequence of Column
        The target columns.
    probabilities : array of shape (len(column.support) of each column)
        Sums to one.
    order_spread : float, default 0.0
        Largest total variation distance, 0 to 1, of the two chain-rule products, in forward and
        reverse column order, from their average: a measure of model uncertainty.

    Attributes
    ----------
    targets : tuple of str
        Names of the columns.
    probabilities : ndarray
        As above.

    Examples
    --------
    >>> from tabwidget.table import Table
    >>> schema = Table(pd.DataFrame({"x": [1, 2], "y": ["a", "b"]})).schema
    >>> joint = JointDistribution(list(schema.values()), [[0.5, 0.25], [0.0, 0.25]])
    >>> joint.mode(), joint.marginal("y").probabilities.tolist()
    ({'x': 1, 'y': 'a'}, [0.5, 0.5])
    >>> round(joint.mutual_information(), 4)
    0.2158
    >>> print(joint)
    p(x, y)
      1, a   50.0% ████████████
      1, b   25.0% ██████
      2, b   25.0% ██████
      2, a    0.0%
    """

    def __init__(
        self, columns: Sequence[Column], probabilities: ArrayLike, order_spread: float = 0.0
    ) -> None:
        self.columns = tuple(columns)
        self.targets = tuple(column.name for column in columns)
        self.probabilities = np.asarray(probabilities, dtype=np.float64)
        self.order_spread = float(order_spread)

    def marginal(self, target: str) -> Distribution:
        """Return the distribution of one of the columns alone."""
        if target not in self.targets:
            raise ConfigError(
                f"the joint distribution has {', '.join(self.targets)}, not {target!r}."
                + nearest(target, self.targets)
            )
        at = self.targets.index(target)
        others = tuple(i for i in range(len(self.targets)) if i != at)
        return Distribution(self.columns[at], self.probabilities.sum(others), self.order_spread)

    def mode(self) -> dict[str, Any]:
        """Return the likeliest combination, by density for binned numbers."""
        density = self.probabilities
        for axis, column in enumerate(self.columns):
            shape = [-1 if i == axis else 1 for i in range(len(self.columns))]
            density = density / column.widths.reshape(shape)
        index = np.unravel_index(int(density.argmax()), density.shape)
        return {c.name: c.value(c.grid[i]) for c, i in zip(self.columns, index, strict=True)}

    def sample(self, n: int = 1, random_state: Any = None) -> pd.DataFrame:
        """Sample `n` combinations.

        Parameters
        ----------
        n : int, default 1
            Number of samples.
        random_state : int, numpy Generator or None
            Passed to ``numpy.random.default_rng``.
        """
        rng = np.random.default_rng(random_state)
        flat = self.probabilities.ravel()
        codes_of = np.unravel_index(
            rng.choice(len(flat), size=n, p=flat / flat.sum()), self.probabilities.shape
        )
        return pd.DataFrame(
            {
                column.name: column.restore(column.within(codes, rng.random(n)))
                for column, codes in zip(self.columns, codes_of, strict=True)
            }
        )

    def entropy(self) -> float:
        """Return the entropy over all combinations, in nats."""
        p = self.probabilities[self.probabilities > 0]
        return float(-(p * np.log(p)).sum())

    def mutual_information(self) -> float:
        """Return the mutual information in nats; 0 for independent columns.

        For more than two columns it is the total correlation (Watanabe 1960).
        """
        return sum(self.marginal(name).entropy() for name in self.targets) - self.entropy()

    def records(self) -> list[dict[str, Any]]:
        """Return one JSON-safe dict per combination: values by column, and "probability"."""
        supports = [[plain(value) for value in column.support] for column in self.columns]
        return [
            {
                **{
                    name: supports[axis][i]
                    for axis, (name, i) in enumerate(zip(self.targets, index, strict=True))
                },
                "probability": float(p),
            }
            for index, p in np.ndenumerate(self.probabilities)
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return the probabilities, with the values of the last column as columns."""
        *rows, last = [pd.Index(c.support, name=c.name) for c in self.columns]
        index = rows[0] if len(rows) == 1 else pd.MultiIndex.from_product(rows)
        values = self.probabilities.reshape(-1, self.probabilities.shape[-1])
        return pd.DataFrame(values, index=index, columns=last)

    def plot(self) -> alt.Chart:
        """Return an Altair chart of two columns."""
        from tabwidget import charts

        if len(self.targets) != 2:
            raise ConfigError("a chart needs two columns: use to_frame(), or two targets")
        x, y = self.columns
        records = [
            {"x": plain(a), "y": plain(b), "probability": float(p)}
            for (a, b), p in zip(
                ((a, b) for a in _labels(x) for b in _labels(y)),
                self.probabilities.ravel(),
                strict=True,
            )
        ]
        return charts.joint_chart(records, x=x.name, y=y.name)

    def __repr__(self) -> str:
        mode = ", ".join(f"{name}={plain(value)}" for name, value in self.mode().items())
        size = " × ".join(str(n) for n in self.probabilities.shape)
        return f"<JointDistribution of {', '.join(self.targets)}: {size}, likeliest {mode}>"

    def __str__(self) -> str:
        flat = self.probabilities.ravel()
        shown = np.argsort(-flat, kind="stable")[:MAX_SHOWN]
        places = np.unravel_index(shown, self.probabilities.shape)
        cells = [
            [format_value(plain(column.support[code]), MAX_LABEL) for code in codes]
            for column, codes in zip(self.columns, places, strict=True)
        ]
        labels = [", ".join(values) for values in zip(*cells, strict=True)]
        shares = flat[shown].tolist()
        if len(flat) > len(shown):
            labels.append(f"{len(flat) - len(shown):,} others")
            shares.append(max(0.0, 1 - sum(shares)))
        width = max(map(len, labels))
        lines = [
            f"  {label.ljust(width)}  {share:6.1%} {bar(24 * share)}".rstrip()
            for label, share in zip(labels, shares, strict=True)
        ]
        return "\n".join([f"p({', '.join(self.targets)})", *lines])

    def _repr_html_(self) -> str:
        if len(self.targets) != 2 or math.prod(self.probabilities.shape) > 600:
            return f"<code>{repr(self).replace('&', '&amp;').replace('<', '&lt;')}</code>"
        html: str = (100 * self.to_frame()).round(1).to_html(escape=True, border=0)
        return html


def joint_of(
    columns: Sequence[Column],
    indices: Sequence[int],
    weighted: WeightedRows,
    predict: Callable[[Floats, NDArray[np.int64]], Floats],
) -> JointDistribution:
    """Return the joint of several columns by the chain rule, averaged over two column orders.

    p(a, b | evidence) = p(a | evidence) p(b | a, evidence)

    Parameters
    ----------
    columns : sequence of Column
        The target columns.
    indices : sequence of int
        Their positions in a row.
    weighted : WeightedRows
        Rows of one query.
    predict : callable
        ``predict(rows, indices)`` returns the probabilities of one column per row.

    Raises
    ------
    ConfigError
        If there are more than 100,000 combinations.
    """
    size = math.prod(len(column.support) for column in columns)
    if size > MAX_COMBINATIONS:
        raise ConfigError(
            f"a joint of {' and '.join(column.name for column in columns)} has {size:,} "
            f"combinations, more than {MAX_COMBINATIONS:,}: give fewer targets, or sample with "
            "complete()"
        )
    found = []
    for order in (range(len(columns)), range(len(columns) - 1, -1, -1)):
        rows, joints = weighted.rows, np.ones(len(weighted.rows))
        for place in order:
            index, grid = indices[place], columns[place].grid
            answers = predict(rows, np.full(len(rows), index))[:, : len(grid)]
            joints = (joints[:, None] * answers).ravel()
            rows = rows.repeat(len(grid), axis=0)
            rows[:, index] = np.tile(grid, len(rows) // len(grid))
        shape = [len(weighted.rows), *(len(columns[place].grid) for place in order)]
        joint = np.tensordot(weighted.weights, joints.reshape(shape), 1)
        found.append(joint.transpose(np.argsort(order)))
    mean = np.mean(found, axis=0)
    spread = max(float(np.abs(one - mean).sum()) / 2 for one in found)
    return JointDistribution(columns, mean / mean.sum(), spread)


def _labels(column: Column) -> NDArray[Any]:
    """Return axis labels: values, rounded for bins."""
    if column.edges is None or column.kind == "datetime":
        return column.support
    return np.array([float(f"{value:.4g}") for value in column.grid])

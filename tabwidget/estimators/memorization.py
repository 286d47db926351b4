"""Memorization: whether synthetic rows are closer to the training rows than other rows are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import rankdata
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import OneHotEncoder

from tabwidget._typing import Floats
from tabwidget.errors import ColumnError, TableError
from tabwidget.table import Table, TableSchema
from tabwidget.table.column import Column

__all__ = ["Memorization", "memorization"]


@dataclass(frozen=True)
class Memorization:
    """Distances to the closest training record (DCR), of synthetic rows and of a baseline.

    `memorization` has the formulas.

    Attributes
    ----------
    baseline : {"validation", "training"}
        The rows of the baseline: validation rows, or each training row against all others.
    median, fifth : float
        Median and 5th percentile of the DCR of the synthetic rows, from 0 (a copy) to about 1.
    copies : float
        Share of the synthetic rows that are copies of a training row.
    baseline_median, baseline_fifth, baseline_copies : float
        The same for the baseline.
    closer : float
        Probability that a synthetic row has a smaller DCR than a baseline row: 0.5 without
        memorization, 1 if all rows are memorized, less than 0.5 for unrealistic rows.
    n_synthetic, n_training, n_baseline : int
        Numbers of rows.
    """

    baseline: Literal["validation", "training"]
    median: float
    fifth: float
    copies: float
    baseline_median: float
    baseline_fifth: float
    baseline_copies: float
    closer: float
    n_synthetic: int
    n_training: int
    n_baseline: int

    def __str__(self) -> str:
        rows = [
            ("", "synthetic rows", f"{self.baseline} rows"),
            ("rows", str(self.n_synthetic), str(self.n_baseline)),
            ("median distance", f"{self.median:.4f}", f"{self.baseline_median:.4f}"),
            ("5th percentile", f"{self.fifth:.4f}", f"{self.baseline_fifth:.4f}"),
            ("exact copies", f"{self.copies:.1%}", f"{self.baseline_copies:.1%}"),
        ]
        lines = [f"Distance to the nearest of {self.n_training} training rows"]
        lines += [f"  {name:<16} {left:>14} {right:>14}" for name, left, right in rows]
        lines.append(f"  The synthetic row is closer in {self.closer:.0%} of pairs (ideal: 50%)")
        return "\n".join(lines)


def memorization(
    synthetic: pd.DataFrame,
    training: pd.DataFrame,
    validation: pd.DataFrame | None = None,
    *,
    schema: TableSchema | None = None,
) -> Memorization:
    """Compare the distances to the closest record (DCR) of synthetic rows with those of others.

    The DCR of a row x is min over the training rows t of d(x, t). d is Gower's (1971), the mean
    over the target columns of |xⱼ - tⱼ| / rangeⱼ for numbers, with the range in training, and of
    [xⱼ ≠ tⱼ] for categories. A missing category is a level; a missing number is at distance 1/2
    plus that to the midrange from every number.

    Parameters
    ----------
    synthetic : DataFrame
        Rows sampled from a model.
    training : DataFrame
        Its training rows.
    validation : DataFrame, optional
        Rows of the same source outside the training data; by default, the training rows among
        themselves.
    schema : TableSchema, optional
        Schema of the columns; by default, inferred from `training`.

    Returns
    -------
    Memorization
        Prints as a small table.

    Raises
    ------
    TableError
        For a frame without rows.
    ColumnError
        If the frames share no target column.

    References
    ----------
    J. C. Gower (1971), A general coefficient of similarity and some of its properties,
    Biometrics 27(4), 857-871.

    N. Park et al. (2018), Data synthesis based on generative adversarial networks, PVLDB 11(10),
    1071-1083: distance to the closest record.

    M. Platzer and T. Reutterer (2021), Holdout-based empirical assessment of mixed-type synthetic
    data, Frontiers in Big Data 4: the comparison with rows outside the training data.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [0.0, 1.0, 2.0, 4.0], "y": ["a", "a", "b", "b"]})
    >>> memorization(frame, frame).copies
    1.0
    >>> memorization(frame.assign(x=frame["x"] + 0.5), frame).median
    0.0625
    """
    frames = [synthetic, training] if validation is None else [synthetic, training, validation]
    for frame in frames:
        if not len(frame):
            raise TableError("a frame has no rows: give at least one row of each")
    frames = [frame.rename(columns=str) for frame in frames]
    schema = Table(training).schema if schema is None else schema
    names = [name for name in schema.targets if all(name in frame for frame in frames)]
    if not names:
        raise ColumnError("the frames share no target column: give rows of one table")
    matrix = sparse.hstack(
        [_coded([frame[name] for frame in frames], schema[name]) for name in names], format="csr"
    )
    rows, closest_to, *others = _split(matrix, [len(frame) for frame in frames])
    nearest = NearestNeighbors(n_neighbors=1, metric="manhattan").fit(closest_to)
    dcr = nearest.kneighbors(rows)[0].ravel() / len(names)
    # With None, scikit-learn excludes each training row from its own neighbors.
    baseline_dcr = nearest.kneighbors(others[0] if others else None)[0].ravel() / len(names)
    median, fifth, copies = _summary(dcr)
    baseline_median, baseline_fifth, baseline_copies = _summary(baseline_dcr)
    return Memorization(
        baseline="training" if validation is None else "validation",
        median=median,
        fifth=fifth,
        copies=copies,
        baseline_median=baseline_median,
        baseline_fifth=baseline_fifth,
        baseline_copies=baseline_copies,
        closer=_closer(dcr, baseline_dcr),
        n_synthetic=len(synthetic),
        n_training=len(training),
        n_baseline=len(baseline_dcr),
    )


def _coded(parts: Sequence[pd.Series], column: Column) -> Any:
    """Return one column of all frames as a sparse block whose L1 distances are Gower's."""
    if not column.is_number:
        # As strings, so that "1" and 1 are one level, as in the model.
        texts = pd.concat([part.astype("object") for part in parts]).map(
            lambda level: "" if pd.isna(level) else f"={level}"
        )
        # Two levels differ in two dummies, by half a unit each.
        return OneHotEncoder(dtype=np.float64).fit_transform(texts.to_frame()) / 2
    numbers = np.concatenate([column.numbers(part) for part in parts])
    scaled = (numbers - column.low) / ((column.high - column.low) or 1.0)
    missing = np.isnan(scaled)
    return sparse.csr_matrix(np.column_stack([np.where(missing, 0.5, scaled), missing / 2]))


def _split(matrix: Any, lengths: Sequence[int]) -> list[Any]:
    ends = np.cumsum(lengths)
    return [matrix[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def _summary(distances: Floats) -> tuple[float, float, float]:
    """Return the median, the 5th percentile and the share of copies."""
    median, fifth = np.quantile(distances, [0.5, 0.05])
    return float(median), float(fifth), float(np.mean(distances == 0))


def _closer(dcr: Floats, baseline: Floats) -> float:
    """Return P(dcr < baseline) + P(dcr = baseline) / 2, the Mann-Whitney U statistic / (n m)."""
    n, m = len(dcr), len(baseline)
    ranks = rankdata(np.concatenate([baseline, dcr]))[:m]
    return float((ranks.sum() - m * (m + 1) / 2) / (n * m))

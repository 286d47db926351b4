"""Memorization: whether synthetic rows stand nearer to the rows learned than others do."""

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
    """How far synthetic rows lie from the nearest row learned, beside rows never learned.

    Distances are the mean over the columns, 0 (a copy) to about 1.

    Attributes
    ----------
    baseline : {"hold-out", "training"}
        What the synthetic rows stand beside: rows never learned, or, for want of those, each row
        learned against all others.
    median, fifth : float
        Median and 5th percentile of the distance from a synthetic row to the nearest row learned.
    copies : float
        Share of the synthetic rows that are copies, 0 to 1.
    baseline_median, baseline_fifth, baseline_copies : float
        The same for the baseline's rows.
    closer : float
        Probability that a synthetic row lies closer to the rows learned than one of the baseline
        does; 0.5 if nothing is memorized, 1 if all is, less where rows are off.
    n_synthetic, n_training, n_baseline : int
        Numbers of rows.
    """

    baseline: Literal["hold-out", "training"]
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
        beside = {"hold-out": "hold-out rows", "training": "training rows"}[self.baseline]
        rows = [
            ("", "synthetic rows", beside),
            ("rows", str(self.n_synthetic), str(self.n_baseline)),
            ("median distance", f"{self.median:.4f}", f"{self.baseline_median:.4f}"),
            ("5th percentile", f"{self.fifth:.4f}", f"{self.baseline_fifth:.4f}"),
            ("exact copies", f"{self.copies:.1%}", f"{self.baseline_copies:.1%}"),
        ]
        lines = [f"Distance to the nearest of {self.n_training} training rows"]
        lines += [f"  {name:<16} {left:>14} {right:>14}" for name, left, right in rows]
        lines.append(
            f"  A synthetic row is the closer one in {self.closer:.0%} of pairs (ideal 50%)"
        )
        return "\n".join(lines)


def memorization(
    synthetic: pd.DataFrame,
    training: pd.DataFrame,
    holdout: pd.DataFrame | None = None,
    *,
    schema: TableSchema | None = None,
) -> Memorization:
    """Compare synthetic rows' distances to the closest record (DCR) with those of other rows.

    The distance is Gower's, of the columns that take part: of numbers the difference by the range
    seen in training, of levels 0 or 1, averaged. A missing cell is a level of its own, and stands
    beside the middle of the numbers.

    Parameters
    ----------
    synthetic : DataFrame
        Rows drawn from a model.
    training : DataFrame
        Rows that it learned.
    holdout : DataFrame, optional
        Rows of the same source that it did not learn; the training rows among themselves by
        default.
    schema : TableSchema, optional
        What the columns are; looked up in `training` by default.

    Returns
    -------
    Memorization
        Printed as a small table.

    Raises
    ------
    TableError
        For a frame without rows.
    ColumnError
        If the frames share no column that takes part.

    References
    ----------
    J. C. Gower (1971), A general coefficient of similarity and some of its properties,
    Biometrics 27(4), 857-871.

    N. Park et al. (2018), Data synthesis based on generative adversarial networks, PVLDB 11(10),
    1071-1083: distance to the closest record.

    M. Platzer and T. Reutterer (2021), Holdout-based empirical assessment of mixed-type synthetic
    data, Frontiers in Big Data 4: the comparison with a hold-out.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [0.0, 1.0, 2.0, 4.0], "y": ["a", "a", "b", "b"]})
    >>> memorization(frame, frame).copies
    1.0
    >>> memorization(frame.assign(x=frame["x"] + 0.5), frame).median
    0.0625
    """
    frames = [synthetic, training] if holdout is None else [synthetic, training, holdout]
    for frame in frames:
        if not len(frame):
            raise TableError("a frame without rows has no distance: give at least one row of each")
    frames = [frame.rename(columns=str) for frame in frames]
    schema = Table(training).schema if schema is None else schema
    names = [name for name in schema.targets if all(name in frame for frame in frames)]
    if not names:
        raise ColumnError("the frames share no column that takes part: give rows of one table")
    matrix = sparse.hstack(
        [_coded([frame[name] for frame in frames], schema[name]) for name in names], format="csr"
    )
    rows, learned, *others = _split(matrix, [len(frame) for frame in frames])
    nearest = NearestNeighbors(n_neighbors=1, metric="manhattan").fit(learned)
    found = nearest.kneighbors(rows)[0].ravel() / len(names)
    # Without a hold-out each row learned is asked for its nearest other.
    beside = nearest.kneighbors(others[0] if others else None)[0].ravel() / len(names)
    median, fifth, copies = _figures(found)
    baseline_median, baseline_fifth, baseline_copies = _figures(beside)
    return Memorization(
        baseline="training" if holdout is None else "hold-out",
        median=median,
        fifth=fifth,
        copies=copies,
        baseline_median=baseline_median,
        baseline_fifth=baseline_fifth,
        baseline_copies=baseline_copies,
        closer=_closer(found, beside),
        n_synthetic=len(synthetic),
        n_training=len(training),
        n_baseline=len(beside),
    )


def _coded(parts: Sequence[pd.Series], column: Column) -> Any:
    """Return one column of all frames as a sparse block whose L1 distances are Gower's."""
    if not column.is_number:
        # By text, so that a level and its number-like twin are one, as they are to the model.
        texts = pd.concat([part.astype("object") for part in parts]).map(
            lambda level: "" if pd.isna(level) else f"={level}"
        )
        # Two levels differ in two places: half a unit in each makes one.
        return OneHotEncoder(dtype=np.float64).fit_transform(texts.to_frame()) / 2
    numbers = np.concatenate([column.numbers(part) for part in parts])
    scaled = (numbers - column.low) / ((column.high - column.low) or 1.0)
    missing = np.isnan(scaled)
    return sparse.csr_matrix(np.column_stack([np.where(missing, 0.5, scaled), missing / 2]))


def _split(matrix: Any, lengths: Sequence[int]) -> list[Any]:
    ends = np.cumsum(lengths)
    return [matrix[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def _figures(distances: Floats) -> tuple[float, float, float]:
    """Return the median, the 5th percentile and the share of copies."""
    median, fifth = np.quantile(distances, [0.5, 0.05])
    return float(median), float(fifth), float(np.mean(distances == 0))


def _closer(found: Floats, beside: Floats) -> float:
    """Return the probability that one of `found` is less than one of `beside`; ties are halves."""
    n, m = len(found), len(beside)
    ranks = rankdata(np.concatenate([beside, found]))[:m]
    return float((ranks.sum() - m * (m + 1) / 2) / (n * m))

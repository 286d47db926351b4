"""Little known: answers beside the shares of the table's own rows.

    python -m tests.benchmarks.little_known [--tables tuning,confirmation] [--backend pretrained]
        [--seconds 0] [--out FILE]

A model is fitted to a whole table. Its answers are compared with the shares of the values among the
rows: all rows with nothing known, and the matching rows with one level of another column known, for
each level with at least 50 of them. Numbers are merged into at most ten parts of about equal share.
The distance is the total variation. "Sampling error" is its expectation between the shares of that
many rows and the distribution that they are drawn from, if that has the same shares: an answer as
close to the shares as the rows' own sampling error can't be told from the truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from tabwidget import TabularLanguageModel
from tabwidget.table import Column
from tests.benchmarks.every_column import fit_for
from tests.benchmarks.frames import is_number, load, named
from tests.benchmarks.report import Report, parser

__all__ = ["distance", "sampling_error"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PARTS = 10
MIN_ROWS = 50


def distance(p: Floats, q: Floats) -> float:
    """Return the total variation distance.

    Examples
    --------
    >>> distance(np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    0.5
    """
    return float(np.abs(p - q).sum() / 2)


def sampling_error(p: Floats, n: int) -> float:
    """Return the expected total variation distance of the shares of `n` draws from `p`.

    The mean absolute deviation of a binomial is de Moivre's closed form.

    Examples
    --------
    >>> sampling_error(np.array([0.5, 0.5]), 1)
    0.5
    >>> sampling_error(np.array([1.0, 0.0]), 9)
    0.0
    """
    above = np.floor(n * p) + 1
    deviation = 2 * above * (1 - p) * binom.pmf(above, n, p)
    return float(deviation.sum() / 2 / n)


def parts(column: Column, codes: Ints) -> Ints:
    """Return the part that each value of the support belongs to: itself, or one of ten ranges."""
    n = len(column.support)
    if not column.is_number or n <= PARTS:
        return np.arange(n)
    shares = np.bincount(codes, minlength=n) / len(codes)
    return np.floor(PARTS * (shares.cumsum() - shares / 2)).astype(np.int64).clip(0, PARTS - 1)


def measured(
    table: str, model: TabularLanguageModel, frame: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    """Yield the distances of one table."""
    for target in model.schema.targets:
        column = model.schema[target]
        codes = column.codes(column.numbers(frame[target]))
        there = codes >= 0
        group = parts(column, codes[there])
        about = {
            "table": table,
            "target": target,
            "kind": "number" if column.is_number else "levels",
        }
        for evidence, matching in [({}, there), *_single(model, frame, target, there)]:
            answer = model.conditional(target, evidence).probabilities
            shares = np.bincount(codes[matching], minlength=len(answer)) / matching.sum()
            merged = _merged(group, shares)
            yield {
                **about,
                "evidence": ", ".join(f"{name}={value}" for name, value in evidence.items()),
                "rows": int(matching.sum()),
                "distance": distance(_merged(group, answer), merged),
                "sampling": sampling_error(merged, int(matching.sum())),
                "whole": distance(answer, shares),
            }


def _merged(group: Ints, shares: Floats) -> Floats:
    return np.bincount(group, shares).astype(np.float64)


def _single(
    model: TabularLanguageModel, frame: pd.DataFrame, target: str, there: NDArray[np.bool_]
) -> Iterator[tuple[dict[str, Any], NDArray[np.bool_]]]:
    for name in model.schema.targets:
        if name == target or is_number(frame[name]):
            continue
        for level in frame[name].dropna().unique():
            matching = there & (frame[name] == level).fillna(False).to_numpy(dtype=bool)
            if matching.sum() >= MIN_ROWS:
                yield {name: level}, matching


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--tables", default="tuning,confirmation")
    arguments.add_argument("--backend", default="pretrained")
    arguments.add_argument("--seconds", type=float, default=0.0)
    options = arguments.parse_args()
    report = Report(options)
    every = []
    for table in named(options.tables):
        frame = load(table)
        model = fit_for(options.seconds, options.backend)(frame, 0)
        every.append(pd.DataFrame(measured(table, model, frame)))
    found = pd.concat(every, ignore_index=True)
    nothing, single = found[found["evidence"] == ""], found[found["evidence"] != ""]
    report.print("\nTotal variation to the shares of the rows, nothing known:")
    _print(report, nothing)
    report.print(f"\nOne level known, with at least {MIN_ROWS} matching rows:")
    _print(report, single)
    for what, cells in (("nothing known", nothing), ("one level known", single)):
        report.print(f"\nFarthest beyond the sampling error, {what}:")
        report.table("table", "target", "evidence", "rows", "distance", "sampling error")
        beyond = cells["distance"] - (cells["sampling"] if what != "nothing known" else 0)
        for cell in cells.loc[beyond.nlargest(12).index].itertuples():
            report.row(
                cell.table, cell.target, cell.evidence, cell.rows, cell.distance, cell.sampling
            )


def _print(report: Report, cells: pd.DataFrame) -> None:
    """Print the means of each table and of all."""
    report.table(
        "table", "kind", "answers", "mean", "largest", "sampling error", "mean, whole support"
    )
    groups = [(table, kind, one) for (table, kind), one in cells.groupby(["table", "kind"])]
    groups += [("in all", kind, one) for kind, one in cells.groupby("kind")]
    for table, kind, one in [*groups, ("in all", "both", cells)]:
        distances = one["distance"]
        report.row(
            table,
            kind,
            len(one),
            float(distances.mean()),
            float(distances.max()),
            float(one["sampling"].mean()),
            float(one["whole"].mean()),
        )


if __name__ == "__main__":
    main()

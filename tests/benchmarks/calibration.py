"""Calibration: coverage of 90 % intervals of numbers, and calibration error of labels.

    python -m tests.benchmarks.calibration [--tables tuning] [--seeds 5] [--seconds 12] [--out FILE]

80/20 split with ``random_state=42+seed``, one fit per table and seed, each column predicted from
all others; medians over the seeds. Intervals of listed values (few distinct numbers) cover at least
the nominal level, often more; those of binned numbers can be exact. The expected calibration error
uses 15 equally filled bins of the probability of the most likely label, on tables with over 500
rows. With few test rows the error is positive by chance: "by chance" is the mean error of a
perfectly calibrated model with the same confidences.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget import TabularLanguageModel
from tests.benchmarks.baselines import MIN_ROWS, scored_rows
from tests.benchmarks.every_column import fit_for
from tests.benchmarks.frames import load, named, split, without_unseen
from tests.benchmarks.report import Report, parser
from tests.benchmarks.scores import calibration_error, quantiles

Floats = NDArray[np.float64]

COVERED = 0.9
MIN_TABLE = 500  # rows, for a meaningful calibration error
DRAWS = 200


def measures(
    model: TabularLanguageModel, train: pd.DataFrame, test: pd.DataFrame, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield the measures of each column: coverage for numbers, calibration error for levels."""
    for target in model.schema.targets:
        column = model.schema[target]
        usable = scored_rows(train, test, target)
        if usable.sum() < MIN_ROWS or train[target].nunique() < 2:
            continue
        known = without_unseen(test[usable], train)
        probabilities = model.predict_proba_many(known, target)
        numbers = column.numbers(test.loc[usable, target])
        if column.is_number:
            low = quantiles(column, probabilities, (1 - COVERED) / 2)
            high = quantiles(column, probabilities, (1 + COVERED) / 2)
            # Bins of whole numbers end at halves, intervals at whole numbers.
            ends = (np.round(low), np.round(high)) if column.integer else (low, high)
            covered = float(((numbers >= ends[0]) & (numbers <= ends[1])).mean())
            kind = "listed" if column.edges is None else "binned"
            yield {"column": target, "kind": kind, "covered": covered}
        elif len(train) + len(test) > MIN_TABLE:
            confidence = probabilities.max(1)
            right = (probabilities.argmax(1) == numbers).astype(float)
            yield {
                "column": target,
                "kind": "levels",
                "error": calibration_error(confidence, right),
                "by_chance": _by_chance(confidence, seed),
            }


def _by_chance(confidence: Floats, seed: int) -> float:
    """Return the mean calibration error of outcomes drawn from the confidences themselves."""
    rng = np.random.default_rng(seed)
    drawn = rng.random((DRAWS, len(confidence))) < confidence
    return float(np.mean([calibration_error(confidence, row.astype(float)) for row in drawn]))


def main() -> None:
    """Run and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--tables", default="tuning")
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=12.0)
    options = arguments.parse_args()
    report = Report(options)
    report.table("table", "column", "kind", "covered by 90 %", "calibration error", "by chance")
    every = [_measured(table, options, report) for table in named(options.tables)]
    cells = pd.concat(every, ignore_index=True)
    report.table("columns of", "numbers", "covered by 90 %", "of the binned", "calibration error")
    for table in cells["table"].unique():
        report.row(table, *_means(cells[cells["table"] == table]))
    report.row("in all", *_means(cells))


def _measured(table: str, options: argparse.Namespace, report: Report) -> pd.DataFrame:
    """Print and return the medians of the columns of one table."""
    found = []
    for seed in range(options.seeds):
        train, test = split(load(table), seed)
        found += list(measures(fit_for(options.seconds)(train, seed), train, test, seed))
    frame = pd.DataFrame(found, columns=["column", "kind", "covered", "error", "by_chance"])
    cells = frame.groupby(["column", "kind"], sort=False).median().reset_index()
    for cell in cells.itertuples(index=False):
        report.row(table, *cell)
    return cells.assign(table=table)


def _means(cells: pd.DataFrame) -> Iterator[object]:
    yield int(cells["covered"].notna().sum())
    yield float(cells["covered"].mean())
    yield float(cells.loc[cells["kind"] == "binned", "covered"].mean())
    yield float(cells["error"].mean())


if __name__ == "__main__":
    main()

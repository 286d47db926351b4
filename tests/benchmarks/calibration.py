"""Do the answers mean what they say: coverage of 90 % intervals, and calibration of labels.

    python -m tests.benchmarks.calibration [--tables tuning] [--seeds 5] [--seconds 12] [--out FILE]

80/20 split with ``random_state=42+seed``, one fit a table and seed, each column given all others;
medians over the seeds. An interval of listed values (few distinct ones) holds at least what it says
and often more; of a binned number it can be exact. The calibration error is expected over 15 bins
of equally many rows of the likeliest label's probability, on tables with over 500 rows. Few test
rows show an error by chance alone: what a perfectly calibrated model of the same confidences would
show on the mean stands beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabwidget import TabularLanguageModel
from tests.benchmarks.baselines import scored_rows
from tests.benchmarks.every_column import MIN_ROWS, fit_for
from tests.benchmarks.frames import load, named, split, without_unseen
from tests.benchmarks.report import Report, parser
from tests.benchmarks.scores import calibration_error, quantiles

Floats = NDArray[np.float64]

COVERED = 0.9
MIN_TABLE = 500  # rows, for a calibration error to tell anything
DRAWS = 200


def figures(
    model: TabularLanguageModel, train: pd.DataFrame, test: pd.DataFrame, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield what is measured of each column: coverage of a number, calibration of levels."""
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
            # The bins of whole numbers end on halves, and an interval on whole numbers.
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
    """Return the error that rows drawn from the confidences themselves show on the mean."""
    rng = np.random.default_rng(seed)
    drawn = rng.random((DRAWS, len(confidence))) < confidence
    return float(np.mean([calibration_error(confidence, row.astype(float)) for row in drawn]))


def main() -> None:
    """Run and print."""
    asked = parser(__doc__)
    asked.add_argument("--tables", default="tuning")
    asked.add_argument("--seeds", type=int, default=5)
    asked.add_argument("--seconds", type=float, default=12.0)
    options = asked.parse_args()
    report = Report(options)
    report.table("table", "column", "kind", "covered by 90 %", "calibration error", "by chance")
    every = [_measured(table, options, report) for table in named(options.tables)]
    cells = pd.concat(every, ignore_index=True)
    report.table("columns of", "numbers", "covered by 90 %", "of the binned", "calibration error")
    for table in cells["table"].unique():
        report.row(table, *_means(cells[cells["table"] == table]))
    report.row("in all", *_means(cells))


def _measured(table: str, options: argparse.Namespace, report: Report) -> pd.DataFrame:
    """Return the medians of one table's columns, printed."""
    found = []
    for seed in range(options.seeds):
        train, test = split(load(table), seed)
        found += list(figures(fit_for(options.seconds)(train, seed), train, test, seed))
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

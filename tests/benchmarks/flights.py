"""A long table: 336,776 flights in one fit, its memory, and each column beside its marginal.

    python -m tests.benchmarks.flights [--seconds 120] [--rows 5000] [--split 42] [--out FILE]

90/10 split. On validation rows each column is asked given all others; log-loss over the values or
bins of our own support, beside that of the training frequencies with one added to each. Cells that
the support lacks are dropped and counted as unseen; constants are not asked for. Memory is the peak
of the process, which is a fresh one as ``python -m`` starts it: the table, the fit and the answers
are all it has held.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from tabwidget import TabularLanguageModel
from tests.benchmarks.every_column import fit_for
from tests.benchmarks.frames import flights, without_unseen
from tests.benchmarks.report import Report, parser

Floats = NDArray[np.float64]


def peak() -> float:
    """Return the most memory the process has held so far, in GB (10^9 bytes)."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * (1 if sys.platform == "darwin" else 1024) / 1e9


def marginal(cells: NDArray[np.int64], n_answers: int) -> Floats:
    """Return the frequencies of the answers, one added to each."""
    counts = np.bincount(cells[cells >= 0], minlength=n_answers) + 1
    return counts / counts.sum()


def main() -> None:
    """Run and print."""
    asked = parser(__doc__)
    asked.add_argument("--seconds", type=float, default=120.0)
    asked.add_argument("--rows", type=int, default=5000)
    asked.add_argument("--split", type=int, default=42)
    options = asked.parse_args()
    report = Report(options)
    train, rest = train_test_split(flights(), test_size=0.1, random_state=options.split)
    test = rest.head(options.rows)
    del rest
    memory = {"the table": peak()}
    began = time.perf_counter()
    model = fit_for(options.seconds)(train, 0)
    took = time.perf_counter() - began
    memory["the fit"] = peak()

    known = without_unseen(test, train)
    report.table("column", "kind", "rows", "unseen", "log-loss", "marginal", "better")
    beaten = asked_of = 0
    fitted = float("nan")
    for name in model.schema.targets:
        column = model.schema[name]
        if column.n_unique == 1:
            continue
        learned = column.codes(column.numbers(train[name]))
        truth = column.codes(column.numbers(known[name]))
        at = np.flatnonzero(truth >= 0)
        probabilities = model.predict_proba_many(known.iloc[at], name)
        mine = float(
            -np.log(np.maximum(probabilities[np.arange(len(at)), truth[at]], 1e-15)).mean()
        )
        theirs = float(-np.log(marginal(learned, len(column.support))[truth[at]]).mean())
        beaten, asked_of = beaten + (mine < theirs), asked_of + 1
        unseen = int(test[name].notna().sum()) - len(at)
        better = "yes" if mine < theirs else "no"
        report.row(name, column.kind, len(at), unseen, mine, theirs, better)
        if name == "arr_delay":
            numbers = column.numbers(known[name].iloc[at])
            fitted = float(r2_score(numbers, probabilities @ column.grid))
    memory["the answers"] = peak()

    report.table("what", "figure")
    report.row("columns that beat the marginal", f"{beaten} of {asked_of}")
    report.row("R² of arr_delay given all others", fitted)
    report.row(f"seconds of the fit ({len(train):,} rows)", took)
    for what, most in memory.items():
        report.row(f"peak memory after {what}, GB", most)
    _ignored(report, model, train)


def _ignored(report: Report, model: TabularLanguageModel, train: pd.DataFrame) -> None:
    """Say which columns take no part, and why."""
    report.table("column left out", "why")
    for name in train:
        if name not in model.schema.targets:
            report.row(name, model.schema[str(name)].note)


if __name__ == "__main__":
    main()

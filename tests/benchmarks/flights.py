"""A long table: 336,776 flights in one fit, its memory, and each column beside its marginal.

    python -m tests.benchmarks.flights [--seconds 120] [--rows 5000] [--split 42] [--out FILE]

90/10 split. On validation rows each column is predicted from all others; log-loss over the values
or bins of tabwidget's support, beside that of the training frequencies with add-one smoothing.
Cells outside the support are dropped and counted as unseen; constant columns are skipped. Memory is
the peak of the process, which ``python -m`` starts fresh.
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
    """Return the peak memory of the process in GB (10^9 bytes)."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * (1 if sys.platform == "darwin" else 1024) / 1e9


def marginal(codes: NDArray[np.int64], n_values: int) -> Floats:
    """Return the frequencies of the values, with add-one smoothing."""
    counts = np.bincount(codes[codes >= 0], minlength=n_values) + 1
    return counts / counts.sum()


def main() -> None:
    """Run and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=120.0)
    arguments.add_argument("--rows", type=int, default=5000)
    arguments.add_argument("--split", type=int, default=42)
    options = arguments.parse_args()
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
    """Print the columns that are not modeled, and why."""
    report.table("column left out", "why")
    for name in train:
        if name not in model.schema.targets:
            report.row(name, model.schema[str(name)].note)


if __name__ == "__main__":
    main()

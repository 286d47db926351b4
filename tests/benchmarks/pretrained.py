"""Time and memory of the pretrained model: answers without any training.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.pretrained [--backend pretrained]
        [--seconds 0] [--calls 100] [--tables penguins,synthetic,flights] [--out FILE]

"Synthetic" has 1,000 rows and 20 dependent columns (14 numbers, 6 columns of levels), "flights"
336,776 rows and 19 columns. A new process imports the package, reads the table and answers once.
The first answer of a column builds its context; later ones read it from the cache. Evidence is a
random part of a random row. A curve is one distribution for each of 200 values of one column, the
other columns known. The best of several cores is not used: a backend takes half of them, and one
thread with ``OMP_NUM_THREADS=1`` on two.

Memory: the growth of a new process after one answer for each of the 20 columns of a synthetic table
of 2,000 rows, and its peak.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification

from tabwidget import TabularLanguageModel
from tabwidget.callbacks import memory_of_process
from tests.benchmarks.every_column import fit_for
from tests.benchmarks.flights import peak
from tests.benchmarks.frames import flights, load
from tests.benchmarks.report import Report, parser

__all__ = ["evidence", "synthetic"]

POINTS = 200
NUMBERS, LEVELS = 14, 6
IN_PROCESS = """
import time
began = time.perf_counter()
from tabwidget import TabularLanguageModel, TrainingConfig
from tabwidget.datasets import load
imported = time.perf_counter()
model = TabularLanguageModel({backend!r}, training=TrainingConfig(max_seconds={seconds}))
answer = model.fit(load("penguins")).conditional("species", {{"island": "Dream"}})
print(imported - began, time.perf_counter() - imported)
"""


def synthetic(rows: int, seed: int = 0) -> pd.DataFrame:
    """Return 20 dependent columns.

    Examples
    --------
    >>> frame = synthetic(50)
    >>> frame.shape, sorted(set(frame["level 0"]))
    ((50, 20), ['a', 'b', 'c', 'd'])
    """
    x, _ = make_classification(
        rows, NUMBERS + LEVELS, n_informative=10, n_redundant=10, random_state=seed
    )
    frame = pd.DataFrame(x[:, :NUMBERS], columns=[f"number {i}" for i in range(NUMBERS)])
    for i in range(LEVELS):
        cuts = pd.qcut(x[:, NUMBERS + i], 4 + i, labels=False)
        frame[f"level {i}"] = np.array(list("abcdefghi"))[cuts]
    return frame


def evidence(frame: pd.DataFrame, target: str, rng: np.random.Generator) -> dict[str, Any]:
    """Return a random part of the other cells of a random row."""
    row = frame.iloc[int(rng.integers(len(frame)))].drop(target).dropna()
    share = rng.random()
    return {str(name): value for name, value in row.items() if rng.random() < share}


def seconds_of(call: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def times(frame: pd.DataFrame, backend: str, seconds: float, calls: int) -> dict[str, float]:
    """Return the seconds of each measurement on one table."""
    rng = np.random.default_rng(0)
    began = time.perf_counter()
    model = fit_for(seconds, backend)(frame, 0)
    found = {"fit, s": time.perf_counter() - began}
    names = model.schema.targets
    first = seconds_of(lambda: model.conditional(names[0]))
    found["fit and first answer, s"] = found["fit, s"] + first
    found["first answers of all columns, s"] = first + sum(
        seconds_of(functools.partial(model.conditional, name)) for name in names[1:]
    )
    asked = []
    for i in range(calls):
        target = names[i % len(names)]
        given = evidence(frame, target, rng)
        asked.append(seconds_of(functools.partial(model.conditional, target, given)))
    found["one question, median, ms"] = 1000 * statistics.median(asked)
    found["one question, slowest twentieth from, ms"] = 1000 * float(np.quantile(asked, 0.95))
    rows = [evidence(frame, names[0], rng) for _ in range(10)]
    found["all columns in a survey, ms"] = 1000 * statistics.median(
        seconds_of(functools.partial(model.survey, row)) for row in rows
    )
    found[f"a curve of {POINTS} points, ms"] = 1000 * statistics.median(
        seconds_of(functools.partial(model.predict_proba_many, curve, target))
        for target, curve in (_curve(model, frame, rng) for _ in range(5))
    )
    return found


def _curve(
    model: TabularLanguageModel, frame: pd.DataFrame, rng: np.random.Generator
) -> tuple[str, pd.DataFrame]:
    """Return a target, and one row repeated with values of another column, a number."""
    moved = str(rng.choice([name for name, column in model.schema.items() if column.is_number]))
    target = str(rng.choice([name for name in model.schema.targets if name != moved]))
    row = frame.iloc[[int(rng.integers(len(frame)))] * POINTS].reset_index(drop=True)
    values = frame[moved].dropna()
    return target, row.assign(**{moved: values.quantile(np.linspace(0, 1, POINTS)).array})


def memory(backend: str, seconds: float) -> dict[str, float]:
    """Return the memory of 20 cached contexts, in MB; in a new process."""
    frame = synthetic(2000)
    # Imports and the first allocations belong to every model.
    small = fit_for(seconds, backend)(synthetic(100), 0)
    small.conditional(small.schema.targets[0])
    before = memory_of_process(0.0).used / 1e6
    model = fit_for(seconds, backend)(frame, 0)
    for name in model.schema.targets:
        model.conditional(name)
    after = memory_of_process(0.0).used / 1e6
    return {
        "before the fit": before,
        "growth after 20 first answers": after - before,
        "peak": 1000 * peak(),
    }


def _in_process(options: argparse.Namespace) -> tuple[float, float]:
    """Return the seconds of the import and from there to the first answer, in a new process."""
    code = IN_PROCESS.format(backend=options.backend, seconds=options.seconds)
    runs = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        runs.append([float(part) for part in done.stdout.split()])
    imported, answered = np.median(runs, axis=0)
    return float(imported), float(answered)


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--backend", default="pretrained")
    arguments.add_argument("--seconds", type=float, default=0.0)
    arguments.add_argument("--calls", type=int, default=100)
    arguments.add_argument("--tables", default="penguins,synthetic,flights")
    options = arguments.parse_args()
    report = Report(options)
    imported, answered = _in_process(options)
    report.table("penguins in a new process", "s")
    report.row("import TabularLanguageModel", imported)
    report.row("from there to the first answer", answered)

    makers: dict[str, Callable[[], pd.DataFrame]] = {
        "synthetic": functools.partial(synthetic, 1000),
        "flights": flights,
    }
    found = {}
    fit_for(options.seconds, options.backend)(load("iris"), 0).conditional("species")  # warm-up
    for name in options.tables.split(","):
        frame = makers[name]() if name in makers else load(name)
        label = f"{name}, {len(frame):,} x {frame.shape[1]}"
        found[label] = times(frame, options.backend, options.seconds, options.calls)
    report.table("what", *found)
    for what in next(iter(found.values())):
        report.row(what, *(one[what] for one in found.values()))

    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        used = pool.apply(memory, (options.backend, options.seconds))
    report.table("memory of 20 contexts of 2,000 rows", "MB")
    for what, value in used.items():
        report.row(what, round(value))


if __name__ == "__main__":
    main()

"""How long one question takes while the default backend trains.

    python -m tests.benchmarks.asking [--seconds 10] [--rate 20] [--table NAME] [--out FILE]

The main thread asks as a dragged slider does, 20 times a second, with another value each time; a
second thread trains. Prints the median, the 95th percentile and the longest of the questions'
milliseconds, idle (before the fit) and while the fit learns and ends.
"""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np

from tabwidget import TrainingConfig
from tabwidget.inference.query import Query
from tabwidget.session import Session
from tests.benchmarks.pass_time import TABLES
from tests.benchmarks.report import Report, parser

Times = dict[str, list[float]]


def ask(session: Session, share: float) -> float:
    """Return the milliseconds of one question, with evidence at a share of a column's range."""
    schema = session.loaded().schema
    number = next(schema[name] for name in schema.targets if schema[name].kind == "numeric")
    target = next(name for name in schema.targets if name != number.name)
    value = number.low + share * (number.high - number.low)
    began = time.perf_counter()
    session.ask(Query((target,), {number.name: value}))
    return 1000 * (time.perf_counter() - began)


def drag(session: Session, rate: float, times: Times) -> None:
    """Ask until the run is over."""
    run = session.run
    assert run is not None
    n = 0
    while run.status == "running":
        phase = run.snapshot()["phase"]
        began = time.perf_counter()
        times[phase].append(ask(session, abs((n / 40) % 2 - 1)))
        n += 1
        time.sleep(max(0.0, 1 / rate - (time.perf_counter() - began)))


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--rate", type=float, default=20.0)
    arguments.add_argument("--table", choices=list(TABLES))
    options = arguments.parse_args()
    report = Report(options)
    report.table("table", "phase", "questions", "median, ms", "p95, ms", "longest, ms")
    for name, load in TABLES.items():
        if options.table not in (None, name):
            continue
        training = TrainingConfig(max_seconds=options.seconds)
        session = Session(load(), training=training)
        ask(session, 0.5)
        times: Times = defaultdict(list)
        times["idle"] = [ask(session, share) for share in np.linspace(0, 1, 40)]
        session.start()
        drag(session, options.rate, times)
        times["all of the fit"] = [
            one for phase, found in times.items() if phase != "idle" for one in found
        ]
        for phase, found in times.items():
            p50, p95 = np.percentile(found, [50, 95])
            report.row(name, phase or "starting", len(found), p50, p95, max(found))


if __name__ == "__main__":
    main()

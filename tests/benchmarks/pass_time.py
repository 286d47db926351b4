"""The estimated time of one pass over the rows beside what a fit takes.

    python -m tests.benchmarks.pass_time [--seconds 10] [--table NAME] [--out FILE]

Fits the default backend without a Jupyter server, and prints, for each table, the seconds per epoch
that `Session.cost` estimates, those measured while the network learns, and their ratio.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabwidget import TrainingConfig, datasets
from tabwidget.events import FitStart, PhaseReport, TrainReport
from tabwidget.session import Session
from tests.benchmarks.frames import flights
from tests.benchmarks.report import Report, parser


def synthetic(n_rows: int = 1_000, n_columns: int = 20) -> pd.DataFrame:
    """Return correlated numbers."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n_rows, 5)) @ rng.normal(size=(5, n_columns))
    names = [f"x{i}" for i in range(n_columns)]
    return pd.DataFrame(factors + 0.3 * rng.normal(size=factors.shape), columns=names)


TABLES = {
    "penguins": lambda: datasets.load("penguins"),
    "1,000 x 20": synthetic,
    "flights": flights,
}


def measured(session: Session) -> float:
    """Return the seconds per epoch of a fit, from the begin of learning to its last report."""
    run = session.start()
    run.wait()
    events, _ = run.since(0)
    [start] = [event for event in events if isinstance(event, FitStart)]
    [learning] = [e for e in events if isinstance(e, PhaseReport) and e.phase == "learning"]
    last = [event for event in events if isinstance(event, TrainReport)][-1]
    # Counted by steps, since a fit of a long table ends within its first epoch.
    epochs = last.step * session.cost().size.rows_per_step / start.n_train
    return (last.seconds - learning.seconds) / epochs


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--table", choices=list(TABLES))
    options = arguments.parse_args()
    report = Report(options)
    report.table("table", "backend", "estimated, s", "measured, s", "ratio")
    for name, load in TABLES.items():
        if options.table not in (None, name):
            continue
        frame = load()
        for backend in ("auto", "minilm"):
            training = TrainingConfig(max_seconds=options.seconds)
            session = Session(frame, backend=backend, training=training)
            took = measured(session)
            estimated = session.cost().seconds_per_epoch
            report.row(name, backend, estimated, took, estimated / took)


if __name__ == "__main__":
    main()

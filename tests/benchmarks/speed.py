"""Speed of one query, of many rows at once, and of training relative to the machine's peak.

    python -m tests.benchmarks.speed [--seconds 5] [--calls 200] [--steps 60] [--out FILE]

On a synthetic table of 4,000 rows and ten columns (six numbers, three columns of levels, one
boolean), each predicted from the nine others. Single rows are timed on 200 rows and scaled.

Training: floating-point operations of the forward and backward pass of a step, counted by torch
(without the optimizer; attention counted in full, though half of it is masked), divided by the time
of a whole step without counting. The machine's fp32 rate is that of ``torch.mm`` of 1024 x 1024
with the same number of threads, in the same run.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import make_classification
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from tabwidget import TabularLanguageModel
from tabwidget.backends.base import FitRequest
from tabwidget.backends.minilm.fit import MiniLMFit
from tabwidget.backends.threads import few_threads
from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.minilm.cell_trainer import CellTrainer
from tabwidget.serializers import JSONSerializer
from tabwidget.table import Table
from tests.benchmarks.every_column import fit_for
from tests.benchmarks.report import Report, parser

ROWS = 4000
SIDE = 1024  # of the matrices for the peak rate of the machine
ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
ATTENTION_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
# FLOPs by tensor shapes; torch itself counts attention only on GPUs.
ON_CPU = {
    ATTENTION: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
    ATTENTION_BACKWARD: lambda g, q, k, v, *_, **__: sdpa_backward_flop_count(g, q, k, v),
}


def mixed_frame() -> pd.DataFrame:
    """Return ten dependent columns."""
    x, y = make_classification(
        ROWS, 9, n_informative=6, n_redundant=3, n_classes=3, random_state=0, n_clusters_per_class=1
    )
    frame = pd.DataFrame(x[:, :6], columns=[f"number {i}" for i in range(6)])
    frame["few levels"] = pd.cut(x[:, 6], 4, labels=list("abcd")).astype(str)
    frame["many levels"] = pd.qcut(x[:, 7], 20, labels=[f"level {i}" for i in range(20)])
    frame["yes or no"] = x[:, 8] > 0
    frame["label"] = np.array(["red", "green", "blue"])[y]
    return frame


def seconds_of(call: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def asking(model: TabularLanguageModel, frame: pd.DataFrame, calls: int) -> list[float]:
    """Return the seconds of single queries, each column in turn given the nine others."""
    names = list(map(str, frame))
    questions: list[Callable[[], object]] = []
    for i in range(calls + len(names)):
        target = names[i % len(names)]
        given = {name: frame[name].iat[i] for name in names if name != target}
        questions.append(functools.partial(model.conditional, target, given))
    for question in questions[calls:]:  # warm-up
        question()
    return [seconds_of(question) for question in questions[:calls]]


def one_by_one(model: TabularLanguageModel, frame: pd.DataFrame, calls: int) -> list[float]:
    """Return the seconds of single rows, each its own DataFrame."""
    rows = [frame.iloc[[i]] for i in range(calls)]
    return [seconds_of(functools.partial(model.predict_proba_many, row, "label")) for row in rows]


def trainer_of(frame: pd.DataFrame) -> CellTrainer:
    """Return one ensemble member as in a fit."""
    torch.manual_seed(0)
    table = Table(frame)
    request = FitRequest(
        table=table,
        targets=(),
        training=TrainingConfig(max_seconds=60),
        serializer=JSONSerializer(),
        seed=0,
        resume=False,
        emit=lambda event: None,
        stopped=lambda: False,
    )
    columns = tuple(table.schema[name] for name in table.schema.targets)
    return MiniLMFit(request, ModelConfig(), columns).members[0]


def step_flops(trainer: CellTrainer) -> int:
    """Return the FLOPs of the forward and backward pass of one step."""
    with FlopCounterMode(display=False, custom_mapping=ON_CPU) as counter:
        trainer.step(0.0)
    counts = counter.get_flop_counts()
    return sum(counts[type(trainer.model).__name__].values())


def matmul_rate(repeats: int = 30) -> float:
    """Return the fp32 FLOP/s of a matrix product on this machine."""
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    for _ in range(3):
        torch.mm(a, b)
    return 2 * SIDE**3 / statistics.median(seconds_of(lambda: a @ b) for _ in range(repeats))


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=5.0)
    arguments.add_argument("--calls", type=int, default=200)
    arguments.add_argument("--steps", type=int, default=60)
    options = arguments.parse_args()
    report = Report(options)
    frame = mixed_frame()
    model = fit_for(options.seconds)(frame, 0)

    report.table("what", "figure")
    found = [1000 * seconds for seconds in asking(model, frame, options.calls)]
    report.row(f"one conditional, median of {options.calls}, ms", statistics.median(found))
    report.row("the slowest twentieth from, ms", float(np.quantile(found, 0.95)))

    singles = one_by_one(model, frame, options.calls)
    single = statistics.mean(singles) * len(frame)
    many = statistics.median(
        seconds_of(lambda: model.predict_proba_many(frame, "label")) for _ in range(3)
    )
    report.row(f"{len(frame):,} rows at once, s", many)
    report.row(f"{len(frame):,} rows one by one, s (scaled from {options.calls})", single)
    report.row("times as fast at once", single / many)

    with few_threads():
        trainer, twin = trainer_of(frame), trainer_of(frame)
        took = np.array([seconds_of(lambda: trainer.step(0.0)) for _ in range(options.steps)])
        flops = np.array([step_flops(twin) for _ in range(options.steps)])
        fastest = matmul_rate()
    size, step = len(trainer.batch_rows), float(np.median(took))
    rate = float(np.median((flops / took)[5:]))  # the first steps warm up
    report.row(f"a training step of {size} rows, median of {options.steps}, ms", 1000 * step)
    report.row("rows a second", round(size / step))
    report.row("operations of its forward and backward pass, millions", float(flops.mean()) / 1e6)
    report.row("the machine's fp32 rate, GFLOP/s", fastest / 1e9)
    report.row("training's rate, GFLOP/s", rate / 1e9)
    report.row("training's share of the machine's rate", rate / fastest)


if __name__ == "__main__":
    main()

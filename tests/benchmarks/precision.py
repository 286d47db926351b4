"""The pretrained model's weights as fp32, bf16 and int8: time, and change of the answers.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.precision [--tables penguins,synthetic]
        [--calls 50] [--out FILE]

"bf16 layers" multiplies by bf16 weights, with attention in fp32; "bf16 autocast" computes attention
in bf16 too; "int8" is torch's dynamic quantization of the linear layers. The milliseconds of a
context are medians over the columns, those of a question medians over `calls` with random evidence.
The change is the total variation distance to the answers of fp32; all seeds are equal.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tabwidget.backends.pretrained import backend
from tabwidget.backends.pretrained.weights import pretrained_model
from tests.benchmarks.every_column import fit_for
from tests.benchmarks.frames import load
from tests.benchmarks.little_known import distance
from tests.benchmarks.pretrained import evidence, seconds_of, synthetic
from tests.benchmarks.report import Report, parser

Floats = NDArray[np.float64]
Variant = Callable[[], AbstractContextManager[Any]]

BATCH = 256


class HalfLinear(nn.Module):
    """A linear layer with bf16 weights, and fp32 input and output."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(layer.weight.bfloat16(), requires_grad=False)
        self.bias = None if layer.bias is None else layer.bias.bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        """Return the product in fp32."""
        return functional.linear(x.bfloat16(), self.weight, self.bias).float()


def halved(module: nn.Module) -> nn.Module:
    """Replace the linear layers of a module by `HalfLinear`, and return it."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, HalfLinear(child))
        else:
            halved(child)
    return module


def quantized(model: nn.Module) -> nn.Module:
    """Return a copy with int8 linear layers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated in torch without a successor of its own
        made: nn.Module = torch.ao.quantization.quantize_dynamic(
            copy.deepcopy(model), {nn.Linear}, dtype=torch.qint8
        )
    return made


@contextlib.contextmanager
def weights(model: nn.Module) -> Iterator[None]:
    """Let new backends use this model."""
    with mock.patch.object(backend, "pretrained_model", return_value=model):
        yield


def variants() -> dict[str, Variant]:
    """Return a context for each precision."""
    model = pretrained_model()
    return {
        "fp32": contextlib.nullcontext,
        "bf16 autocast": functools.partial(torch.autocast, "cpu", torch.bfloat16),
        "bf16 layers": functools.partial(weights, halved(copy.deepcopy(model))),
        "int8": functools.partial(weights, quantized(model)),
    }


def measured(frame: pd.DataFrame, calls: int) -> tuple[dict[str, float], list[Floats]]:
    """Return the times and the answers of one precision."""
    rng = np.random.default_rng(0)
    model = fit_for(0.0, "pretrained")(frame, 0)
    names = model.schema.targets
    # The first answer also encodes the table's cells.
    model.conditional(names[0])
    contexts = [seconds_of(functools.partial(model.conditional, name)) for name in names[1:]]
    answers, asked = [], []
    for i in range(calls):
        target = names[i % len(names)]
        given = evidence(frame, target, rng)
        began = time.perf_counter()
        answers.append(model.conditional(target, given).probabilities)
        asked.append(time.perf_counter() - began)
    rows = frame.sample(BATCH, random_state=0).reset_index(drop=True)
    model.predict_proba_many(rows, names[-1])
    batch = seconds_of(lambda: model.predict_proba_many(rows, names[-1]))
    answers += list(model.predict_proba_many(rows, names[-1]))
    times = {
        "context, ms": statistics.median(contexts),
        "question, ms": statistics.median(asked),
        f"{BATCH} questions, ms": batch,
    }
    return {what: 1000 * seconds for what, seconds in times.items()}, answers


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--tables", default="penguins,synthetic")
    arguments.add_argument("--calls", type=int, default=50)
    options = arguments.parse_args()
    report = Report(options)
    for table in options.tables.split(","):
        frame = synthetic(1000) if table == "synthetic" else load(table)
        exact: list[Floats] = []
        for name, variant in variants().items():
            with variant():
                times, answers = measured(frame, options.calls)
            if not exact:
                exact = answers
                report.table("table", "weights", *times, "mean change", "largest change")
            change = [distance(p, q) for p, q in zip(answers, exact, strict=True)]
            mean, largest = f"{np.mean(change):.5f}", f"{np.max(change):.5f}"
            report.row(table, name, *times.values(), mean, largest)


if __name__ == "__main__":
    main()

"""Training throughput in tokens/s: our fit beside the plain Trainer with a padding collator.

    python -m tests.benchmarks.text_training --model FOLDER [--steps 14] [--rows 256]

The same rows as the same token ids, the same model, batch size, adapters (or all weights) and
optimizer; one run each in one process, without our evaluations. The plain Trainer draws random
batches, pads them to their longest row and computes the loss of all tokens. Padding is not counted
as tokens. Tables: ``even``, whose rows have the same cells, and ``uneven``, with missing cells and
notes of varying length.
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from tabwidget.backends import FitRequest
from tabwidget.backends.huggingface import HFBackend
from tabwidget.backends.huggingface.scoring_model import HFScoringModel
from tabwidget.backends.huggingface.training import HFFit
from tabwidget.backends.text import RowTokens
from tabwidget.backends.text.fit_data import Batch
from tabwidget.config import LoRAConfig, ModelConfig, TrainingConfig
from tabwidget.events import Event
from tabwidget.serializers import JSONSerializer
from tabwidget.table import Table
from tests.benchmarks.report import Report, parser

WORDS = ["old", "new", "small", "large", "broken", "clean", "rusty", "heavy", "light", "spare"]


def table_of(kind: str, n: int) -> Table:
    """Return a table whose rows have equal or varying lengths."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "part": rng.choice(["bolt", "wheel", "frame", "chain"], n),
            "size": rng.normal(50, 15, n).round(1),
            "price": rng.gamma(3, 10, n).round(2),
            "stock": rng.integers(0, 100, n),
            "shelf": rng.choice(list("ABCDEF"), n),
            "sold": rng.choice([True, False], n),
        }
    )
    if kind == "uneven":
        for name in ("size", "price", "stock", "shelf", "sold"):
            frame[name] = frame[name].astype(object).where(rng.random(n) < 0.6)
        lengths = rng.choice([1, 3, 10, 40], n, p=[0.4, 0.3, 0.2, 0.1])
        levels = [" ".join(rng.choice(WORDS, length)) for length in lengths]
        frame["note"] = rng.permutation(levels)
    return Table(frame.infer_objects(), kind, keep=["note"] if kind == "uneven" else [])


class Clock(TrainerCallback):
    """Times each step but the first, which warms up, and stops after the last."""

    def __init__(self, steps: int) -> None:
        self.steps, self.began, self.seconds = steps, 0.0, 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Record the time of a step."""
        if state.global_step == 1:
            self.began = time.perf_counter()
        if state.global_step == self.steps + 1:
            self.seconds = time.perf_counter() - self.began
            control.should_training_stop = True
        return control


def rates(tokens_a_batch: list[tuple[int, int]], clock: Clock) -> tuple[float, float]:
    """Return tokens/s and padded tokens/s of the timed steps."""
    tokens, padded = np.array(tokens_a_batch)[1 : clock.steps + 1].sum(axis=0) / clock.seconds
    return float(tokens), float(padded)


def backend_of(options: Any) -> HFBackend:
    """Return the backend with a newly loaded model."""
    lora = None if options.full else LoRAConfig(rank=16)
    backend = HFBackend(ModelConfig(model=options.model, lora=lora, device="cpu"))
    backend._scorer = backend._load_scorer(seed=0)
    return backend


def scorer_of(backend: HFBackend) -> HFScoringModel:
    """Return the scoring model."""
    scorer = backend._scorer
    assert isinstance(scorer, HFScoringModel)
    return scorer


def ours(options: Any, table: Table) -> tuple[float, float]:
    """Return tokens/s and padded tokens/s."""
    backend = backend_of(options)
    training = TrainingConfig(
        max_steps=options.steps + 1, batch_size=options.batch, lr_scheduler="constant"
    )
    events: list[Event] = []
    request = FitRequest(
        table, (), training, JSONSerializer(), 0, False, events.append, lambda: False
    )
    tokens = backend._new_answers(table.schema.inputs, request.serializer, 0).tokens
    fit = _Timed(request, scorer_of(backend), tokens, backend._lock)
    fit.run()
    return rates(fit.tokens_a_batch, fit.clock)


class _Timed(HFFit):
    """A fit that counts tokens and skips evaluations."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.tokens_a_batch: list[tuple[int, int]] = []
        self.clock = Clock(self.request.training.max_steps - 1)  # type: ignore[operator]

    def evaluate(self) -> None:
        """Skip the evaluation."""

    def batch(self, items: Any) -> Batch:
        """Count the tokens of a batch."""
        made = super().batch(items)
        data = self.data
        rows = [data.tokens.row(data.rows[data.train_rows[r]], order) for r, order in items]
        self.tokens_a_batch.append((sum(len(row.ids) for row in rows), made["ids"].size))
        return made

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Record the time first."""
        self.clock.on_step_end(args, state, control)
        return super().on_step_end(args, state, control, **kwargs)


class _Padding:
    """Pads rows to the longest, like the language-modeling collator of transformers."""

    def __init__(self) -> None:
        self.tokens_a_batch: list[tuple[int, int]] = []

    def __call__(self, rows: list[list[int]]) -> dict[str, torch.Tensor]:
        longest = max(map(len, rows))
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        self.tokens_a_batch.append((sum(map(len, rows)), ids.numel()))
        labels = ids.masked_fill(mask == 0, -100)
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def plain(options: Any, table: Table) -> tuple[float, float]:
    """Return tokens/s and padded tokens/s."""
    backend = backend_of(options)
    tokens: RowTokens = backend._new_answers(table.schema.inputs, JSONSerializer(), 0).tokens
    rows = table.schema.rows(table.frame)
    rng = np.random.default_rng(0)
    texts = [tokens.row(row, rng.permutation(rows.shape[1])).ids.tolist() for row in rows]
    clock = Clock(options.steps)
    collator = _Padding()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=options.batch,
            max_steps=options.steps + 5,
            learning_rate=1e-3,
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            remove_unused_columns=False,
        )
        trainer = Trainer(
            model=scorer_of(backend).model,
            args=arguments,
            train_dataset=texts,
            data_collator=collator,
            callbacks=[clock],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return rates(collator.tokens_a_batch, clock)


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--model", required=True, help="folder of a model and its tokenizer")
    options.add_argument("--rows", type=int, default=256)
    options.add_argument("--steps", type=int, default=14)
    options.add_argument("--batch", type=int, default=16)
    options.add_argument(
        "--full", action="store_true", help="train all weights instead of adapters"
    )
    options.add_argument("--tables", nargs="*", default=["even", "uneven"])
    chosen = options.parse_args()
    report = Report(chosen)
    report.table("rows", "loop", "tokens/s", "with padding", "times as fast", "target")
    for kind in chosen.tables:
        table = table_of(kind, chosen.rows)
        found = {name: way(chosen, table) for name, way in {"plain": plain, "ours": ours}.items()}
        for name, (rate, padded) in found.items():
            times = "" if name == "plain" else f"{rate / found['plain'][0]:.2f}"
            target = "1.5" if name == "ours" and kind == "uneven" else ""
            report.row(kind, name, f"{rate:.0f}", f"{padded:.0f}", times, target)


if __name__ == "__main__":
    main()

"""Fine-tuning a pretrained model on a table, for each backend, beside the untuned model.

    python -m tests.benchmarks.text_tuning --model FOLDER [--backends huggingface] [--seeds 1 2 3]

Penguins, 80/20 splits by seed. Before tuning, the species of the test rows is predicted from all
other columns, and the log-probabilities of two backends on the same rows are compared. After tuning
with LoRA (rank 16, other settings by default) the species is predicted again. With
``--target-only`` only the species given all other columns is trained.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from tabwidget import LoRAConfig, ModelConfig, TabularLanguageModel, TrainingConfig, datasets
from tests.benchmarks.report import Report, parser

TARGET = "species"


def model_of(
    backend: str, folder: str, serializer: str, seed: int, **training: Any
) -> TabularLanguageModel:
    """Return an unfitted model with adapters."""
    config = ModelConfig(model=folder, lora=LoRAConfig(rank=16), device="cpu")
    return TabularLanguageModel(
        backend, serializer, TrainingConfig(**training), config, random_state=seed
    )


def target_scores(lm: TabularLanguageModel, rows: pd.DataFrame) -> tuple[float, float]:
    """Return accuracy and log-loss of the target given all other columns."""
    found = lm.predict_proba_many(rows.drop(columns=TARGET), TARGET)
    levels = [str(level) for level in lm.schema[TARGET].support]
    predicted = np.array(levels)[found.argmax(axis=1)]
    return accuracy_score(rows[TARGET], predicted), log_loss(rows[TARGET], found, labels=levels)


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--model", required=True, help="folder of a model and its tokenizer")
    options.add_argument("--backends", nargs="*", default=["huggingface", "mlx"])
    options.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    options.add_argument("--seconds", type=float, default=300.0)
    options.add_argument("--serializer", default="json")
    options.add_argument("--target-only", action="store_true")
    chosen = options.parse_args()
    settings = (chosen.model, chosen.serializer)
    report = Report(chosen)
    frame = datasets.load("penguins")
    table = pd.DataFrame(frame).dropna(subset=[TARGET]).reset_index(drop=True)
    report.table(
        "backend",
        "seed",
        "training / test rows",
        "zero-shot accuracy",
        "log-loss",
        "validation loss before",
        "after",
        "steps",
        "seconds",
        "tuned accuracy",
        "log-loss",
    )
    apart = []
    for seed in chosen.seeds:
        train, test = train_test_split(
            table, test_size=0.2, random_state=seed, stratify=table[TARGET]
        )
        before = []
        for backend in chosen.backends:
            # A negligible learning rate leaves the model untuned.
            lm = model_of(backend, *settings, seed, max_steps=1, learning_rate=1e-12)
            lm.fit(train, target_cols=[TARGET])
            zero = target_scores(lm, test)
            likelihoods = pd.DataFrame(lm.log_likelihood(test.head(10), per_cell=True))
            before.append(likelihoods.to_numpy(dtype=float))
            began = time.perf_counter()
            lm = model_of(
                backend,
                *settings,
                seed,
                max_seconds=chosen.seconds,
                loss_on_target_only=chosen.target_only,
            )
            lm.fit(train, target_cols=[TARGET])
            took, state = time.perf_counter() - began, lm.state
            evaluations = [point["loss"] for point in state.curve if point["split"] == "validation"]
            tuned = target_scores(lm, test)
            report.row(
                backend,
                seed,
                f"{len(train)} / {len(test)}",
                f"{zero[0]:.3f}",
                f"{zero[1]:.3f}",
                f"{evaluations[0]:.3f}",
                f"{state.best_loss:.3f}",
                state.step,
                f"{took:.0f}",
                f"{tuned[0]:.3f}",
                f"{tuned[1]:.3f}",
            )
        if len(before) > 1:
            apart.append(float(np.nanmax(np.abs(before[0] - before[1]))))
    if apart:
        report.print(
            f"\nlargest difference of a cell's log-probability between {chosen.backends[0]} and "
            f"{chosen.backends[1]} before tuning, {len(apart)} seeds of 10 rows: {max(apart):.1e}"
        )


if __name__ == "__main__":
    main()

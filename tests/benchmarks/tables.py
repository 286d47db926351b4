"""Accuracy or R², and log-loss, of one fit on small tables, beside scikit-learn's models.

    python -m tests.benchmarks.tables [--seconds 12] [--seeds 3] [--tables iris,wine]
        [--split 42,43] [--out FILE]

80/20 split with ``random_state=42``, or each of ``--split``; medians over splits and seeds. Prints
the table of the README.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tabwidget import TabularLanguageModel, TrainingConfig, datasets
from tests.benchmarks.report import Report, parser

TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
    "penguins": "species",
}
Scores = tuple[float, float]


def ours(train: pd.DataFrame, test: pd.DataFrame, target: str, seconds: float, seed: int) -> Scores:
    """Fit once and return the scores of one column given all others."""
    model = TabularLanguageModel(training=TrainingConfig(max_seconds=seconds), random_state=seed)
    model.fit(train, target_cols=[target])
    column = model.schema[target]
    probabilities = model.predict_proba_many(test, target)
    if column.is_number:
        return r2_score(test[target], probabilities @ column.grid), np.nan
    predicted = column.support[probabilities.argmax(1)]
    loss = log_loss(test[target], probabilities, labels=list(column.support))
    return accuracy_score(test[target], predicted), loss


def theirs(train: pd.DataFrame, test: pd.DataFrame, target: str) -> Iterator[tuple[str, Scores]]:
    """Fit scikit-learn models for the column and yield their scores."""
    number = pd.api.types.is_numeric_dtype(train[target])
    inputs = pd.get_dummies(pd.concat([train, test]).drop(columns=target), dtype=float)
    x, x_test = inputs.iloc[: len(train)], inputs.iloc[len(train) :]
    linear = RidgeCV() if number else LogisticRegression(max_iter=2000)
    forest = (RandomForestRegressor if number else RandomForestClassifier)(300, random_state=0)
    for name, model in {"linear": linear, "forest": forest}.items():
        pipeline = make_pipeline(SimpleImputer(), StandardScaler(), model).fit(x, train[target])
        if number:
            yield name, (r2_score(test[target], pipeline.predict(x_test)), np.nan)
        else:
            loss = log_loss(test[target], pipeline.predict_proba(x_test), labels=model.classes_)
            yield name, (accuracy_score(test[target], pipeline.predict(x_test)), loss)


def middle(found: Sequence[Scores]) -> Scores:
    """Return the medians."""
    return statistics.median(score for score, _ in found), statistics.median(x for _, x in found)


def pair(scores: Scores) -> str:
    """Format scores as a cell of the table."""
    return f"{scores[0]:.3f}" + ("" if np.isnan(scores[1]) else f" / {scores[1]:.3f}")


def main() -> None:
    """Run and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=12.0)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--tables", default=",".join(TARGETS))
    arguments.add_argument(
        "--split", default="42", help="random_state of the split, or several: 42,43"
    )
    options = arguments.parse_args()
    report = Report(options)
    report.table("table", "tabwidget, median", "each seed", "seconds", "linear", "forest")
    for name in options.tables.split(","):
        frame, target = datasets.load(name), TARGETS[name]
        found, took = [], []
        others: dict[str, list[Scores]] = {"linear": [], "forest": []}
        for state in options.split.split(","):
            train, test = train_test_split(frame, test_size=0.2, random_state=int(state))
            for seed in range(options.seeds):
                began = time.perf_counter()
                found.append(ours(train, test, target, options.seconds, seed))
                took.append(time.perf_counter() - began)
            for model, scores in theirs(train, test, target):
                others[model].append(scores)
        report.row(
            name,
            pair(middle(found)),
            ", ".join(pair(scores) for scores in found),
            f"{statistics.mean(took):.1f}",
            pair(middle(others["linear"])),
            pair(middle(others["forest"])),
        )


if __name__ == "__main__":
    main()

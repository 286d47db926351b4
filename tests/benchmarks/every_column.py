"""Every column from the others: one fit beside models trained for each column.

    python -m tests.benchmarks.every_column [--tables tuning|confirmation|iris,cars] [--seeds 5]
        [--seconds 12] [--trees 300] [--cache FOLDER] [--out FILE]

Split and model seed vary together: 80/20 with ``random_state=42+seed``. tabwidget is fitted once
per table and seed, without a target. Each column is predicted from all others, and from a random
half of them, drawn per row and equal for all models. ``baselines.py`` describes the baselines;
``--cache`` keeps their scores.

Levels are scored by log-loss over the labels of the training rows (test rows with another label are
dropped and counted as unseen), numbers by R² and by CRPS in standard deviations of the training
rows. The R² of tabwidget uses the mean of the distribution. Columns with one value in the training
rows, or with fewer than ten test rows to score, are left out. A column that tabwidget does not
model has no score and counts as lost.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, r2_score

from tabwidget import TabularLanguageModel, TrainingConfig
from tests.benchmarks.baselines import (
    GIVENS,
    MODELS,
    RAW_FOREST,
    Scores,
    baselines,
    features,
    scored_rows,
)
from tests.benchmarks.frames import half_known, is_number, load, named, split, without_unseen
from tests.benchmarks.report import Report, parser
from tests.benchmarks.scores import crps

__all__ = ["Fit", "fit_for", "medians", "our_scores", "raw_scores", "summary"]

Fit = Callable[[pd.DataFrame, int], TabularLanguageModel]

OURS = "ours"
MIN_ROWS = 10  # of the test part, to score a column
MIN_R2 = -1.0  # in mean gains, since few rows with little variance give an R² of minus thousands
CELL = ["table", "column", "given", "kind", "metric"]


def fit_for(seconds: float) -> Fit:
    """Return the default fit."""

    def fit(train: pd.DataFrame, seed: int) -> TabularLanguageModel:
        training = TrainingConfig(max_seconds=seconds)
        return TabularLanguageModel(training=training, random_state=seed).fit(train)

    return fit


def raw_scores(
    table: str,
    seed: int,
    fit: Fit,
    *,
    trees: int = 300,
    cache: Path | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return every score on one table and seed.

    Parameters
    ----------
    table : str
        Name of a table of ``frames.py``.
    seed : int
        Seed of the split, of the hidden cells and of all models.
    fit : callable
        ``fit(train, seed)`` returns a fitted model; called once.
    trees : int, default 300
        Trees in a forest.
    cache : Path, optional
        Folder for cached baseline scores.
    columns : sequence of str, optional
        Target columns; all by default.

    Returns
    -------
    DataFrame
        One score per row: table, column, given, kind, metric, rows, unseen, seed, model, score.
    """
    train, test = split(load(table), seed)
    model = fit(train, seed)
    found: list[dict[str, Any]] = []
    for target in list(map(str, train)) if columns is None else columns:
        usable = scored_rows(train, test, target)
        if train[target].nunique() < 2 or usable.sum() < MIN_ROWS:
            continue
        scores = baselines(train, test, target, seed, trees, cache)
        for given, mine in our_scores(model, train, test, target, seed).items():
            scores[given].update(mine)
        about = {
            "table": table,
            "column": target,
            "kind": "number" if is_number(train[target]) else "levels",
            "rows": int(usable.sum()),
            "unseen": int(test[target].notna().sum() - usable.sum()),
            "seed": seed,
        }
        found += [
            {**about, "given": given, "model": name, "metric": metric, "score": score}
            for given, models in scores.items()
            for name, metrics in models.items()
            for metric, score in metrics.items()
        ]
    return pd.DataFrame(found)


def our_scores(
    model: TabularLanguageModel, train: pd.DataFrame, test: pd.DataFrame, target: str, seed: int
) -> Scores:
    """Return our scores on one column; NaN if the model does not predict it."""
    usable = scored_rows(train, test, target)
    number = is_number(train[target])
    scores: Scores = {}
    for given in GIVENS:
        if target not in model.schema.targets:
            metrics = ("R²", "CRPS") if number else ("log-loss",)
            scores[given] = {OURS: dict.fromkeys(metrics, np.nan)}
            continue
        rows = half_known(test, target, seed) if given == "half" else test
        known = without_unseen(rows[usable], train)
        scores[given] = {OURS: _score(model, known, train, test.loc[usable, target])}
    return scores


def _score(
    model: TabularLanguageModel, known: pd.DataFrame, train: pd.DataFrame, truth: pd.Series
) -> dict[str, float]:
    target = str(truth.name)
    if not is_number(truth):
        levels = sorted(train[target].dropna().unique(), key=str)
        probabilities = model.predict_proba_many(known, target, candidates=levels)
        labels = [str(level) for level in levels]
        return {"log-loss": float(log_loss(truth.map(str), probabilities, labels=labels))}
    column = model.schema[target]
    probabilities = model.predict_proba_many(known, target)
    numbers = column.numbers(truth)
    unit = features(train[[target]])[target].std(ddof=0)
    return {
        "R²": float(r2_score(numbers, probabilities @ column.grid)),
        "CRPS": float((crps(column, probabilities, numbers) / unit).mean()),
    }


def medians(scores: pd.DataFrame) -> pd.DataFrame:
    """Return medians over the seeds, one row per cell and one column per model, in table order."""
    cells = (
        scores.groupby([*CELL, "model"], sort=False)["score"].median().unstack("model", sort=False)
    )
    counts = scores[scores["model"] == MODELS[0]].groupby(CELL, sort=False)
    return cells.assign(
        rows=counts["rows"].median().astype(int), unseen=counts["unseen"].sum()
    ).reset_index()


def summary(cells: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the last table: by table, by given columns, and in all."""
    for table in cells["table"].unique():
        yield (table, *_compared(cells[cells["table"] == table]))
    for given in GIVENS:
        yield (f"given {given}", *_compared(cells[cells["given"] == given]))
    yield ("in all", *_compared(cells))


def _compared(cells: pd.DataFrame) -> Iterator[object]:
    metric = cells["metric"]
    yield from _shares(cells[metric != "CRPS"])
    yield _gain(cells, "forest", "log-loss")
    yield _gain(cells, "forest", "R²")
    yield from _shares(cells[metric == "CRPS"])
    yield _gain(cells, "forest", "CRPS")


def _shares(cells: pd.DataFrame) -> Iterator[object]:
    """Yield the number of cells, and the shares at or above the forest and all three models."""
    yield len(cells)
    level = pd.DataFrame({name: _better(cells, name) >= -1e-9 for name in MODELS})
    yield float(level["forest"].mean()) if len(cells) else np.nan
    yield float(level.all(axis=1).mean()) if len(cells) else np.nan


def _gain(cells: pd.DataFrame, other: str, metric: str) -> float:
    """Return our mean gain, without cells that we have no score for."""
    same = cells[cells["metric"] == metric]
    if metric == "R²":
        same = same.assign(**{name: same[name].clip(lower=MIN_R2) for name in (OURS, other)})
    return float(_better(same, other).mean())


def _better(cells: pd.DataFrame, other: str) -> pd.Series:
    """Return our gain per cell, in its own unit; NaN without our score."""
    difference = cells[OURS] - cells[other]
    return difference.where(cells["metric"] == "R²", -difference)


def main() -> None:
    """Run and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--tables", default="tuning")
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=12.0)
    arguments.add_argument("--trees", type=int, default=300)
    arguments.add_argument(
        "--columns", type=int, help="predict only this many last columns of a table"
    )
    arguments.add_argument("--cache", type=Path)
    options = arguments.parse_args()
    # Hidden halves leave columns without values, and rare labels leave folds without members.
    warnings.filterwarnings("ignore", module="sklearn")
    report = Report(options)
    names = ("ours", *MODELS)
    report.table("table", "column", "given", "kind", "rows", "unseen", "metric", *names)
    every = [_measured(table, options, report) for table in named(options.tables)]
    cells = pd.concat(every, ignore_index=True)
    report.print()
    report.print(
        "Cells at or above a model are those that are as good to 1e-9 or better, by log-loss or "
        "R². Gains are means over the forest, positive where ours is better, R² counted from "
        f"{MIN_R2:g} on."
    )
    report.table(
        "cells of",
        "cells",
        "≥ forest",
        "≥ best of three",
        "gain, log-loss",
        "gain, R²",
        "CRPS cells",
        "≥ forest",
        "≥ best of three",
        "gain, CRPS",
    )
    for row in summary(cells):
        report.row(*row)
    if RAW_FOREST in cells:
        labeled = cells[cells["metric"] == "log-loss"]
        share = float((_better(labeled, RAW_FOREST) >= -1e-9).mean())
        report.print()
        report.print(
            "With the forest's raw votes, where a label without votes has probability 0, "
            f"ours is at or above it in {share:.3f} of the {len(labeled)} cells of "
            f"levels; mean gain {_gain(labeled, RAW_FOREST, 'log-loss'):.3f}."
        )


def _measured(table: str, options: argparse.Namespace, report: Report) -> pd.DataFrame:
    """Print and return the cells of one table."""
    fit = fit_for(options.seconds)
    columns = None if options.columns is None else list(map(str, load(table)))[-options.columns :]
    found = [
        raw_scores(table, seed, fit, trees=options.trees, cache=options.cache, columns=columns)
        for seed in range(options.seeds)
    ]
    cells = medians(pd.concat(found))
    for cell in cells.to_dict("records"):
        about = [cell[name] for name in ("table", "column", "given", "kind", "rows", "unseen")]
        scores = [cell[name] for name in (OURS, *MODELS)]
        report.row(*about, cell["metric"], *scores)
    return cells


if __name__ == "__main__":
    main()

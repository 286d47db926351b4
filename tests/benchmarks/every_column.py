"""Every column from the others: one fit beside models trained for each column.

    python -m tests.benchmarks.every_column [--tables tuning|confirmation|iris,cars] [--seeds 5]
        [--seconds 0,3,12] [--backend auto] [--trees 300] [--cache FOLDER] [--out FILE]

Split and model seed vary together: 80/20 with ``random_state=42+seed``. tabwidget is fitted once
per table, seed and number of seconds, without a target. Each column is predicted from all others,
and from a random half of them, drawn per row and equal for all models. ``baselines.py`` describes
the baselines, and ``comparison.py`` how they are compared; ``--cache`` keeps the baselines' scores.

Levels are scored by log-loss over the labels of the training rows (test rows with another label are
dropped and counted as unseen), numbers by R² and by CRPS in standard deviations of the training
rows. The R² of tabwidget uses the mean of the distribution. The calibration error of levels is that
of the most likely label over 15 bins, that of numbers the mean distance of the cumulative
probabilities' shares from the uniform ones; with few test rows both are positive by chance. Columns
with one value in the training rows, or with fewer than ten test rows to score, are left out.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    baselines,
    features,
    scored_columns,
    scored_rows,
)
from tests.benchmarks.comparison import CELL, MARGINAL, Comparison, Target
from tests.benchmarks.frames import half_known, is_number, load, named, split, without_unseen
from tests.benchmarks.report import Report, parser
from tests.benchmarks.scores import calibration_error, crps, cumulative, uniformity_error

__all__ = ["Fit", "fit_for", "medians", "our_scores", "raw_scores"]

Fit = Callable[[pd.DataFrame, int], TabularLanguageModel]

# At 3 seconds; issue 18.
TARGETS = (Target("all", 0.75, 0.5, skill=True), Target("half", 0.9, 0.8))


def fit_for(seconds: float, backend: str = "auto") -> Fit:
    """Return the fit of a backend, by default of the default one."""

    def fit(train: pd.DataFrame, seed: int) -> TabularLanguageModel:
        training = TrainingConfig(max_seconds=seconds)
        return TabularLanguageModel(backend, training=training, random_state=seed).fit(train)

    return fit


def raw_scores(
    table: str,
    seed: int,
    fits: Mapping[str, Fit],
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
    fits : mapping of str to callable
        By name, ``fit(train, seed)`` returns a fitted model; each is called once.
    trees : int, default 300
        Trees in a forest.
    cache : Path, optional
        Folder for cached baseline scores.
    columns : sequence of str, optional
        Target columns; all by default.

    Returns
    -------
    DataFrame
        One score per row: table, column, given, kind, metric, rows, unseen, seed, model, score. The
        seconds of the fits, and of all their answers, are in ``attrs["seconds"]``.
    """
    train, test = split(load(table), seed)
    models: dict[str, TabularLanguageModel] = {}
    seconds: dict[str, list[float]] = {}
    for name, fit in fits.items():
        began = time.perf_counter()
        models[name] = fit(train, seed)
        seconds[name] = [time.perf_counter() - began, 0.0]
    found: list[dict[str, Any]] = []
    for target in scored_columns(train, test):
        if columns is not None and target not in columns:
            continue
        scores = baselines(train, test, target, seed, trees, cache)
        usable = scored_rows(train, test, target)
        number = is_number(train[target])
        if not number:
            marginal = _marginal(train[target], test.loc[usable, target])
            for given in GIVENS:
                scores[given][MARGINAL] = {"log-loss": marginal}
        for name, model in models.items():
            began = time.perf_counter()
            for given, mine in our_scores(model, train, test, target, seed).items():
                scores[given][name] = mine
            seconds[name][1] += time.perf_counter() - began
        about = {
            "table": table,
            "column": target,
            "kind": "number" if number else "levels",
            "rows": int(usable.sum()),
            "unseen": int(test[target].notna().sum() - usable.sum()),
            "seed": seed,
        }
        found += [
            {**about, "given": given, "model": name, "metric": metric, "score": score}
            for given, each in scores.items()
            for name, metrics in each.items()
            for metric, score in metrics.items()
        ]
    frame = pd.DataFrame(found)
    frame.attrs["seconds"] = seconds
    return frame


def our_scores(
    model: TabularLanguageModel, train: pd.DataFrame, test: pd.DataFrame, target: str, seed: int
) -> dict[str, dict[str, float]]:
    """Return our scores on one column by given columns; NaN if the model does not predict it."""
    usable = scored_rows(train, test, target)
    scores = {}
    for given in GIVENS:
        if target not in model.schema.targets:
            metrics = ("R²", "CRPS") if is_number(train[target]) else ("log-loss",)
            scores[given] = dict.fromkeys((*metrics, "calibration"), np.nan)
            continue
        rows = half_known(test, target, seed) if given == "half" else test
        known = without_unseen(rows[usable], train)
        scores[given] = _score(model, known, train, test.loc[usable, target], seed)
    return scores


def _score(
    model: TabularLanguageModel,
    known: pd.DataFrame,
    train: pd.DataFrame,
    truth: pd.Series,
    seed: int,
) -> dict[str, float]:
    target = str(truth.name)
    if not is_number(truth):
        levels = sorted(train[target].dropna().unique(), key=str)
        probabilities = model.predict_proba_many(known, target, candidates=levels)
        labels = [str(level) for level in levels]
        right = np.array(labels)[probabilities.argmax(1)] == truth.map(str).to_numpy()
        return {
            "log-loss": float(log_loss(truth.map(str), probabilities, labels=labels)),
            "calibration": calibration_error(probabilities.max(1), right.astype(float)),
        }
    column = model.schema[target]
    probabilities = model.predict_proba_many(known, target)
    numbers = column.numbers(truth)
    unit = features(train[[target]])[target].std(ddof=0)
    below = cumulative(column, probabilities, numbers, np.random.default_rng(seed))
    return {
        "R²": float(r2_score(numbers, probabilities @ column.grid)),
        "CRPS": float((crps(column, probabilities, numbers) / unit).mean()),
        "calibration": uniformity_error(below),
    }


def _marginal(learned: pd.Series, truth: pd.Series) -> float:
    """Return the log-loss of the shares of the training rows."""
    shares = learned.map(str, na_action="ignore").value_counts(normalize=True)
    return float(-np.log(shares.loc[truth.map(str)].to_numpy()).mean())


def medians(scores: pd.DataFrame) -> pd.DataFrame:
    """Return medians over the seeds, one row per cell and one column per model, in table order."""
    cells = (
        scores.groupby([*CELL, "model"], sort=False)["score"].median().unstack("model", sort=False)
    )
    counts = scores[scores["model"] == MODELS[0]].groupby(CELL, sort=False)
    cells = cells.assign(
        rows=counts["rows"].median().astype(int), unseen=counts["unseen"].sum()
    ).reset_index()
    return cells if MARGINAL in cells else cells.assign(**{MARGINAL: np.nan})


def main() -> None:
    """Run and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--tables", default="tuning")
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--seconds", default="12", help="limits of the fit, such as 0,3,12")
    arguments.add_argument("--backend", default="auto")
    arguments.add_argument("--trees", type=int, default=300)
    arguments.add_argument(
        "--columns", type=int, help="predict only this many last columns of a table"
    )
    arguments.add_argument("--cache", type=Path)
    options = arguments.parse_args()
    # Hidden halves leave columns without values, and rare labels leave folds without members.
    warnings.filterwarnings("ignore", module="sklearn")
    fits = {
        f"ours {seconds:g} s": fit_for(seconds, options.backend)
        for seconds in map(float, options.seconds.split(","))
    }
    report = Report(options)
    # The first fit of a process is slower.
    fit_for(1.0, options.backend)(load("iris"), 0)
    cells = _every_cell(options, fits, report)
    compared = [Comparison(cells, name, MODELS) for name in fits]
    _print_shares(compared, report)
    _print_skill(compared, report)
    _print_targets(compared, report)
    if RAW_FOREST in cells:
        report.print(
            "\nWith the forest's raw votes, where a label without votes has probability 0:"
        )
        report.table("model", "cells of levels", "≥ forest", "gain, log-loss")
        for one in (one.where(metric="log-loss") for one in compared):
            gain = one.gain(RAW_FOREST, "log-loss")
            report.row(one.ours, len(one), one.share(RAW_FOREST), gain)


def _every_cell(
    options: argparse.Namespace, fits: Mapping[str, Fit], report: Report
) -> pd.DataFrame:
    """Print and return the cells of all tables."""
    about = ("table", "column", "given", "kind", "rows", "unseen", "metric")
    names = (*fits, MARGINAL, *MODELS)
    report.table(*about, *names)
    every, seconds = [], []
    for table in named(options.tables):
        columns = None
        if options.columns is not None:
            columns = list(map(str, load(table)))[-options.columns :]
        found = [
            raw_scores(table, seed, fits, trees=options.trees, cache=options.cache, columns=columns)
            for seed in range(options.seeds)
        ]
        seconds += [
            (table, name, *np.median([one.attrs["seconds"][name] for one in found], axis=0))
            for name in fits
        ]
        cells = medians(pd.concat(found))
        for cell in cells.to_dict("records"):
            report.row(*(cell[name] for name in (*about, *names)))
        every.append(cells)
    report.print("\nMedian seconds over the seeds:")
    report.table("table", "model", "fit", "answers to all cells")
    for row in seconds:
        report.row(*row)
    return pd.concat(every, ignore_index=True)


def _parts(one: Comparison) -> Iterator[tuple[str, Comparison]]:
    """Yield the cells by table, by given columns, and all."""
    for table in one.cells["table"].unique():
        yield table, one.where(table=table)
    for given in GIVENS:
        yield f"given {given}", one.where(given=given)
    yield "in all", one


def _print_shares(compared: Sequence[Comparison], report: Report) -> None:
    report.print("\nGains are means over the forest, positive where ours is better:")
    report.table(
        "cells of",
        "model",
        "cells",
        "≥ forest",
        "≥ best of all",
        "gain, log-loss",
        "gain, R²",
        "CRPS ≥ forest",
        "CRPS ≥ best of all",
        "gain, CRPS",
    )
    for parts in zip(*map(_parts, compared), strict=True):
        for name, one in parts:
            report.row(
                name,
                one.ours,
                len(one),
                one.share("forest"),
                one.share_of_all(),
                *(one.gain("forest", metric) for metric in ("log-loss", "R²")),
                one.share("forest", "CRPS"),
                one.share_of_all("CRPS"),
                one.gain("forest", "CRPS"),
            )


def _print_skill(compared: Sequence[Comparison], report: Report) -> None:
    first = compared[0]
    names = [*(one.ours for one in compared), *MODELS]
    report.print("\nMean skill:")
    report.table("given", "kind", "cells", *names, "best per column")
    for given in GIVENS:
        same = first.where(given=given)
        for kind in ("levels", "number", "both"):
            one = same if kind == "both" else same.where(kind=kind)
            if len(one):
                skills = map(one.mean_skill, names)
                report.row(given, kind, len(one), *skills, one.best_per_column())
    report.print("\nMean calibration error:")
    report.table("given", "kind", *names)
    for given in GIVENS:
        for kind in ("levels", "number"):
            one = first.where(given=given, kind=kind)
            if len(one):
                report.row(given, kind, *(one.mean(name, "calibration") for name in names))


def _print_targets(compared: Sequence[Comparison], report: Report) -> None:
    report.table("model", "target", "at least", "found", "met")
    for one in compared:
        for target in TARGETS:
            for what, wanted, found in one.against(target):
                report.row(one.ours, what, wanted, found, "yes" if found >= wanted else "no")


if __name__ == "__main__":
    main()

"""Oversampling: boosting trained on our rows, against SMOTE's and others'.

    python -m tests.benchmarks.oversampling [--tables NAMES] [--seeds 10] [--seconds 12]
        [--out FILE]

One label against the rest: malignant in breast cancer, and each of wine's three cultivars in turn,
since none is rare. Penguins (Chinstrap, complete rows only) add categories, which need SMOTENC
instead of SMOTE and exclude ADASYN. Rows are split 80/20 with ``random_state=42+seed``; a random
subset of the training rows of the rare label is kept, 5 % of the training rows, and the test rows
are unchanged. Each sampler balances both labels; SMOTE and ADASYN use fewer than their default of
five neighbors where there are too few rows. HistGradientBoosting with default settings is trained
on the outcome: F1 of the rare label, and average precision. Medians and means over the seeds.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from imblearn.over_sampling import ADASYN, SMOTE, SMOTENC, RandomOverSampler
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, f1_score

from tabwidget import LanguageModelOverSampler, TrainingConfig
from tests.benchmarks.frames import is_number, load, split
from tests.benchmarks.report import Report, parser

__all__ = ["boosting", "coded", "imbalanced", "scores", "variants"]

SHARE = 0.05  # of the rare label in the training rows
MAX_NEIGHBORS = 5  # SMOTE's and ADASYN's default
OURS, NONE, SMOTES = "tabwidget", "none", "SMOTE / SMOTENC"
TARGETS = {"breast_cancer": "diagnosis", "wine": "cultivar", "penguins": "species"}
RARE = {"breast_cancer": ("malignant",), "penguins": ("Chinstrap",)}


def variants(table: str) -> list[tuple[pd.DataFrame, str, str]]:
    """Return the complete rows of a table, its target, and each rare label in turn."""
    frame, target = load(table).dropna(ignore_index=True), TARGETS[table]
    return [(frame, target, rare) for rare in RARE.get(table, sorted(frame[target].unique()))]


def imbalanced(train: pd.DataFrame, target: str, rare: str, seed: int) -> pd.DataFrame:
    """Return rows of which `SHARE` have the rare label, with the target as True and False.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": range(200), "y": ["a", "b"] * 100})
    >>> imbalanced(frame, "y", "a", 0)["y"].value_counts().to_dict()
    {False: 100, True: 5}
    """
    is_rare = (train[target] == rare).to_numpy()
    n = round(SHARE / (1 - SHARE) * (~is_rare).sum())
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(is_rare))[:n]
    kept = np.sort(np.concatenate([np.flatnonzero(~is_rare), drawn]))
    found = train.iloc[kept].reset_index(drop=True)
    found[target] = is_rare[kept]
    return found


def coded(x: pd.DataFrame) -> pd.DataFrame:
    """Return categories as ordinal codes; missing cells stay missing.

    Examples
    --------
    >>> coded(pd.DataFrame({"a": ["y", None, "x"]}))["a"].tolist()
    [1.0, nan, 0.0]
    """
    found = x.copy()
    for name in (name for name in x if not is_number(x[name])):
        codes = pd.factorize(x[name], sort=True)[0]
        found[name] = np.where(codes < 0, np.nan, codes)
    return found


def boosting(x: pd.DataFrame, seed: int) -> HistGradientBoostingClassifier:
    """Return an unfitted model that treats the codes of categories as categories."""
    levels = [not is_number(x[name]) for name in x]
    return HistGradientBoostingClassifier(categorical_features=levels, random_state=seed)


def scores(
    x: pd.DataFrame, y: pd.Series, x_test: pd.DataFrame, y_test: pd.Series, seed: int
) -> tuple[float, float]:
    """Return F1 and average precision on the test rows of a model of these rows."""
    both = coded(pd.concat([x, x_test], ignore_index=True))
    model = boosting(x, seed).fit(both[: len(x)], y)
    probabilities = model.predict_proba(both[len(x) :])[:, 1]
    precision = average_precision_score(y_test, probabilities)
    return float(f1_score(y_test, probabilities > 0.5, zero_division=0.0)), float(precision)


def samplers(x: pd.DataFrame, n_rare: int, seconds: float, seed: int) -> dict[str, Any]:
    """Return the samplers for these rows by name; None adds no rows."""
    neighbors = min(MAX_NEIGHBORS, n_rare - 1)
    levels = [name for name in x if not is_number(x[name])]
    training = TrainingConfig(max_seconds=seconds)
    found = {
        OURS: LanguageModelOverSampler(training=training, random_state=seed),
        NONE: None,
        "RandomOverSampler": RandomOverSampler(random_state=seed),
    }
    if levels:
        found[SMOTES] = SMOTENC(levels, k_neighbors=neighbors, random_state=seed)
    else:
        found[SMOTES] = SMOTE(k_neighbors=neighbors, random_state=seed)
        found["ADASYN"] = ADASYN(n_neighbors=neighbors, random_state=seed)
    return found


def _rows(frame: pd.DataFrame, target: str, rare: str, seed: int, seconds: float) -> pd.DataFrame:
    """Return the scores of one seed, one row per sampler."""
    train, test = split(frame, seed)
    train = imbalanced(train, target, rare, seed)
    x, y = train.drop(columns=target), train[target]
    x_test, y_test = test.drop(columns=target), test[target] == rare
    found = []
    for name, sampler in samplers(x, int(y.sum()), seconds, seed).items():
        began = time.perf_counter()
        more = (x, y)
        if sampler is not None:
            try:
                more = sampler.fit_resample(x, y)
            except ValueError as error:
                # ADASYN adds nothing where no rare row has neighbors of the other label.
                warnings.warn(f"{name} adds no rows: {error}", stacklevel=2)
        took = time.perf_counter() - began
        f1, precision = scores(*more, x_test, y_test, seed)
        found.append({"sampler": name, "F1": f1, "precision": precision, "seconds": took})
    return pd.DataFrame(found).assign(seed=seed, rare_rows=int(y.sum()))


def main() -> None:
    """Run and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--tables", default="breast_cancer,wine,penguins")
    arguments.add_argument("--seeds", type=int, default=10)
    arguments.add_argument("--seconds", type=float, default=12.0)
    options = arguments.parse_args()
    report = Report(options)
    report.table(
        "table",
        "rare label",
        "rare rows",
        "sampler",
        "F1, median",
        "mean",
        "average precision, median",
        "mean",
        "seconds",
    )
    every = []
    for table in options.tables.split(","):
        for frame, target, rare in variants(table):
            found = pd.concat(
                _rows(frame, target, rare, seed, options.seconds) for seed in range(options.seeds)
            )
            every.append(found.assign(table=table, rare=rare))
            counts = found["rare_rows"]
            for name, own in found.groupby("sampler", sort=False):
                metrics = own[["F1", "precision"]].agg(["median", "mean"]).to_numpy().T.ravel()
                rows = f"{counts.min()} to {counts.max()}"
                report.row(table, rare, rows, name, *metrics, float(own["seconds"].mean()))
    _in_all(pd.concat(every), report)


def _in_all(cells: pd.DataFrame, report: Report) -> None:
    """Print means over labels, then tables, and the difference to SMOTE by seed."""
    report.print("\nMeans over labels and seeds, then over tables.")
    report.table("tables", "sampler", "F1", "average precision")
    for names, same in {
        "breast_cancer, wine": cells[cells["table"] != "penguins"],
        "all": cells,
    }.items():
        for name, own in same.groupby("sampler", sort=False):
            report.row(names, name, *own.groupby("table")[["F1", "precision"]].mean().mean())
    pairs = cells.pivot(index=["table", "rare", "seed"], columns="sampler")
    report.print()
    for metric in ("F1", "precision"):
        more = pairs[metric][OURS] - pairs[metric][SMOTES]
        report.print(
            f"{metric}: ours is above SMOTE's in {(more > 0).sum()}, equal in {(more == 0).sum()} "
            f"and below in {(more < 0).sum()} of {len(more)} runs; mean difference "
            f"{more.mean():+.3f}, standard error {more.std() / np.sqrt(len(more)):.3f}."
        )


if __name__ == "__main__":
    main()

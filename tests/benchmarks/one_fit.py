"""One fit for all five estimators, against five separate fits.

    python -m tests.benchmarks.one_fit [--seeds 5] [--seconds 12] [--unlimited 1] [--out FILE]

Penguins, split 80/20 with ``random_state=42+seed``. One model is fitted to the whole training table
and given to every estimator by `from_fitted`; each estimator is fitted separately too. Tasks:
classify the species, predict the body mass, impute 15 % of the test cells (hidden at random; RMSE
in standard deviations, mean over columns), balance the species (macro F1 of boosting on the test
rows), and sample as many rows as the training table has (AUC of a forest that separates them from
the training rows, ideally 0.5, and the mean distance between the columns' distributions:
Kolmogorov-Smirnov for numbers, total variation for categories).

The mean difference over the seeds is reported with its standard error and the standard deviation
of the separate fits. With ``max_seconds`` per fit, one fit takes a fifth of the time of five by
construction, so the seconds of the predictions are reported too, and those of fits without a
limit, for ``--unlimited`` seeds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score, log_loss, r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from tabwidget import (
    LanguageModelClassifier,
    LanguageModelImputer,
    LanguageModelOverSampler,
    LanguageModelRegressor,
    LanguageModelSynthesizer,
    TabularLanguageModel,
    TrainingConfig,
)
from tests.benchmarks.frames import is_number, load, split
from tests.benchmarks.imputation import errors, hidden_cells
from tests.benchmarks.oversampling import boosting, coded
from tests.benchmarks.report import Report, parser

LABEL, NUMBER = "species", "body_mass_g"
TREES = 200
OTHER = 1000  # added to the seed of an estimator's own fit

Params = dict[str, Any]
Metrics = dict[str, float]


@dataclass(frozen=True)
class Use:
    """The functions of one task.

    Attributes
    ----------
    own : callable
        Returns an estimator fitted separately.
    shared : callable
        Returns an estimator over the shared model, with the same seed.
    answer : callable
        Returns its predictions; the time of this and the fit is measured.
    metrics : callable
        Returns the metrics of the predictions.
    """

    own: Callable[[pd.DataFrame, Params], Any]
    shared: Callable[[TabularLanguageModel, Params], Any]
    answer: Callable[[Any, pd.DataFrame, pd.DataFrame, int], Any]
    metrics: Callable[[Any, pd.DataFrame, pd.DataFrame, int], Metrics]


def _own_regressor(train: pd.DataFrame, params: Params) -> LanguageModelRegressor:
    whole = train.dropna(subset=[NUMBER])
    return LanguageModelRegressor(**params).fit(whole.drop(columns=NUMBER), whole[NUMBER])


def _holey(test: pd.DataFrame, seed: int) -> pd.DataFrame:
    return test.mask(hidden_cells(test, "at random", seed))


def _of_classes(
    answer: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, seed: int
) -> Metrics:
    guess = answer.idxmax(axis=1)
    loss = log_loss(test[LABEL], answer, labels=list(answer))
    return {"accuracy": accuracy_score(test[LABEL], guess), "log-loss": loss}


def _of_numbers(answer: Any, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Metrics:
    there = test[NUMBER].notna()
    return {"R²": r2_score(test[NUMBER][there], answer[there])}


def _of_filled(answer: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Metrics:
    found = errors(test, answer, hidden_cells(test, "at random", seed))
    return {metric: float(found[metric].mean()) for metric in ("RMSE", "accuracy")}


def _of_more(answer: Any, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Metrics:
    more, labels = answer
    rows_test = test.drop(columns=LABEL)
    both = coded(pd.concat([more, rows_test], ignore_index=True))
    learner = boosting(rows_test, seed).fit(both[: len(more)], labels)
    macro = f1_score(test[LABEL], learner.predict(both[len(more) :]), average="macro")
    counts = pd.Series(labels).value_counts()
    return {"rows of the rarest": float(counts.min()), "macro F1": macro}


def _of_drawn(answer: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Metrics:
    # Sampled rows have no missing cells.
    whole = train.dropna(ignore_index=True)
    both = coded(pd.concat([whole, answer], ignore_index=True))
    real = np.arange(len(both)) < len(whole)
    forest = RandomForestClassifier(TREES, random_state=seed)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    scores = cross_val_predict(forest, both, real, cv=folds, method="predict_proba")[:, 1]
    distances = [_distance(whole[name], answer[name]) for name in whole]
    return {"AUC of a forest": roc_auc_score(real, scores), "distance": float(np.mean(distances))}


def _distance(real: pd.Series, drawn: pd.Series) -> float:
    if is_number(real):
        return float(ks_2samp(real, drawn).statistic)
    shares = [cells.value_counts(normalize=True) for cells in (real, drawn)]
    return float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2)


USES = {
    "classifier": Use(
        lambda train, params: LanguageModelClassifier(**params).fit(
            train.drop(columns=LABEL), train[LABEL]
        ),
        lambda lm, params: LanguageModelClassifier.from_fitted(lm, LABEL),
        lambda model, train, test, seed: pd.DataFrame(
            model.predict_proba(test.drop(columns=LABEL)), test.index, model.classes_
        ),
        _of_classes,
    ),
    "regressor": Use(
        _own_regressor,
        lambda lm, params: LanguageModelRegressor.from_fitted(lm, NUMBER),
        lambda model, train, test, seed: model.predict(test.drop(columns=NUMBER)),
        _of_numbers,
    ),
    "imputer": Use(
        lambda train, params: LanguageModelImputer(**params).fit(train),
        lambda lm, params: LanguageModelImputer.from_fitted(lm),
        lambda model, train, test, seed: model.transform(_holey(test, seed)),
        _of_filled,
    ),
    "oversampler": Use(
        # fit_resample fits it.
        lambda train, params: LanguageModelOverSampler(**params),
        lambda lm, params: LanguageModelOverSampler.from_fitted(
            lm, LABEL, random_state=params["random_state"]
        ),
        lambda model, train, test, seed: model.fit_resample(
            train.drop(columns=LABEL), train[LABEL]
        ),
        _of_more,
    ),
    "synthesizer": Use(
        lambda train, params: LanguageModelSynthesizer(**params).fit(train),
        lambda lm, params: LanguageModelSynthesizer.from_fitted(lm),
        lambda model, train, test, seed: model.sample(len(train.dropna()), random_state=seed),
        _of_drawn,
    ),
}


def measured(seed: int, seconds: float | None) -> Iterator[dict[str, Any]]:
    """Yield the metrics of one seed, of the shared model and of the separate fits."""
    train, test = split(load("penguins"), seed)
    # The first fit of a process is slower.
    TabularLanguageModel(training=TrainingConfig(max_steps=1), random_state=0).fit(train)
    params: dict[str, Any] = {"training": TrainingConfig(max_seconds=seconds), "random_state": seed}
    # With the same seed and rows, an imputer's own model would be the shared one.
    of_own = {**params, "random_state": OTHER + seed}
    began = time.perf_counter()
    lm = TabularLanguageModel(**params).fit(train)
    fit = time.perf_counter() - began
    yield {"estimator": "shared", "fit": "shared", "metric": "fit", "value": fit}
    for name, use in USES.items():
        for which in ("shared", "own"):
            began = time.perf_counter()
            model = use.own(train, of_own) if which == "own" else use.shared(lm, params)
            answer = use.answer(model, train, test, seed)
            took = time.perf_counter() - began
            metrics = {**use.metrics(answer, train, test, seed), "seconds": took}
            for metric, value in metrics.items():
                yield {"estimator": name, "fit": which, "metric": metric, "value": value}


def main() -> None:
    """Run and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=12.0)
    arguments.add_argument("--unlimited", type=int, default=1, help="seeds without a time limit")
    options = arguments.parse_args()
    report = Report(options)
    _printed(options.seeds, options.seconds, report)
    if options.unlimited:
        report.print("\nThe same without a time limit:")
        _printed(options.unlimited, None, report)


def _printed(seeds: int, seconds: float | None, report: Report) -> None:
    found = pd.concat(
        pd.DataFrame(measured(seed, seconds)).assign(seed=seed) for seed in range(seeds)
    )
    values = found.pivot(index=["estimator", "metric", "seed"], columns="fit", values="value")
    report.table(
        "estimator", "metric", "shared fit", "own fit", "difference", "± standard error", "spread"
    )
    for name in USES:
        metrics = found.loc[found["estimator"] == name, "metric"].unique()
        for metric in (one for one in metrics if one != "seconds"):
            pairs = values.loc[(name, metric)]
            difference = pairs["shared"] - pairs["own"]
            error = difference.std() / np.sqrt(len(difference))
            means = (pairs["shared"].mean(), pairs["own"].mean(), difference.mean())
            report.row(name, metric, *means, error, pairs["own"].std())
    took = found.groupby(["estimator", "metric", "fit"])["value"].mean()
    report.table("seconds of", "shared fit", "own fit")
    report.row("the shared fit", took["shared", "fit", "shared"], "")
    for name in USES:
        report.row(name, took[name, "seconds", "shared"], took[name, "seconds", "own"])
    shared = took["shared", "fit", "shared"] + sum(took[n, "seconds", "shared"] for n in USES)
    own = sum(took[n, "seconds", "own"] for n in USES)
    report.row("all", shared, own)
    report.print(f"\nOne fit and its predictions take {shared / own:.2f} of the time of five fits.")


if __name__ == "__main__":
    main()

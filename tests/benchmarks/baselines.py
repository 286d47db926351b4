"""Baselines for every-column prediction: models trained for one column each, at their defaults.

    python -m tests.benchmarks.baselines --cache FOLDER [--tables tuning,confirmation] [--seeds 5]
        [--trees 300]

Preprocessing: median imputation with missing indicators and scaling for numbers; most-frequent
imputation with indicators and one-hot encoding for levels. Boosting (scikit-learn's) and LightGBM
handle missing cells and levels themselves. The models are trained on whole rows; where half of a
test row is hidden, their own preprocessing imputes it. For the CRPS and the calibration of numbers
they predict a normal distribution around the prediction, with the root mean square of their
out-of-fold residuals (out-of-bag for the forest) on rows hidden in the same way.

Scores are cached as JSON, since they don't depend on tabwidget; the command above fills the cache,
seed by seed.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import sklearn
from numpy.typing import NDArray
from scipy.special import ndtr
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from tests.benchmarks.frames import half_known, is_number, load, named, split
from tests.benchmarks.report import Report, parser
from tests.benchmarks.scores import calibration_error, gaussian_crps, uniformity_error

__all__ = [
    "GIVENS",
    "MIN_ROWS",
    "MODELS",
    "RAW_FOREST",
    "Scores",
    "baselines",
    "features",
    "scored_columns",
    "scored_rows",
]

Floats = NDArray[np.float64]
Scores = dict[str, dict[str, dict[str, float]]]  # given -> model -> metric -> score

VERSION = 2  # increase it when a change below changes the scores
GIVENS = ("all", "half")
MODELS = ("linear", "forest", "boosting", "lightgbm")
MIN_ROWS = 10  # of the test part, to score a column
RAW_FOREST = "forest, raw votes"


def baselines(
    train: pd.DataFrame, test: pd.DataFrame, target: str, seed: int, trees: int, cache: Path | None
) -> Scores:
    """Return the scores of all models on one column, from the cache if possible."""
    if cache is None:
        return _scores(train, test, target, seed, trees)
    versions = (VERSION, sklearn.__version__, lightgbm.__version__)
    key = [*versions, trees, seed, target, *map(str, train.dtypes)]
    digest = hashlib.sha256(repr(key).encode())
    for part in (train, test):
        digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
    file = cache / f"{digest.hexdigest()[:24]}.json"
    if file.exists():
        found: Scores = json.loads(file.read_text(encoding="utf-8"))
        return found
    scores = _scores(train, test, target, seed, trees)
    cache.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(scores), encoding="utf-8")
    return scores


def features(frame: pd.DataFrame) -> pd.DataFrame:
    """Return numbers and dates as floats (seconds), and levels as strings; NaN where missing."""
    return pd.DataFrame({name: _plain(frame[name]) for name in frame})


def scored_columns(train: pd.DataFrame, test: pd.DataFrame) -> Iterator[str]:
    """Yield the columns with two values to learn and `MIN_ROWS` test rows to score."""
    for target in map(str, train):
        if train[target].nunique() > 1 and scored_rows(train, test, target).sum() >= MIN_ROWS:
            yield target


def scored_rows(train: pd.DataFrame, test: pd.DataFrame, target: str) -> NDArray[np.bool_]:
    """Return which test rows have a target that is present and not an unseen label."""
    there = test[target].notna().to_numpy()
    if is_number(train[target]):
        return there
    return there & test[target].isin(train[target].dropna().unique()).to_numpy()


def _plain(series: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return (series - pd.Timestamp(0)).dt.total_seconds()
    if is_number(series):
        return series.astype("float64")
    return series.astype("object").map(str, na_action="ignore").where(series.notna(), np.nan)


def _scores(train: pd.DataFrame, test: pd.DataFrame, target: str, seed: int, trees: int) -> Scores:
    known = features(train[train[target].notna()])
    scored = features(test[scored_rows(train, test, target)])
    number = is_number(train[target])
    x, y, truth = known.drop(columns=target), known[target], scored[target]
    if number:
        middle, unit = y.mean(), y.std(ddof=0)
        y, truth = (y - middle) / unit, (truth - middle) / unit
    inputs = {
        "all": scored[x.columns],
        "half": half_known(features(test), target, seed).loc[scored.index, x.columns],
    }
    learned = {"all": x, "half": half_known(known, target, seed)[x.columns]}
    scores: Scores = {given: {} for given in GIVENS}
    for name in MODELS:
        fresh = _pipeline(name, x, number, seed, trees)
        fitted = clone(fresh).fit(x, y)
        widths = _widths(fresh, fitted, learned, y, seed) if number else {}
        for given, rows in inputs.items():
            if number:
                mean = fitted.predict(rows)
                width, numbers = widths[given], truth.to_numpy()
                below = ndtr((numbers - mean) / max(width, 1e-12))
                scores[given][name] = {
                    "R²": float(r2_score(truth, mean)),
                    "CRPS": float(gaussian_crps(mean, width, numbers).mean()),
                    "calibration": uniformity_error(below),
                }
                continue
            shares = fitted.predict_proba(rows)
            labels = fitted.classes_
            if name == "forest":
                raw = log_loss(truth, shares, labels=labels)
                scores[given][RAW_FOREST] = {"log-loss": float(raw)}
                # A label without votes would cost 36 nats per row and favor us: add one vote,
                # spread over the labels.
                shares = (trees * shares + 1 / len(labels)) / (trees + 1)
            right = labels[shares.argmax(1)] == truth.to_numpy()
            scores[given][name] = {
                "log-loss": float(log_loss(truth, shares, labels=labels)),
                "calibration": calibration_error(shares.max(1), right.astype(float)),
            }
    return scores


def _pipeline(name: str, x: pd.DataFrame, number: bool, seed: int, trees: int) -> Pipeline:
    numbers = [column for column in x if is_number(x[column])]
    levels = [column for column in x if not is_number(x[column])]
    if name == "lightgbm":
        gbm = lightgbm.LGBMRegressor if number else lightgbm.LGBMClassifier
        return make_pipeline(
            FunctionTransformer(_categories), gbm(n_jobs=1, random_state=seed, verbosity=-1)
        )
    if name == "boosting":
        boosting = HistGradientBoostingRegressor if number else HistGradientBoostingClassifier
        encoder = OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
            max_categories=250,  # its maximum is 255
        )
        return make_pipeline(
            make_column_transformer((encoder, levels), remainder="passthrough"),
            boosting(categorical_features=list(range(len(levels))), random_state=seed),
        )
    prepared = make_column_transformer(
        (
            make_pipeline(
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
                StandardScaler(),
            ),
            numbers,
        ),
        (
            make_pipeline(
                SimpleImputer(
                    strategy="most_frequent", add_indicator=True, keep_empty_features=True
                ),
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            ),
            levels,
        ),
    )
    if name == "linear":
        return make_pipeline(prepared, RidgeCV() if number else LogisticRegression(max_iter=2000))
    forest = RandomForestRegressor if number else RandomForestClassifier
    return make_pipeline(prepared, forest(trees, n_jobs=1, random_state=seed))


def _categories(frame: pd.DataFrame) -> pd.DataFrame:
    """Return levels as categories, which LightGBM matches to those of its training rows."""
    # LightGBM refuses some characters in names.
    renamed = frame.set_axis([f"x{i}" for i in range(frame.shape[1])], axis=1)
    return renamed.astype({name: "category" for name in renamed if not is_number(renamed[name])})


def _widths(
    fresh: Pipeline, fitted: Pipeline, learned: dict[str, pd.DataFrame], y: pd.Series, seed: int
) -> dict[str, float]:
    """Return the root mean square of the out-of-sample residuals."""
    if isinstance(fitted[-1], RandomForestRegressor):
        found = {given: _out_of_bag(fitted, rows) for given, rows in learned.items()}
    else:
        found = _out_of_fold(fresh, learned, y, seed)
    errors = {given: predicted - y.to_numpy() for given, predicted in found.items()}
    return {given: float(np.sqrt(np.nanmean(error**2))) for given, error in errors.items()}


def _out_of_bag(fitted: Pipeline, rows: pd.DataFrame) -> Floats:
    """Return the mean of the trees that were not trained on a row; NaN if all were."""
    prepared = fitted[:-1].transform(rows)
    forest = fitted[-1]
    total, count = np.zeros(len(rows)), np.zeros(len(rows))
    for tree, sample in zip(forest.estimators_, forest.estimators_samples_, strict=True):
        left_out = np.setdiff1d(np.arange(len(rows)), sample)
        total[left_out] += tree.predict(prepared[left_out])
        count[left_out] += 1
    return np.divide(total, count, out=np.full(len(rows), np.nan), where=count > 0)


def _out_of_fold(
    fresh: Pipeline, learned: dict[str, pd.DataFrame], y: pd.Series, seed: int
) -> dict[str, Floats]:
    """Return the 5-fold out-of-fold predictions."""
    found = {given: np.empty(len(y)) for given in learned}
    for kept, left_out in KFold(5, shuffle=True, random_state=seed).split(y):
        model = clone(fresh).fit(learned["all"].iloc[kept], y.iloc[kept])
        for given, rows in learned.items():
            found[given][left_out] = model.predict(rows.iloc[left_out])
    return found


def main() -> None:
    """Fill the cache."""
    arguments = parser(__doc__)
    arguments.add_argument("--tables", default="tuning,confirmation")
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--trees", type=int, default=300)
    arguments.add_argument("--cache", type=Path, required=True)
    options = arguments.parse_args()
    warnings.filterwarnings("ignore", module="sklearn")
    report = Report(options)
    report.table("seed", "table", "columns", "seconds")
    for seed in range(options.seeds):
        for table in named(options.tables):
            began = time.perf_counter()
            train, test = split(load(table), seed)
            columns = list(scored_columns(train, test))
            for target in columns:
                baselines(train, test, target, seed, options.trees, options.cache)
            report.row(seed, table, len(columns), time.perf_counter() - began)


if __name__ == "__main__":
    main()

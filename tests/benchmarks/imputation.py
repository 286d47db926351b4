"""Imputation: our imputer against scikit-learn's, on numbers and categories.

    python -m tests.benchmarks.imputation [--tables penguins,wine,diabetes] [--seeds 5]
        [--seconds 12] [--out FILE]

15 % of the cells of a whole table, labels and targets included, are hidden; ``fit_transform`` fills
them, and the hidden cells are scored. "At random": all cells have the same probability. "By value":
the probability grows linearly with the rank of the cell's value, from 0 for the lowest to 30 % for
the highest; levels are ranked in a random order per seed. Cells that are missing in the table are
not scored. The seed sets the hidden cells and the training.

RMSE is in standard deviations of the column in the whole table; RMSE and accuracy are means over
the columns, then medians over the seeds. The baselines take standardized numbers, and categories
one-hot for the neighbors, one-hot without the first level for the ridge and as ordinal codes for
the forest. (With all one-hot columns the iterative imputers predict each from its siblings and keep
their initial guess: accuracy 0.47 instead of 0.85 on penguins.) One-hot columns are decoded to the
largest, codes to the nearest.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import BayesianRidge

from tabwidget import LanguageModelImputer, TrainingConfig
from tests.benchmarks.frames import is_number, load, named
from tests.benchmarks.report import Report, parser

__all__ = ["MECHANISMS", "errors", "hidden_cells"]

Floats = NDArray[np.float64]
Fill = Callable[[pd.DataFrame, int], pd.DataFrame]

SHARE = 0.15  # of the cells
OURS = "tabwidget"
TREES = 100
MECHANISMS = ("at random", "by value")


def hidden_cells(frame: pd.DataFrame, mechanism: str, seed: int) -> pd.DataFrame:
    """Return the mask of hidden cells: about `SHARE` of each column, none of them missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": np.arange(1000.0)})
    >>> hidden = hidden_cells(frame, "by value", 0)["x"]
    >>> bool(0.12 < hidden.mean() < 0.18), bool(hidden[:500].mean() < hidden[500:].mean() / 2)
    (True, True)
    """
    rng = np.random.default_rng([seed, MECHANISMS.index(mechanism)])
    probabilities = {}
    for name, cells in frame.items():
        probabilities[name] = pd.Series(SHARE, index=frame.index)
        if mechanism == "by value":
            # Average ranks have the same mean for any ties.
            ranks = _in_order(cells, rng).rank(method="average")
            probabilities[name] = 2 * SHARE * (ranks - 0.5) / cells.notna().sum()
    return (pd.DataFrame(probabilities) > rng.random(frame.shape)) & frame.notna()


def errors(truth: pd.DataFrame, filled: pd.DataFrame, hidden: pd.DataFrame) -> pd.DataFrame:
    """Return one row per column: RMSE in standard deviations, or accuracy, of hidden cells.

    Examples
    --------
    >>> truth = pd.DataFrame({"x": [1.0, 3.0], "y": ["a", "b"]})
    >>> filled, hidden = truth.assign(x=[2.0, 3.0], y="a"), truth.notna()
    >>> errors(truth, filled, hidden)[["RMSE", "accuracy"]].round(2).values.tolist()
    [[0.71, nan], [nan, 0.5]]
    """
    found = []
    for name in (name for name in truth if hidden[name].any()):
        rows = hidden[name]
        true, guess = truth[name][rows], filled[name][rows]
        scores = {"RMSE": np.nan, "accuracy": np.nan}
        if is_number(truth[name]):
            error = (guess.astype(float) - true) / truth[name].std(ddof=0)
            scores["RMSE"] = float(np.sqrt((error**2).mean()))
        else:
            scores["accuracy"] = float((guess.astype(str) == true.astype(str)).mean())
        found.append({"column": name, **scores})
    return pd.DataFrame(found)


def fills(seconds: float) -> dict[str, Fill]:
    """Return the imputers by name, each a function of a table and a seed."""

    def ours(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
        training = TrainingConfig(max_seconds=seconds)
        imputer = LanguageModelImputer(training=training, random_state=seed)
        filled: pd.DataFrame = imputer.fit_transform(frame)
        return filled

    def iterative(seed: int, estimator: Any) -> IterativeImputer:
        return IterativeImputer(estimator, random_state=seed)

    def forest(seed: int) -> RandomForestRegressor:
        return RandomForestRegressor(TREES, random_state=seed)

    return {
        OURS: ours,
        "mean / most frequent": _simple,
        "neighbors": lambda frame, _: _encoded(frame, KNNImputer(), "all"),
        "iterative ridge": lambda frame, seed: _encoded(
            frame, iterative(seed, BayesianRidge()), "without first"
        ),
        "iterative forest": lambda frame, seed: _encoded(
            frame, iterative(seed, forest(seed)), "codes"
        ),
    }


def _in_order(cells: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Return numbers unchanged, and levels as their positions in a random order."""
    if is_number(cells):
        return cells
    levels = sorted(cells.dropna().unique(), key=str)
    return cells.map(dict(zip(levels, rng.permutation(len(levels)), strict=True)))


def _simple(frame: pd.DataFrame, _: int) -> pd.DataFrame:
    # SimpleImputer needs one kind of missing value.
    plain = frame.astype({name: object for name in frame if not is_number(frame[name])})
    plain = plain.where(plain.notna(), np.nan)
    filled = {}
    for name in plain:
        strategy = "mean" if is_number(frame[name]) else "most_frequent"
        filled[name] = SimpleImputer(strategy=strategy).fit_transform(plain[[name]])[:, 0]
    return pd.DataFrame(filled, index=frame.index)


def _encoded(frame: pd.DataFrame, imputer: Any, levels_as: str) -> pd.DataFrame:
    """Return a frame filled by an imputer of numeric matrices."""
    matrices = [_encode(frame[name], levels_as) for name in frame]
    with warnings.catch_warnings():
        # The default of ten rounds rarely converges.
        warnings.filterwarnings("ignore", module="sklearn")
        full = imputer.fit_transform(np.hstack(matrices))
    ends = np.cumsum([matrix.shape[1] for matrix in matrices])[:-1]
    parts = zip(frame, np.split(full, ends, axis=1), strict=True)
    decoded = {name: _decode(part, frame[name], levels_as) for name, part in parts}
    return pd.DataFrame(decoded, index=frame.index)


def _encode(cells: pd.Series, levels_as: str) -> Floats:
    if is_number(cells):
        return ((cells - cells.mean()) / cells.std(ddof=0)).to_numpy(dtype=float)[:, None]
    known = pd.Categorical(cells)
    places = known.codes.astype(float)[:, None]
    columns = np.arange(levels_as == "without first", len(known.categories))
    numbers = places if levels_as == "codes" else (places == columns).astype(float)
    return np.where(places < 0, np.nan, numbers)


def _decode(part: Floats, cells: pd.Series, levels_as: str) -> Any:
    if is_number(cells):
        return part[:, 0] * cells.std(ddof=0) + cells.mean()
    levels = pd.Categorical(cells).categories
    if levels_as == "codes":
        return levels[np.round(part[:, 0]).clip(0, len(levels) - 1).astype(int)]
    if levels_as == "without first":
        part = np.column_stack([1 - part.sum(1), part])
    return levels[part.argmax(1)]


def _scores(table: str, mechanism: str, seeds: int, seconds: float) -> pd.DataFrame:
    """Return one row per method and seed, with means over the columns."""
    frame, found = load(table), []
    for seed in range(seeds):
        hidden = hidden_cells(frame, mechanism, seed)
        for method, fill in fills(seconds).items():
            began = time.perf_counter()
            filled = fill(frame.mask(hidden), seed)
            took = time.perf_counter() - began
            means = errors(frame, filled, hidden)[["RMSE", "accuracy"]].mean()
            found.append({"method": method, "seed": seed, **means, "seconds": took})
    return pd.DataFrame(found)


def _means(cells: pd.DataFrame) -> Iterator[object]:
    """Yield a method's mean RMSE and accuracy over tables, and the mean of both as errors."""
    rmse, accuracy = cells["RMSE"].mean(), cells["accuracy"].mean()
    yield from (float(rmse), float(accuracy), float((rmse + 1 - accuracy) / 2))


def main() -> None:
    """Run and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--tables", default="penguins,wine,diabetes")
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=12.0)
    options = arguments.parse_args()
    report = Report(options)
    report.table("table", "missing", "method", "RMSE", "accuracy", "seconds")
    every = []
    for table in named(options.tables):
        for mechanism in MECHANISMS:
            found = _scores(table, mechanism, options.seeds, options.seconds)
            cells = found.drop(columns="seed").groupby("method", sort=False).median().reset_index()
            for cell in cells.itertuples(index=False):
                report.row(table, mechanism, *cell)
            every.append(cells.assign(mechanism=mechanism))
    cells = pd.concat(every)
    report.print("\nMeans over the tables. The last column is the mean of RMSE and 1 - accuracy.")
    report.table("missing", "method", "RMSE", "accuracy", "mean of both errors")
    for mechanism in (*MECHANISMS, "both"):
        same = cells if mechanism == "both" else cells[cells["mechanism"] == mechanism]
        for method, own in same.groupby("method", sort=False):
            report.row(mechanism, method, *_means(own))


if __name__ == "__main__":
    main()

"""Surprise: planted faults among the most surprising cells, out of fold.

    python -m tests.benchmarks.surprise [--tables iris,wine,...] [--seeds 2] [--backend auto]
        [--seconds 0] [--five-fits] [--out FILE]

1 % of the known cells of a table are replaced: a level by that of another row, a number by that or,
as often, by itself with the decimal point in another place. A model fitted to this table says how
surprising each cell is given the rest of its row. The figure is the share of the faults among the
2 % most surprising cells (0.02 by chance, ties in random order): of "bits" by -log2 p, of
"relative" by how much that exceeds what was to be expected (``Session.surprise(relative=True)``).
"Five fits" asks models fitted to the other four fifths of the rows; one fit that leaves a row out
of its own context is as good. Beside them, an isolation forest (the score of a row counts for each
of its cells) and the z-score of a cell within its column (of the indicator, for a level).

What "relative" is was decided on the first five tables; diabetes and seattle_weather had no part.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import KFold

from tests.benchmarks.baselines import features
from tests.benchmarks.every_column import Fit, fit_for
from tests.benchmarks.frames import is_number, load, named, without_unseen
from tests.benchmarks.report import Report, parser

__all__ = ["corrupted", "found_share"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TABLES = ("iris", "wine", "penguins", "cars", "anes96", "diabetes", "seattle_weather")
SHARE, LOOKED_AT = 0.01, 0.02
FOLDS = 5


def corrupted(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, Bools]:
    """Return a copy with 1 % of the known cells replaced, and the mask of those cells.

    A level is replaced by that of another row, and a number by that or, as often, by itself with
    the decimal point in another place.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": np.arange(100), "y": list("ab") * 50})
    >>> wrong, mask = corrupted(frame, 0)
    >>> int(mask.sum()), bool(((wrong != frame).to_numpy() == mask).all())
    (2, True)
    """
    rng = np.random.default_rng(seed)
    wrong, mask = frame.copy(), np.zeros(frame.shape, dtype=bool)
    known = np.argwhere(frame.notna().to_numpy() & (frame.nunique() > 1).to_numpy())
    chosen = rng.choice(len(known), max(1, round(SHARE * len(known))), replace=False)
    for row, column in known[chosen]:
        cells = frame.iloc[:, column].dropna()
        true = frame.iat[row, column]
        shifts = _shifted(true) if pd.api.types.is_numeric_dtype(cells.dtype) else []
        if shifts and rng.random() < 0.5:
            wrong.iat[row, column] = shifts[int(rng.integers(len(shifts)))]
        else:
            others = cells[cells != true]
            wrong.iat[row, column] = others.iloc[int(rng.integers(len(others)))]
        mask[row, column] = True
    return wrong, mask


def _shifted(value: Any) -> list[Any]:
    """Return a number with its decimal point shifted by one place: to the right, and to the left.

    Whole numbers stay whole; zero and truth values have no other place.

    Examples
    --------
    >>> _shifted(12), _shifted(30), _shifted(0.5), _shifted(0), _shifted(True)
    ([120], [300, 3], [5.0, 0.05], [], [])
    """
    if isinstance(value, (bool, np.bool_)) or not value:
        return []
    if float(value).is_integer():
        return [value * 10] + ([value // 10] if value % 10 == 0 else [])
    return [value * 10, value / 10]


def found_share(scores: Floats, mask: Bools, seed: int) -> float:
    """Return the share of the masked cells among the 2 % with the highest scores; NaN are left out.

    Examples
    --------
    >>> mask = np.arange(100) < 1
    >>> found_share(-np.arange(100.0), mask, 0), found_share(np.arange(100.0), mask, 0)
    (1.0, 0.0)
    """
    ties = np.random.default_rng(seed).random(scores.shape)
    scored = ~np.isnan(scores)
    n = max(1, round(LOOKED_AT * scored.sum()))
    order = np.lexsort((ties[scored], -scores[scored]))[:n]
    return float(mask[scored][order].sum() / mask.sum())


def one_fit(fit: Fit, frame: pd.DataFrame, seed: int) -> dict[str, Floats]:
    """Return both figures of each cell of the table that the model is fitted to."""
    model = fit(frame, seed)
    found = {name: np.full(frame.shape, np.nan) for name in ("relative", "bits")}
    # Both of a column, while what the model prepares for it is at hand.
    for name in model.schema.targets:
        place = list(frame).index(name)
        for figure, scores in found.items():
            bits = model.surprise(frame, columns=[name], relative=figure == "relative")
            scores[:, place] = bits[name]
    return found


def five_fits(fit: Fit, frame: pd.DataFrame, seed: int) -> Floats:
    """Return minus the out-of-fold log-probability of each cell."""
    scores = np.full(frame.shape, np.nan)
    for kept, left_out in KFold(FOLDS, shuffle=True, random_state=seed).split(frame):
        model = fit(frame.iloc[kept].reset_index(drop=True), seed)
        rows = frame.iloc[left_out]
        seen = without_unseen(rows, frame.iloc[kept])
        cells = -pd.DataFrame(model.log_likelihood(seen, per_cell=True)).reindex(
            columns=frame.columns
        )
        # A level that no other row has is as surprising as can be.
        unseen = (rows.notna() & seen.isna()).to_numpy()
        scores[left_out] = np.where(unseen, np.inf, cells.to_numpy(dtype=float))
    return scores


def z_scores(frame: pd.DataFrame) -> Floats:
    """Return the absolute z-score of each cell within its column."""
    plain = features(frame)
    for name, cells in plain.items():
        if is_number(cells):
            plain[name] = (cells - cells.mean()).abs() / cells.std(ddof=0)
        else:
            shares = cells.map(cells.value_counts(normalize=True)).astype(float)
            plain[name] = np.sqrt(1 / shares - 1)
    return plain.to_numpy(dtype=float)


def isolation(frame: pd.DataFrame, seed: int) -> Floats:
    """Return the isolation forest's score of each cell's row."""
    plain = features(frame)
    coded = plain.apply(lambda cells: cells if is_number(cells) else pd.Categorical(cells).codes)
    rows = -IsolationForest(random_state=seed).fit(coded).score_samples(coded)
    return np.where(frame.notna(), rows[:, None], np.nan)


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--tables", default=",".join(TABLES))
    arguments.add_argument("--seeds", type=int, default=2)
    arguments.add_argument("--backend", default="auto")
    arguments.add_argument("--seconds", type=float, default=0.0)
    arguments.add_argument("--five-fits", action="store_true", help="fit to four fifths, too")
    options = arguments.parse_args()
    warnings.filterwarnings("ignore", module="sklearn")
    report = Report(options)
    fit = fit_for(options.seconds, options.backend)
    methods: dict[str, Callable[[pd.DataFrame, int], Floats]] = {
        "isolation forest": isolation,
        "z-score": lambda frame, seed: z_scores(frame),
    }
    if options.five_fits:
        methods["bits, five fits"] = lambda frame, seed: five_fits(fit, frame, seed)
    report.print("\nShare of the planted faults found, means over the seeds:")
    report.table("table", "cells", "relative", "bits", *methods, "seconds")
    every = []
    for table in named(options.tables):
        frame = load(table)
        found = []
        for seed in range(options.seeds):
            wrong, mask = corrupted(frame, seed)
            began = time.perf_counter()
            scores = one_fit(fit, wrong, seed)
            seconds = time.perf_counter() - began
            scores |= {name: method(wrong, seed) for name, method in methods.items()}
            shares = {name: found_share(each, mask, seed) for name, each in scores.items()}
            found.append({**shares, "seconds": seconds})
        means = pd.DataFrame(found).mean()
        report.row(table, int(frame.notna().to_numpy().sum()), *means)
        every.append(means)
    report.row("in all", "", *pd.concat(every, axis=1).mean(axis=1))


if __name__ == "__main__":
    main()

"""Comparison of one model's scores with the baselines': shares of cells, gains and mean skill.

A cell is one column predicted from all others or from half of them. It counts as at or above a
model if it is as good to 1e-9 or better, by log-loss or R². Skill is R² for numbers, and for levels
1 - log-loss / log-loss of the marginal, the shares of the training rows. It is clipped at -1, since
few test rows with little variance give minus thousands. A column without a score counts as lost,
and has skill 0. "Best per column" is the best baseline of each cell by its score on the test rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["CELL", "LOSSES", "MARGINAL", "MIN_SKILL", "Comparison", "Target"]

CELL = ["table", "column", "given", "kind", "metric"]
LOSSES = ("log-loss", "R²")  # the metrics of levels and of numbers that cells are compared by
MARGINAL = "marginal"
MIN_SKILL = -1.0
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Target:
    """What a comparison should reach, for cells with one kind of evidence.

    Attributes
    ----------
    given : str
        "all" or "half".
    forest, best : float
        Shares of the cells at or above the forest, and at or above all baselines.
    skill : bool
        Whether the mean skill should be at least that of the best baseline.
    """

    given: str
    forest: float
    best: float
    skill: bool = False


class Comparison:
    """The scores of one model beside those of the baselines.

    Parameters
    ----------
    cells : DataFrame
        One row per cell and metric, with the columns of `CELL` and one column of scores per model.
    ours : str
        Name of the model.
    baselines : sequence of str
        Names of the other models; "forest" is one of them.

    Examples
    --------
    >>> about = {"table": "t", "given": "all", "kind": "levels", "metric": "log-loss"}
    >>> scores = {"ours": [0.2, 0.5], "forest": [0.3, 0.4], "linear": [0.1, 0.9], "marginal": 1.0}
    >>> cells = pd.DataFrame({**about, "column": ["x", "y"], **scores})
    >>> found = Comparison(cells, "ours", ["forest", "linear"])
    >>> found.share("forest"), found.share_of_all(), round(found.mean_skill("ours"), 2)
    (0.5, 0.0, 0.65)
    >>> round(found.best_per_column(), 2), found.best_baseline()
    (0.75, 'forest')
    """

    def __init__(self, cells: pd.DataFrame, ours: str, baselines: Sequence[str]) -> None:
        self.cells = cells
        self.ours = ours
        self.baselines = list(baselines)

    def where(self, **values: str) -> Comparison:
        """Return the comparison of the cells with these values, such as ``given="half"``."""
        kept = np.logical_and.reduce([self.cells[name] == value for name, value in values.items()])
        return Comparison(self.cells[kept], self.ours, self.baselines)

    def __len__(self) -> int:
        """Return the number of cells compared by log-loss or R²."""
        return len(self._compared("loss"))

    def share(self, other: str, metric: str = "loss") -> float:
        """Return the share of cells at or above another model, by log-loss and R² or by CRPS."""
        cells = self._compared(metric)
        return float((self._better(cells, other) >= -TOLERANCE).mean()) if len(cells) else np.nan

    def share_of_all(self, metric: str = "loss") -> float:
        """Return the share of cells at or above every baseline."""
        cells = self._compared(metric)
        won = [self._better(cells, name) >= -TOLERANCE for name in self.baselines]
        return float(np.logical_and.reduce(won).mean()) if len(cells) else np.nan

    def gain(self, other: str, metric: str) -> float:
        """Return the mean gain over another model, without cells that have no score."""
        cells = self.cells[self.cells["metric"] == metric]
        if metric == "R²":
            names = (self.ours, other)
            cells = cells.assign(**{name: cells[name].clip(lower=MIN_SKILL) for name in names})
        return float(self._better(cells, other).mean())

    def skill(self, name: str) -> pd.Series:
        """Return a model's skill in each cell."""
        cells = self._compared("loss")
        levels = 1 - cells[name] / cells[MARGINAL]
        return cells[name].where(cells["metric"] == "R²", levels).clip(lower=MIN_SKILL).fillna(0.0)

    def mean_skill(self, name: str) -> float:
        """Return a model's mean skill."""
        return float(self.skill(name).mean())

    def best_per_column(self) -> float:
        """Return the mean skill of the best baseline of each cell."""
        return float(np.max([self.skill(name) for name in self.baselines], axis=0).mean())

    def best_baseline(self) -> str:
        """Return the baseline with the highest mean skill."""
        return max(self.baselines, key=self.mean_skill)

    def mean(self, name: str, metric: str) -> float:
        """Return a model's mean score by one metric."""
        return float(self.cells.loc[self.cells["metric"] == metric, name].mean())

    def against(self, target: Target) -> Iterator[tuple[str, float, float]]:
        """Yield what a target asks for, what it should be at least, and what it is."""
        same = self.where(given=target.given)
        yield f"{target.given}: share ≥ forest", target.forest, same.share("forest")
        yield f"{target.given}: share ≥ best of all", target.best, same.share_of_all()
        if target.skill:
            best = same.best_baseline()
            wanted, found = same.mean_skill(best), same.mean_skill(self.ours)
            yield f"{target.given}: mean skill ≥ {best}'s", wanted, found

    def _compared(self, metric: str) -> pd.DataFrame:
        of = LOSSES if metric == "loss" else (metric,)
        return self.cells[self.cells["metric"].isin(of)]

    def _better(self, cells: pd.DataFrame, other: str) -> pd.Series:
        """Return our gain per cell, in its own unit; NaN without our score."""
        difference = cells[self.ours] - cells[other]
        return difference.where(cells["metric"] == "R²", -difference)

"""Predictions for missing cells, each with its spread, in the few letters that a cell has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tabwidget._formatting import format_date
from tabwidget.inference.distribution import Distribution
from tabwidget.model import TabularLanguageModel
from tabwidget.table import Table

__all__ = ["PredictedCell", "predict_missing"]

MAX_DECIMALS = 6
_UNITS = (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0))


@dataclass(frozen=True)
class PredictedCell:
    """What the model predicts for a missing cell.

    Attributes
    ----------
    position : int
        Position of the row in the table.
    column : str
        The column.
    text : str
        A number with its standard deviation, or the likeliest level with its probability.
    """

    position: int
    column: str
    text: str


def predict_missing(
    model: TabularLanguageModel, table: Table, positions: Sequence[int], columns: Sequence[str]
) -> list[PredictedCell]:
    """Return predictions for the missing cells of some rows, each given the rest of its row.

    Parameters
    ----------
    model : TabularLanguageModel
        A model that is ready.
    table : Table
        The table it was fitted to.
    positions : sequence of int
        Positions of the rows.
    columns : sequence of str
        The columns; those that cannot be targets are skipped.

    Examples
    --------
    >>> from tabwidget import TabularLanguageModel
    >>> from tabwidget.table import as_table
    >>> penguins = as_table("penguins")
    >>> lm = TabularLanguageModel("pretrained", random_state=0).fit(penguins.frame)
    >>> [cell.column for cell in predict_missing(lm, penguins, [3, 4], ["sex", "body_mass_g"])]
    ['sex', 'body_mass_g']
    """
    rows = table.frame.take(list(positions))
    targets = model.schema.targets
    found = []
    for name in columns:
        column = table.schema[name]
        if name not in targets:
            continue
        at = np.flatnonzero(np.isnan(column.numbers(rows[name])))
        if not len(at):
            continue
        shares = model.predict_proba_many(rows.iloc[at], name)
        for place, probabilities in zip(at.tolist(), shares, strict=True):
            text = in_a_cell(Distribution(model.schema[name], probabilities))
            found.append(PredictedCell(int(positions[place]), name, text))
    return found


def in_a_cell(distribution: Distribution) -> str:
    """Return a distribution in a few letters.

    Examples
    --------
    >>> from tabwidget.table import as_table
    >>> schema = as_table("penguins").schema
    >>> in_a_cell(Distribution(schema["sex"], [0.13, 0.87]))
    'male 87%'
    """
    if distribution.kind in ("categorical", "boolean"):
        share = float(np.max(distribution.probabilities))
        return f"{distribution.mode()} {'>99%' if 0.995 <= share < 1 else f'{share:.0%}'}"
    spread = distribution.std()
    if distribution.kind == "datetime":
        unit, seconds = next((u for u in _UNITS if spread >= u[1]), _UNITS[-1])
        return f"{format_date(distribution.median(), spread)} ± {spread / seconds:.0f} {unit}"
    # One digit of the spread, and the value to the same place.
    places = 0 if not spread > 0 else -math.floor(math.log10(spread))
    places = min(max(places, 0), MAX_DECIMALS)
    return f"{distribution.mean():.{places}f} ± {spread:.{places}f}"

"""Predictions for missing cells: which are predicted, in which words, and on which thread."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from tabwidget.inference.distribution import Distribution
from tabwidget.model import TabularLanguageModel
from tabwidget.session.missing_cells import MissingCells, in_a_cell, predict_missing
from tabwidget.table import Table, as_table

Fitted = tuple[TabularLanguageModel, Table]


@pytest.fixture(scope="module")
def fitted() -> Iterator[Fitted]:
    table = as_table("penguins")
    yield TabularLanguageModel("pretrained", random_state=0).fit(table.frame), table


def test_only_missing_cells_are_predicted(fitted: Fitted) -> None:
    lm, table = fitted
    found = predict_missing(lm, table, [2, 3, 8], ["sex", "species"])
    assert [(cell.position, cell.column) for cell in found] == [(3, "sex"), (8, "sex")]
    assert all(cell.text.split()[0] in ("male", "female") for cell in found)


def test_a_prediction_is_that_of_the_rest_of_the_row(fitted: Fitted) -> None:
    lm, table = fitted
    (cell,) = predict_missing(lm, table, [3], ["body_mass_g"])
    given = {"species": "Adelie", "island": "Torgersen", "year": 2007}
    distribution = lm.conditional("body_mass_g", given)
    mean, spread = (float(part) for part in cell.text.split(" ± "))
    assert mean == pytest.approx(distribution.mean(), rel=0.05)
    assert spread == pytest.approx(distribution.std(), rel=0.2)


@pytest.mark.parametrize(
    ("cells", "probabilities", "text"),
    [
        ([0.0, 1.0], [0.5, 0.5], "0.5 ± 0.5"),
        ([100.0, 300.0], [0.5, 0.5], "200 ± 100"),
        ([1.0, 2.0], [1.0, 0.0], "1 ± 0"),
        (["a", "b"], [0.004, 0.996], "b >99%"),
        (["a", "b"], [0.0, 1.0], "b 100%"),
    ],
)
def test_a_prediction_has_few_letters(cells: object, probabilities: list[float], text: str) -> None:
    column = Table(pd.DataFrame({"x": cells, "y": [1, 2]})).schema["x"]
    assert in_a_cell(Distribution(column, probabilities)) == text


def test_a_date_has_its_spread_in_days() -> None:
    dates = pd.to_datetime(["2020-01-01", "2020-01-11"])
    column = Table(pd.DataFrame({"x": dates, "y": [1, 2]})).schema["x"]
    assert in_a_cell(Distribution(column, [0.9, 0.1])).endswith("± 3 days")


def test_what_is_looked_at_is_predicted_and_announced(fitted: Fitted) -> None:
    lm, table = fitted
    news: list[int] = []
    cells = MissingCells(lm, table, lambda: news.append(cells.pieces))
    assert cells.known([3], ["sex"]) == []
    cells.look([2, 3], ["sex", "body_mass_g", "species"])
    assert cells.wait(60)
    assert [cell.column for cell in cells.known([3], ["sex", "body_mass_g"])] == [
        "sex",
        "body_mass_g",
    ]
    assert news == [1, 2]  # species is never missing


def test_a_failure_ends_the_thread(fitted: Fitted) -> None:
    cells = MissingCells(fitted[0], fitted[1], lambda: None)
    cells.look([10_000], ["sex"])
    assert cells.wait(60)
    assert cells.known([10_000], ["sex"]) == []

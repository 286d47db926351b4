"""Any frame is fitted and queried, or rejected with an error of one line."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given

from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import TableError, TabwidgetError
from tabwidget.inference.distribution import Distribution
from tabwidget.model import TabularLanguageModel
from tabwidget.table import Table
from tabwidget.table.values import is_missing
from tests.strategies import KINDS, examples, frames, frames_of, seeds

# Users see no warnings.
pytestmark = pytest.mark.filterwarnings("error")


def fitted(frame: pd.DataFrame) -> TabularLanguageModel:
    size = ModelConfig(width=16, layers=1, heads=2, members=1)
    lm = TabularLanguageModel(
        model_config=size, training=TrainingConfig(max_steps=5), random_state=0
    )
    return lm.fit(frame)


def fitted_or_skipped(frame: pd.DataFrame) -> TabularLanguageModel:
    """Return a model of the frame; skip frames that are rejected."""
    try:
        return fitted(frame)
    except TableError:
        assume(False)
        raise


def present(lm: TabularLanguageModel, frame: pd.DataFrame, row: int) -> dict[str, Any]:
    """Return the cells of a row that the model uses, as the frame has them."""
    cells = {str(name): frame.iloc[:, i].iat[row] for i, name in enumerate(frame.columns)}
    return {name: cells[name] for name in lm.schema.targets if not is_missing(cells[name])}


def check_answer(found: Distribution) -> None:
    assert len(found.probabilities) == len(found.support) > 0
    assert (found.probabilities >= 0).all()
    assert found.probabilities.sum() == pytest.approx(1)
    assert 0 <= found.order_spread <= 1
    json.dumps(found.records(), allow_nan=False)
    for shown in (repr(found), str(found), found._repr_html_()):
        assert shown


def check_rejection(error: TabwidgetError, frame: pd.DataFrame) -> None:
    message = str(error)
    assert isinstance(error, TableError)
    assert len(message.splitlines()) == 1
    assert any(repr(str(name)) in message for name in frame.columns)


def check_fit(frame: pd.DataFrame) -> TabularLanguageModel | None:
    """Return a model of the frame, or None if it is rejected correctly."""
    try:
        lm = fitted(frame)
    except TabwidgetError as error:
        check_rejection(error, frame)
        return None
    json.dumps(Table(frame).summary(), allow_nan=False)
    return lm


def check_conditional(lm: TabularLanguageModel, frame: pd.DataFrame, seed: int) -> None:
    known = present(lm, frame, seed % len(frame))
    target = lm.schema.targets[seed % len(lm.schema.targets)]
    known.pop(target, None)
    check_answer(lm.conditional(target, known))


def check_survey(lm: TabularLanguageModel, frame: pd.DataFrame, seed: int) -> None:
    known = dict(list(present(lm, frame, seed % len(frame)).items())[::2])
    survey = lm.survey(known)
    assert set(survey) == set(lm.schema.targets) - set(known)
    for found in survey.values():
        check_answer(found)


def check_predictions(lm: TabularLanguageModel, frame: pd.DataFrame, seed: int) -> None:
    target = lm.schema.targets[seed % len(lm.schema.targets)]
    found = lm.predict_proba_many(frame, target)
    assert found.shape == (len(frame), len(lm.schema[target].support))
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-9)


def check_likelihood(lm: TabularLanguageModel, frame: pd.DataFrame, seed: int) -> None:
    found = lm.log_likelihood(frame)
    assert found.shape == (len(frame),)
    assert np.isfinite(found).all()
    assert (found <= 1e-6).all()


def check_sample(lm: TabularLanguageModel, frame: pd.DataFrame, seed: int) -> None:
    drawn = lm.sample(5, random_state=seed)
    assert list(drawn) == list(lm.schema.targets)
    assert not drawn.isna().any().any()
    learned = frame.rename(columns=str)[list(drawn)]
    pd.testing.assert_series_equal(drawn.dtypes, learned.dtypes)
    for name in drawn:
        # In an object column the dtype says nothing.
        if drawn[name].dtype == object:
            kinds = {type(cell) for cell in learned[name] if not is_missing(cell)}
            assert all(type(cell) in kinds or is_moment(cell, kinds) for cell in drawn[name]), name


def check_completion(lm: TabularLanguageModel, frame: pd.DataFrame, seed: int) -> None:
    known = dict(list(present(lm, frame, seed % len(frame)).items())[::2])
    wanted = [name for name in lm.schema.targets if name not in known]
    row = lm.complete(known, wanted)
    assert list(row) == [*known, *wanted]
    for name, value in row.items():
        column = lm.schema[name]
        number = column.number(value)
        if name in known:
            assert number == column.number(known[name]), name
        elif column.is_number:
            assert column.low <= number <= column.high, name


def check_saving(lm: TabularLanguageModel, frame: pd.DataFrame, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            lm.save(folder)
        except TableError as error:  # levels of a type that JSON has no form for
            check_rejection(error, frame)
            return
        again = TabularLanguageModel.load(folder)
    for name in lm.schema.targets:
        one, other = lm.conditional(name), again.conditional(name)
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
    drawn = [model.sample(2, random_state=seed) for model in (lm, again)]
    pd.testing.assert_series_equal(drawn[0].dtypes, drawn[1].dtypes)


def check_cells(lm: TabularLanguageModel, frame: pd.DataFrame, seed: int) -> None:
    cells = lm.log_likelihood(frame.head(20), per_cell=True)
    assert isinstance(cells, pd.DataFrame)
    assert not (cells.to_numpy() > 1e-6).any()


def is_moment(cell: object, kinds: set[type]) -> bool:
    """Return whether a cell is a Timestamp, a subclass of datetime."""
    return isinstance(cell, pd.Timestamp) and datetime in kinds


CHECKS = [
    check_conditional,
    check_survey,
    check_predictions,
    check_likelihood,
    check_sample,
    check_completion,
    check_saving,
    check_cells,
]


@examples(40)
@given(frame=frames())
def test_any_frame_is_fitted_or_rejected_with_one_line(frame: pd.DataFrame) -> None:
    check_fit(frame)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_any_fitted_frame_can_be_queried(check: Any) -> None:
    @examples(10)
    @given(frame=frames(), seed=seeds)
    def run(frame: pd.DataFrame, seed: int) -> None:
        check(fitted_or_skipped(frame), frame, seed)

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_column_in_one_frame(kind: str) -> None:
    @examples(1)
    @given(frame=frames_of(kind, "category", "float64, all distinct"), seed=seeds)
    def run(frame: pd.DataFrame, seed: int) -> None:
        lm = check_fit(frame)
        if lm is None:
            return
        for check in CHECKS:
            check(lm, frame, seed)

    run()

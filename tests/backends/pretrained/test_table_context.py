"""All targets of a table: folds, samples of rows, and the cache."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabwidget.backends.pretrained import table_context
from tabwidget.backends.pretrained.table_context import TableContext, _sampled
from tabwidget.backends.pretrained.weights import pretrained_model
from tabwidget.table import Table


def context_of(frame: pd.DataFrame, seed: int = 0) -> TableContext:
    """Return the context of a frame."""
    schema = Table(frame).schema
    rows, columns = schema.rows(frame), schema.inputs

    def counts(target: int) -> np.ndarray:
        codes = columns[target].codes(rows[:, target])
        return np.bincount(codes[codes >= 0], minlength=len(columns[target].support)).astype(float)

    return TableContext(pretrained_model(), columns, rows, counts, seed)


@pytest.fixture
def frame() -> pd.DataFrame:
    """Return numbers, levels and missing cells."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    y = np.where(x + rng.normal(0, 0.5, 60) > 0, "a", "b").astype(object)
    y[:5] = None
    return pd.DataFrame({"x": x, "y": y, "z": np.where(np.arange(60) < 10, np.nan, x**2)})


def test_several_targets_in_one_pass_equal_each_alone(frame: pd.DataFrame) -> None:
    context = context_of(frame)
    rows = np.repeat(context.rows[20:23], 3, axis=0)
    targets = np.tile([0, 1, 2], 3)
    together, _ = context.predict(rows, targets)
    for row, target, p in zip(rows, targets, together, strict=True):
        alone, _ = context.predict(row[None], np.array([target]))
        np.testing.assert_allclose(p[: alone.shape[1]], alone[0], atol=1e-5)
    np.testing.assert_allclose(together.sum(1), 1, atol=1e-6)


def test_out_of_fold_a_row_is_answered_without_itself(frame: pd.DataFrame) -> None:
    """An odd row is surprising to a context without it, but not to one with it."""
    odd = frame.copy()
    odd.loc[30, "x"] = 4.0
    odd.loc[30, "y"] = "b"
    context = context_of(odd)
    row = context.rows[[30]]
    folds = context.folds_of(row)
    assert folds.tolist() == [context.folds[30]]
    inside, _ = context.predict(row, np.array([1]))
    outside, _ = context.predict(row, np.array([1]), folds=folds)
    assert outside[0, 1] < inside[0, 1]
    assert context.folds_of(np.array([[9.0, 9.0, 9.0]])).tolist() == [-1]


def test_rows_outside_a_sampled_context_need_no_other(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_context, "MIN_CONTEXT_ROWS", 20)
    monkeypatch.setattr(table_context, "MAX_CONTEXT_ROWS", 20)
    context, targets = context_of(frame), np.zeros(60, dtype=int)
    folds = context.folds_without(context.rows, targets)
    inside = context._context_rows(0, 0)
    assert len(inside) == 20
    np.testing.assert_array_equal(np.flatnonzero(folds >= 0), inside)
    np.testing.assert_array_equal(folds[inside], context.folds[inside])
    assert (context.folds_without(np.full((1, 3), 9.0), targets[:1]) == -1).all()


def test_all_rows_of_a_short_table_are_in_its_contexts(frame: pd.DataFrame) -> None:
    context = context_of(frame)
    folds = context.folds_without(context.rows, np.zeros(60, dtype=int))
    np.testing.assert_array_equal(folds, context.folds)


def test_contexts_without_a_fold_are_kept_apart(frame: pd.DataFrame) -> None:
    context = context_of(frame)
    rows, targets = context.rows[20:23], np.array([0, 1, 2])
    context.predict(rows, targets)
    kept = context._cache.keys()
    first, _ = context.predict(rows, targets, folds=np.array([0, 1, 1]))
    made = context._fold_cache.keys()
    assert {(key[0], key[-1]) for key in made} == {(0, 0), (1, 1), (2, 1)}  # type: ignore[index]
    again, _ = context.predict(rows, targets, folds=np.array([0, 1, 1]))
    np.testing.assert_array_equal(first, again)
    assert (context._cache.keys(), set(context._fold_cache.keys())) == (kept, set(made))


def test_predictions_without_rows_equal_those_of_a_table_without_them(frame: pd.DataFrame) -> None:
    context = context_of(frame)
    left_out = np.flatnonzero(context.folds == 0)
    found = context.predict_without(left_out, context.rows[:4], 1)
    by_fold, _ = context.predict(
        context.rows[:4], np.ones(4, dtype=int), folds=np.zeros(4, dtype=int)
    )
    np.testing.assert_allclose(found, by_fold, atol=1e-6)


def test_members_differ_and_agree_on_what_is_certain(frame: pd.DataFrame) -> None:
    context = context_of(frame)
    _, alone = context.predict(context.rows[20:24], np.ones(4, dtype=int))
    _, spread = context.predict(context.rows[20:24], np.ones(4, dtype=int), 3)
    assert (alone == 0).all()
    assert (spread > 0).all()
    assert (spread < 0.3).all()


def test_the_cache_evicts_and_answers_stay_equal(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, targets = context_of(frame).rows[20:23], np.array([0, 1, 2])
    expected, _ = context_of(frame).predict(rows, targets)
    monkeypatch.setattr(table_context, "MAX_CACHE_BYTES", 1)
    context = context_of(frame)
    for _ in range(2):
        found, _ = context.predict(rows, targets)
        assert np.array_equal(found, expected)
    assert len(context._cache.keys()) == 1


def test_two_contexts_of_a_seed_are_equal_to_the_last_bit(frame: pd.DataFrame) -> None:
    rows, targets = context_of(frame).rows[20:23], np.array([0, 1, 2])
    first, _ = context_of(frame).predict(rows, targets)
    second, _ = context_of(frame).predict(rows, targets)
    other, _ = context_of(frame, seed=1).predict(rows, targets)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_sample_of_rows_keeps_rare_levels() -> None:
    levels = np.array([0] * 5_000 + [1] * 3 + [2] * 30)
    rows = _sampled(len(levels), 500, levels, np.random.default_rng(0))
    counts = np.bincount(levels[rows])
    assert len(rows) == 500
    assert counts[1] == 3
    assert counts[2] >= 8


def test_contexts_shrink_until_those_of_all_columns_fit() -> None:
    rng = np.random.default_rng(0)
    wide = context_of(pd.DataFrame(rng.normal(size=(40, 60)), columns=[str(i) for i in range(60)]))
    narrow = context_of(pd.DataFrame(rng.normal(size=(40, 2)), columns=["a", "b"]))
    assert 256 <= wide.max_rows < narrow.max_rows == 2_000

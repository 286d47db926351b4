"""Metrics agree with scikit-learn, and thresholds are optimal."""

from __future__ import annotations

import itertools
import json
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score

from tabwidget.textclass.data import Labels
from tabwidget.textclass.metrics import best_thresholds, metrics_of, tuned_thresholds

Average = Literal["micro", "macro"]
Case = tuple[NDArray[np.bool_], NDArray[np.float64]]


def labels_of(k: int, multi: bool = True) -> Labels:
    return Labels(tuple(f"label {i}" for i in range(k)), multi)


@st.composite
def cases(draw: st.DrawFn, max_rows: int = 12, max_labels: int = 4) -> Case:
    """Draw targets and probabilities, with many ties, extremes and adjacent floats."""
    shape = (draw(st.integers(1, max_rows)), draw(st.integers(1, max_labels)))
    special = [0.0, 1.0, 0.5, np.nextafter(0.5, 0), np.nextafter(1, 0), 5e-324, np.float32(0.1)]
    probability = st.one_of(st.sampled_from([float(p) for p in special]), st.floats(0, 1))
    return draw(hnp.arrays(bool, shape)), draw(hnp.arrays(np.float64, shape, elements=probability))


def f1(
    targets: NDArray[np.bool_], probabilities: NDArray[Any], thresholds: Any, average: Average
) -> float:
    labels = labels_of(targets.shape[1])
    return float(metrics_of(targets, probabilities, thresholds, labels)[f"f1_{average}"])


@pytest.mark.parametrize("average", ["micro", "macro"])
@given(case=cases())
@settings(max_examples=100, deadline=None)
def test_best_thresholds_are_never_worse_than_a_half(average: Average, case: Case) -> None:
    targets, probabilities = case
    thresholds = best_thresholds(targets, probabilities, average)
    assert thresholds.shape == targets.shape[1:]
    assert ((thresholds >= 0) & (thresholds <= 1)).all()
    half = f1(targets, probabilities, None, average)
    tuned = f1(targets, probabilities, thresholds, average)
    assert tuned >= half
    if tuned == half:
        assert (thresholds == 0.5).all()


@pytest.mark.parametrize("average", ["micro", "macro"])
@given(case=cases(max_rows=5, max_labels=3))
@settings(max_examples=50, deadline=None)
def test_no_other_thresholds_are_better(average: Average, case: Case) -> None:
    targets, probabilities = case
    # The probabilities of a label and 1 give every possible decision.
    choices = [np.unique([*column, 1.0]) for column in probabilities.T]
    best = max(
        f1_score(
            np.hstack([targets, np.zeros((len(targets), 1), dtype=bool)]),
            np.hstack([probabilities >= point, np.zeros((len(targets), 1), dtype=bool)]),
            labels=range(targets.shape[1]),
            average=average,
            zero_division=0,
        )
        for point in itertools.product(*choices)
    )
    tuned = f1(targets, probabilities, best_thresholds(targets, probabilities, average), average)
    assert tuned == pytest.approx(best)


def test_ties_are_left_at_a_half() -> None:
    targets = np.array([[True, False, True], [False, False, False]])
    probabilities = np.array([[0.9, 0.4, 0.4], [0.2, 0.3, 0.1]])
    assert best_thresholds(targets, probabilities).tolist() == [0.5, 0.5, 0.25]
    assert best_thresholds(np.zeros((2, 3), dtype=bool), probabilities).tolist() == [0.5] * 3


def test_a_threshold_raises_f1_where_a_label_is_rare() -> None:
    rng = np.random.default_rng(0)
    targets = rng.random((2000, 5)) < [0.5, 0.2, 0.1, 0.05, 0.02]
    # Probabilities of rare labels rarely reach 0.5.
    evidence = targets * 1.5 + rng.normal(size=targets.shape) - [0.75, 2, 3, 3.5, 4]
    probabilities = 1 / (1 + np.exp(-evidence))
    micro = best_thresholds(targets[:1000], probabilities[:1000])
    for rows in (slice(1000), slice(1000, None)):
        half = f1(targets[rows], probabilities[rows], None, "micro")
        assert f1(targets[rows], probabilities[rows], micro, "micro") > half + 0.02


@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_metrics_agree_with_scikit_learn(k: int, multi: bool) -> None:
    rng = np.random.default_rng(k)
    labels = labels_of(k, multi)
    probabilities = rng.random((60, k))
    targets = rng.random((60, k)) < 0.4
    if not multi:
        targets = np.arange(k) == rng.integers(k, size=60)[:, None]
    thresholds = rng.random(k)
    found = metrics_of(targets, probabilities, thresholds, labels)
    if multi and k > 1:
        truth: Any = targets
        chosen: Any = probabilities >= thresholds
    elif multi:
        truth, chosen = targets[:, 0], probabilities[:, 0] >= thresholds
    else:
        truth, chosen = targets.argmax(axis=1), probabilities.argmax(axis=1)
    only = {"labels": [1]} if multi and k == 1 else {}
    for average in ("micro", "macro"):
        assert found[f"f1_{average}"] == pytest.approx(
            f1_score(truth, chosen, average=average, **only)
        )
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, chosen))
    each = [one["f1"] for one in found["per_class"].values()]
    assert each == pytest.approx(list(f1_score(truth, chosen, average=None, **only)))
    assert [one["support"] for one in found["per_class"].values()] == targets.sum(axis=0).tolist()
    used = [one["threshold"] for one in found["per_class"].values()]
    assert used == (thresholds.tolist() if multi else [None] * k)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_an_absent_label_counts_as_zero() -> None:
    targets = np.array([[True, False], [True, False]])
    found = metrics_of(targets, np.array([[0.7, 0.2]] * 2), None, labels_of(2))
    assert found["f1_macro"] == 0.5
    assert found["per_class"]["label 1"] == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 0,
        "threshold": 0.5,
    }


@pytest.mark.parametrize("average", ["micro", "macro"])
@given(case=cases())
@settings(max_examples=25, deadline=None)
def test_averaged_thresholds_are_never_worse_than_a_half(average: Average, case: Case) -> None:
    targets, probabilities = case
    thresholds = tuned_thresholds(targets, probabilities, average)
    assert ((thresholds >= 0) & (thresholds <= 1)).all()
    tuned = f1(targets, probabilities, thresholds, average)
    assert tuned >= f1(targets, probabilities, None, average) - 1e-12


def test_tuned_thresholds_generalize_better_than_the_best() -> None:
    """On 60 rows with ten labels of frequency 0.1, the best thresholds overfit."""
    gains = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        targets = rng.random((2_000, 10)) < 0.1
        probabilities = 1 / (1 + np.exp(2.5 - 2 * targets + rng.normal(size=targets.shape)))
        few, many = slice(0, 60), slice(60, None)
        best = best_thresholds(targets[few], probabilities[few])
        tuned = tuned_thresholds(targets[few], probabilities[few])
        gains.append(
            f1(targets[many], probabilities[many], tuned, "micro")
            - f1(targets[many], probabilities[many], best, "micro")
        )
    assert np.mean(gains) > 0.01

"""Classifier: labels of any kind, probabilities, and a fitted model's column."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabwidget.errors import ColumnError, ConfigError, EvidenceError
from tabwidget.estimators import LanguageModelClassifier
from tabwidget.model import TabularLanguageModel
from tests.estimators.conftest import tiny


# No check is expected to fail.
@parametrize_with_checks([LanguageModelClassifier(**tiny())])  # type: ignore[untyped-decorator]
def test_scikit_learns_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def test_it_learns(
    classifier: LanguageModelClassifier, rows: pd.DataFrame, frame: pd.DataFrame
) -> None:
    assert classifier.score(rows, frame["kind"]) > 0.8


def test_probabilities_are_those_of_the_language_model(
    classifier: LanguageModelClassifier, rows: pd.DataFrame
) -> None:
    found = classifier.predict_proba(rows[:1])[0]
    asked = classifier.lm_.conditional("kind", {str(name): rows[name].iloc[0] for name in rows})
    np.testing.assert_allclose(found, asked.probabilities, atol=1e-6)
    assert asked.support.tolist() == classifier.classes_.tolist() == ["large", "small"]


def test_log_probabilities(classifier: LanguageModelClassifier, rows: pd.DataFrame) -> None:
    found = np.exp(classifier.predict_log_proba(rows))
    np.testing.assert_allclose(found, classifier.predict_proba(rows))


LABELS = np.arange(40) % 2

KINDS = {
    "text": np.where(LABELS, "yes", "no"),
    "integer": LABELS,
    "negative": LABELS * 2 - 1,
    "truth": LABELS == 1,
    "float": LABELS * 1.0,
    "category": pd.Series(LABELS).map({0: "b", 1: "a"}).astype("category"),
    "Int64": pd.Series(LABELS, dtype="Int64"),
    "boolean": pd.Series(LABELS == 1, dtype="boolean"),
    "arrow": pd.Series(np.where(LABELS, "yes", "no"), dtype="string[pyarrow]"),
    "dates": np.where(LABELS, np.datetime64("2020-01-01"), np.datetime64("2021-01-01")),
    "list": ["yes", "no"] * 20,
    "one class": ["only"] * 40,
    "identifiers": [f"u{i}" for i in range(40)],
    "counted": np.arange(40),
    "numbers written as text": [str(i) for i in range(40)],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:The number of unique classes is greater than 50%")
def test_labels_of_any_kind_come_back_as_they_were(kind: str, budget: dict[str, Any]) -> None:
    y = KINDS[kind]
    X = np.random.default_rng(0).normal(size=(40, 2))
    fitted = LanguageModelClassifier(**budget).fit(X, y)
    classes = np.unique(np.asarray(y))
    np.testing.assert_array_equal(fitted.classes_, classes)
    assert fitted.lm_.schema["target"].kind == "categorical"
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (40, len(classes))
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert np.isin(fitted.predict(X), classes).all()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", None] * 20, "Input y contains NaN"),
        (pd.Series([True, None] * 20, dtype="boolean"), "Input y contains NaN"),
        (np.linspace(0, 1, 40), "Unknown label type: continuous"),
        (np.ones((40, 2)), "y should be a 1d array"),
        (["a", "b"], "inconsistent numbers of samples"),
        (None, "requires y to be passed"),
    ],
    ids=["missing", "boolean", "numbers", "several", "short", "none"],
)
def test_invalid_labels_are_refused(y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LanguageModelClassifier().fit(np.zeros((40, 2)), y)


@pytest.mark.parametrize(
    ("own", "expected"),
    [("label", "label"), (None, "target_2"), ("size", "target_2"), (7, "target_2")],
)
def test_the_label_column_gets_an_unused_name(
    rows: pd.DataFrame, budget: dict[str, Any], own: Any, expected: str
) -> None:
    y = pd.Series(np.arange(len(rows)) % 2, name=own)
    fitted = LanguageModelClassifier(**budget).fit(rows.assign(target="x"), y)
    assert fitted.target_ == expected
    assert list(fitted.lm_.schema) == ["size", "island", "target", expected]


@pytest.mark.parametrize(
    "cells",
    [[f"u{i}" for i in range(40)], [7] * 40, [[1]] * 40, [np.nan] * 40],
    ids=["identifier", "constant", "lists", "empty"],
)
def test_uninformative_features_leave_the_marginal(
    cells: list[Any],
) -> None:
    X = pd.DataFrame({"it": cells})
    found = LanguageModelClassifier(**tiny()).fit(X, ["a", "a", "a", "b"] * 10).predict_proba(X)
    assert (found == found[0]).all()
    np.testing.assert_allclose(found[0], [0.75, 0.25], atol=0.2)


def test_from_fitted_answers_as_the_model_does(
    lm: TabularLanguageModel, frame: pd.DataFrame, numbers: pd.Series
) -> None:
    X = frame.assign(length=numbers)
    fitted = LanguageModelClassifier.from_fitted(lm, "kind")
    assert fitted.feature_names_in_.tolist() == ["size", "island", "length"]
    expected = lm.predict_proba_many(X, "kind")
    found = fitted.predict_proba(X.drop(columns="kind"))
    np.testing.assert_array_equal(found, expected)


def test_from_fitted_needs_a_column_with_labels(lm: TabularLanguageModel) -> None:
    with pytest.raises(ConfigError, match="is a binned number"):
        LanguageModelClassifier.from_fitted(lm, "size")
    with pytest.raises(ColumnError, match="Did you mean 'kind'"):
        LanguageModelClassifier.from_fitted(lm, "kinds")


def test_labels_that_a_fitted_model_lacks_are_named(
    lm: TabularLanguageModel, rows: pd.DataFrame
) -> None:
    y = pd.Series(["large", "huge"] * 40, name="kind")
    with pytest.raises(EvidenceError, match="'kind' of the fitted model has no level 'huge'"):
        LanguageModelClassifier.from_fitted(lm, "kind").fit(rows, y)


def test_numbers_written_as_text_are_numbers() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"size": np.r_[rng.normal(0, 1, 60), rng.normal(9, 1, 60)].round(2)})
    y = np.repeat(["low", "high"], 60)
    classifier = LanguageModelClassifier(**tiny()).fit(X.astype(str), y)
    assert classifier.lm_.schema["size"].kind == "numeric"
    assert classifier.score(X.astype(str), y) > 0.9


def test_ignored_columns_are_named() -> None:
    X = pd.DataFrame({"who": [f"u{i}" for i in range(60)], "size": [0.0, 1.0] * 30})
    with pytest.warns(UserWarning, match=r"ignored columns: 'who' \(60 distinct values"):
        LanguageModelClassifier(**tiny(2)).fit(X, ["a", "b"] * 30)


def test_labels_of_several_types_are_refused_by_example() -> None:
    with pytest.raises(ConfigError, match=r"several types, such as 'a', 1.*astype\(str\)"):
        LanguageModelClassifier(**tiny(2)).fit(np.zeros((4, 1)), np.array(["a", 1, "a", 1], object))


def test_whole_numbers_in_an_array_of_objects_are_labels() -> None:
    classifier = LanguageModelClassifier(**tiny(2))
    classifier.fit(np.zeros((6, 1)), np.array([0, 1] * 3, dtype=object))
    assert classifier.classes_.tolist() == [0, 1]


def test_labels_in_a_frame_keep_their_name() -> None:
    y = pd.DataFrame({"kind": ["a", "b"] * 10})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier = LanguageModelClassifier(**tiny(2)).fit(np.zeros((20, 1)), y)
    assert classifier.target_ == "kind"


def test_missing_labels_are_counted() -> None:
    with pytest.raises(ValueError, match=r"contains NaN. 2 of its 4 cells .* y.dropna\(\)"):
        LanguageModelClassifier(**tiny(2)).fit(np.zeros((4, 1)), ["a", None, "b", None])

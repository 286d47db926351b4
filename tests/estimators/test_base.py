"""LanguageModelEstimator: parameters, columns of `X`, fitted models, clones and pickles."""

from __future__ import annotations

import inspect
import io
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from tabwidget.callbacks import Callback
from tabwidget.config import (
    DiscretizationConfig,
    GenerationConfig,
    LoRAConfig,
    ModelConfig,
    TrainingConfig,
)
from tabwidget.errors import ColumnError, ConfigError, TableError
from tabwidget.estimators import (
    LanguageModelClassifier,
    LanguageModelImputer,
    LanguageModelOverSampler,
    LanguageModelRegressor,
    LanguageModelSynthesizer,
)
from tabwidget.estimators.base import LanguageModelEstimator, known_cells
from tabwidget.model import TabularLanguageModel
from tabwidget.serializers import BracketSerializer, JSONSerializer
from tabwidget.serializers.number_format import PlainNumber
from tabwidget.table import Table

OWN = {
    LanguageModelClassifier: [],
    LanguageModelRegressor: ["discretization"],
    LanguageModelImputer: [
        "strategy",
        "n_imputations",
        "discretization",
        "add_indicator",
        "keep_empty_features",
    ],
    LanguageModelOverSampler: ["sampling_strategy"],
    LanguageModelSynthesizer: ["constraints", "max_attempts"],
}


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_a_constructor_shows_its_own_parameters_and_then_the_shared_ones(kind: Any) -> None:
    shared = inspect.signature(LanguageModelEstimator).parameters
    shown = inspect.signature(kind).parameters
    assert list(shown) == OWN[kind] + list(shared)
    defaults = {name: param.default for name, param in shown.items()}
    assert kind().get_params(deep=False) == defaults
    assert defaults.items() >= {name: param.default for name, param in shared.items()}.items()


@pytest.mark.parametrize("lm", [TabularLanguageModel(), "lm"], ids=["unfitted", "text"])
@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_from_fitted_needs_a_fitted_model(kind: Any, lm: Any) -> None:
    needs_target = "target" in inspect.signature(kind.from_fitted).parameters
    with pytest.raises(ConfigError, match="is not a fitted TabularLanguageModel: call fit"):
        kind.from_fitted(lm, *["kind"] * needs_target)


def test_flat_fields_go_before_the_model_config() -> None:
    given = ModelConfig(width=32, device="cpu", precision="fp16")
    estimator = LanguageModelEstimator(
        model_config=given, precision="fp32", lora=LoRAConfig(rank=4), model="distilgpt2"
    )
    expected = ModelConfig(
        width=32, device="cpu", precision="fp32", lora=LoRAConfig(rank=4), model="distilgpt2"
    )
    assert estimator._language_model().model_config == expected
    assert given.precision == "fp16"


def test_max_decimals_is_that_of_a_serializer_chosen_by_name() -> None:
    named = LanguageModelEstimator(serializer="json", max_decimals=1)._language_model()
    own = BracketSerializer(PlainNumber(7))
    given = LanguageModelEstimator(serializer=own, max_decimals=1)._language_model()
    assert named.serializer == JSONSerializer(PlainNumber(1))
    assert given.serializer is own


@pytest.mark.parametrize(("seed", "expected"), [(None, None), (3, 3), (np.int64(3), 3)])
def test_the_seed_is_a_plain_integer(seed: Any, expected: int | None) -> None:
    assert LanguageModelEstimator(random_state=seed)._language_model().random_state == expected


def test_a_random_state_gives_each_fit_another_seed() -> None:
    estimator = LanguageModelEstimator(random_state=np.random.RandomState(0))
    first, second = (estimator._language_model().random_state for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    "params",
    [
        {"training": 3},
        {"training": TrainingConfig(max_steps=-1)},
        {"generation": 3},
        {"generation": GenerationConfig(top_p=2.0)},
        {"model_config": "large"},
        {"model_config": ModelConfig(width=7)},
        {"lora": 16},
        {"precision": "fp64"},
        {"serializer": "yaml"},
        {"callbacks": "tqdm"},
        {"backend": "gpt"},
        {"random_state": -1},
    ],
    ids=str,
)
def test_a_wrong_parameter_raises_at_fit(rows: pd.DataFrame, params: dict[str, Any]) -> None:
    estimator = LanguageModelClassifier(**params)
    with pytest.raises(ConfigError):
        estimator.fit(rows, np.arange(len(rows)) % 2)


def test_nested_fields_of_configs_that_are_not_there_can_be_set() -> None:
    estimator = LanguageModelRegressor().set_params(
        training__epochs=2, lora__rank=8, discretization__bins=5, generation__n_samples=3
    )
    assert estimator.training == TrainingConfig(epochs=2)
    assert estimator.lora == LoRAConfig(rank=8)
    assert estimator.discretization == DiscretizationConfig(bins=5)
    assert estimator.generation == GenerationConfig(n_samples=3)


def test_a_clone_keeps_the_fitted_model_and_its_target(
    lm: TabularLanguageModel, frame: pd.DataFrame
) -> None:
    copy = clone(clone(LanguageModelClassifier.from_fitted(lm, "kind")))
    assert not hasattr(copy, "lm_")
    assert not hasattr(copy, "target_")
    copy.fit(frame[["size"]], frame["kind"].tolist())
    assert copy.lm_ is lm
    assert copy.target_ == "kind"


@pytest.mark.parametrize(
    "X",
    [
        [[1, "a"], [2.5, None]] * 15,
        np.array([[1, "a"], [2.5, "b"]] * 15, dtype=object),
        np.array([[1, "a"], [2.5, "b"]] * 15),
    ],
    ids=["list", "objects", "texts"],
)
def test_numbers_of_a_mixed_array_are_numbers(X: Any, budget: dict[str, Any]) -> None:
    fitted = LanguageModelClassifier(**budget).fit(X, [0, 1] * 15)
    kinds = [column.kind for column in fitted.lm_.schema.values()]
    assert kinds == ["numeric", "categorical", "categorical"]
    assert list(fitted.lm_.schema) == ["x0", "x1", "target"]
    assert not hasattr(fitted, "feature_names_in_")


@pytest.mark.parametrize("empty", [np.nan, np.inf, None, pd.NaT], ids=str)
def test_a_column_without_any_value_takes_no_part(
    rows: pd.DataFrame, empty: Any, budget: dict[str, Any]
) -> None:
    X = rows.assign(empty=empty)
    fitted = LanguageModelClassifier(**budget).fit(X, np.arange(len(X)) % 2)
    assert fitted.n_features_in_ == 3
    assert "empty" not in fitted.lm_.schema
    assert len(fitted.predict(X)) == len(X)


def test_a_repeated_column_name_is_named(rows: pd.DataFrame) -> None:
    twice = pd.concat([rows, rows[["size"]]], axis=1)
    with pytest.raises(TableError, match="'size' is not unique"):
        LanguageModelClassifier().fit(twice, np.arange(len(twice)) % 2)


def test_columns_are_matched_by_name(
    classifier: LanguageModelClassifier, rows: pd.DataFrame
) -> None:
    mixed = rows[["island", "size"]]
    np.testing.assert_array_equal(classifier.predict_proba(mixed), classifier.predict_proba(rows))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[["size"]], "now missing:\n- island"),
        (lambda X: X.assign(more=1), "unseen at fit time:\n- more"),
        (lambda X: X.to_numpy()[:, :1], "X has 1 features, but .* is expecting 2"),
    ],
    ids=["missing", "more", "narrow"],
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_other_columns_are_scikit_learns_error(
    classifier: LanguageModelClassifier, rows: pd.DataFrame, change: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        classifier.predict(change(rows))


def test_an_unknown_level_counts_as_missing_with_one_warning(
    classifier: LanguageModelClassifier, rows: pd.DataFrame
) -> None:
    with pytest.warns(UserWarning, match="column 'island' has no level 'Mars'") as caught:
        found = classifier.predict_proba(rows.assign(island="Mars"))
    assert len(caught) == 1
    np.testing.assert_array_equal(found, classifier.predict_proba(rows.assign(island=None)))


def test_levels_are_known_by_what_they_print_as() -> None:
    schema = Table(pd.DataFrame({"a": pd.Categorical([1, 2])})).schema
    cells = pd.DataFrame({"a": ["1", 2.0, None]}, dtype=object)
    assert known_cells(cells, schema)["a"].tolist() == ["1", 2.0, None]


def test_a_fitted_estimator_is_pickled(
    classifier: LanguageModelClassifier, rows: pd.DataFrame
) -> None:
    file = io.BytesIO()
    joblib.dump(classifier, file)
    file.seek(0)
    loaded = joblib.load(file)
    np.testing.assert_array_equal(loaded.predict_proba(rows), classifier.predict_proba(rows))


class Break(Callback):
    def on_event(self, state: Any, event: Any) -> None:
        raise KeyboardInterrupt


def test_an_interrupted_fit_leaves_it_unfitted(rows: pd.DataFrame, budget: dict[str, Any]) -> None:
    y = np.arange(len(rows)) % 2
    estimator = LanguageModelClassifier(**budget).fit(rows, y)
    with pytest.raises(KeyboardInterrupt):
        estimator.set_params(callbacks=Break()).fit(rows, y)
    with pytest.raises(AttributeError, match="not fitted yet"):
        estimator.predict(rows)


def test_a_fitted_model_is_not_trained_again(lm: TabularLanguageModel, frame: pd.DataFrame) -> None:
    X = frame[["island", "size"]]
    fitted = LanguageModelClassifier.from_fitted(lm, "kind").fit(X, frame["kind"])
    assert fitted.lm_ is lm
    assert fitted.feature_names_in_.tolist() == ["island", "size"]
    assert fitted.score(X, frame["kind"]) > 0.8


def test_the_target_is_that_of_from_fitted_whatever_y_is_called(
    lm: TabularLanguageModel, frame: pd.DataFrame, numbers: pd.Series
) -> None:
    X = frame[["size", "island"]]
    fitted = LanguageModelRegressor.from_fitted(lm, "length")
    assert fitted.fit(X, numbers.rename("size")).target_ == "length"
    assert fitted.fit(X, numbers.tolist()).target_ == "length"


def test_a_column_that_the_fitted_model_lacks_is_named(
    lm: TabularLanguageModel, frame: pd.DataFrame
) -> None:
    X = frame[["size"]].rename(columns={"size": "sizes"})
    with pytest.raises(ColumnError, match="no column 'sizes'"):
        LanguageModelClassifier.from_fitted(lm, "kind").fit(X, frame["kind"])


def test_an_array_has_the_columns_of_the_fitted_model_in_order(
    lm: TabularLanguageModel, frame: pd.DataFrame, numbers: pd.Series
) -> None:
    X = frame[["size", "island"]].assign(length=numbers)
    by_place = LanguageModelClassifier.from_fitted(lm, "kind").fit(X.to_numpy(), frame["kind"])
    by_name = LanguageModelClassifier.from_fitted(lm, "kind")
    np.testing.assert_array_equal(by_place.predict_proba(X.to_numpy()), by_name.predict_proba(X))

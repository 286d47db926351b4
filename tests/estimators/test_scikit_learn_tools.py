"""Estimators in scikit-learn's tools: searches, pipelines, cross-validation, ensembles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from tabwidget.config import ModelConfig
from tabwidget.errors import ConfigError
from tabwidget.estimators import (
    LanguageModelClassifier,
    LanguageModelImputer,
    LanguageModelRegressor,
    LanguageModelSynthesizer,
)
from tabwidget.model import TabularLanguageModel
from tests.estimators.conftest import tiny


@pytest.mark.filterwarnings("ignore:.*no effect")
def test_grid_search_over_nested_fields_that_were_not_given(
    rows: pd.DataFrame, frame: pd.DataFrame
) -> None:
    size = ModelConfig(width=16, layers=1, heads=2, members=1)
    pipe = Pipeline([("lm", LanguageModelClassifier(model_config=size, random_state=0))])
    search = GridSearchCV(
        pipe, {"lm__training__max_steps": [1, 2], "lm__generation__n_samples": [3]}, cv=2
    )
    search.fit(rows, frame["kind"])
    best = search.best_estimator_["lm"]
    assert best.training.max_steps == search.best_params_["lm__training__max_steps"]
    assert best.generation.n_samples == 3


def test_a_search_in_parallel_finds_the_same(
    rows: pd.DataFrame, frame: pd.DataFrame, budget: dict[str, Any]
) -> None:
    scores = [
        GridSearchCV(
            LanguageModelClassifier(**budget),
            {"training__learning_rate": [1e-3, 2e-2]},
            cv=2,
            n_jobs=n_jobs,
            scoring="neg_log_loss",
        )
        .fit(rows, frame["kind"])
        .cv_results_["mean_test_score"]
        for n_jobs in (1, 2)
    ]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5)


def test_pipelines_keep_the_columns_names(
    rows: pd.DataFrame, frame: pd.DataFrame, budget: dict[str, Any]
) -> None:
    scaled = ColumnTransformer(
        [("scaled", StandardScaler(), ["size"])],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    pipe = make_pipeline(scaled, LanguageModelClassifier(**budget)).fit(rows, frame["kind"])
    assert pipe[-1].feature_names_in_.tolist() == ["size", "island"]
    assert pipe[-1].lm_.schema["island"].kind == "categorical"
    assert len(pipe.predict(rows)) == len(rows)


def test_a_column_transformer_that_gives_an_array(
    rows: pd.DataFrame, frame: pd.DataFrame, budget: dict[str, Any]
) -> None:
    scaled = ColumnTransformer([("scaled", StandardScaler(), ["size"])], remainder="passthrough")
    pipe = make_pipeline(scaled, LanguageModelClassifier(**budget)).fit(rows, frame["kind"])
    assert pipe[-1].lm_.schema["x0"].kind == "numeric"
    assert pipe[-1].lm_.schema["x1"].kind == "categorical"


def test_cross_validation_of_one_fitted_model_trains_nothing(
    lm: TabularLanguageModel, frame: pd.DataFrame, numbers: pd.Series
) -> None:
    estimator = LanguageModelClassifier.from_fitted(lm, "kind")
    X, y = frame.drop(columns="kind").assign(length=numbers), frame["kind"]
    scores = cross_val_score(estimator, X, y, cv=4)
    np.testing.assert_allclose(scores.mean(), estimator.score(X, y))


def test_a_regressor_of_a_transformed_target(
    rows: pd.DataFrame, numbers: pd.Series, budget: dict[str, Any]
) -> None:
    log = TransformedTargetRegressor(
        LanguageModelRegressor(**budget), func=np.log, inverse_func=np.exp
    )
    assert (log.fit(rows, np.exp(numbers)).predict(rows) > 0).all()


def test_several_numbers_take_several_regressors(
    rows: pd.DataFrame, numbers: pd.Series, budget: dict[str, Any]
) -> None:
    X = rows[["size"]].fillna(0)
    both = pd.DataFrame({"a": numbers, "b": -numbers})
    fitted = MultiOutputRegressor(LanguageModelRegressor(**budget)).fit(X, both)
    assert fitted.predict(X).shape == (len(X), 2)


def test_rows_cannot_be_weighted(rows: pd.DataFrame, frame: pd.DataFrame) -> None:
    with sklearn.config_context(enable_metadata_routing=True):
        routing = LanguageModelClassifier().get_metadata_routing()
    assert "sample_weight" not in routing.fit.requests
    weighted: Any = LanguageModelClassifier()
    with pytest.raises(TypeError, match="sample_weight"):
        weighted.fit(rows, frame["kind"], sample_weight=np.ones(len(rows)))


def test_other_tools_take_it(
    classifier: LanguageModelClassifier, rows: pd.DataFrame, frame: pd.DataFrame
) -> None:
    y = frame["kind"]
    importance = permutation_importance(classifier, rows, y, n_repeats=2, random_state=0)
    assert importance.importances_mean[0] > importance.importances_mean[1]
    X = rows[["size"]].fillna(0)
    quick = LanguageModelClassifier(**tiny(2))
    assert CalibratedClassifierCV(quick, cv=2).fit(X, y).predict_proba(X).shape == (80, 2)
    assert len(VotingClassifier([("a", quick)], voting="soft").fit(X, y).predict(X)) == 80


def test_scoring_by_probabilities(rows: pd.DataFrame, frame: pd.DataFrame) -> None:
    estimator = LanguageModelClassifier(**tiny())
    scores = cross_val_score(estimator, rows, frame["kind"], cv=2, scoring="roc_auc")
    assert scores.mean() > 0.8


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental", "ignore::FutureWarning")
def test_optuna_search(rows: pd.DataFrame, frame: pd.DataFrame) -> None:
    optuna = pytest.importorskip("optuna")
    integration = pytest.importorskip("optuna_integration")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = integration.OptunaSearchCV(
        LanguageModelClassifier(**tiny()),
        {
            "training__max_steps": optuna.distributions.IntDistribution(1, 4),
            "training__learning_rate": optuna.distributions.FloatDistribution(1e-3, 3e-2, log=True),
        },
        cv=2,
        n_trials=2,
        random_state=0,
    )
    search.fit(rows[["size"]].fillna(0), frame["kind"])
    assert 1 <= search.best_params_["training__max_steps"] <= 4


def test_one_fit_serves_every_estimator(lm: TabularLanguageModel, frame: pd.DataFrame) -> None:
    known = frame[["island", "kind"]].assign(length=1.0)
    assert LanguageModelRegressor.from_fitted(lm, "size").predict(known).shape == (len(frame),)
    filled = LanguageModelImputer.from_fitted(lm).transform(frame.assign(length=1.0))
    assert not filled.isna().any().any()
    assert len(LanguageModelSynthesizer.from_fitted(lm).sample(4)) == 4
    with pytest.raises(ConfigError, match="'size'"):
        LanguageModelClassifier.from_fitted(lm, "size")

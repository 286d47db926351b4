"""scikit-lm's examples, on the default backend and with small budgets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from tabwidget import (
    DiscretizationConfig,
    GenerationConfig,
    KeyValueSerializer,
    LanguageModelClassifier,
    LanguageModelRegressor,
    LoRAConfig,
    ModelConfig,
    QuantizationConfig,
    SpacedDigits,
    TrainingConfig,
    aggregate_default,
)
from tabwidget.serializers import resolve_serializer
from tests.estimators.conftest import tiny

# Set after the example's own line, to keep that line as it is.
SMALL = {"backend": "minilm"} | {n: tiny(60)[n] for n in ("training", "model_config")}


@pytest.fixture(scope="module")
def iris() -> list[Any]:
    """Return X_train, X_test, y_train and y_test."""
    iris = load_iris(as_frame=True)
    X, y = iris.data, iris.target_names[iris.target]
    return train_test_split(X, y, test_size=0.2, random_state=42)


def test_readme_example(iris: list[Any]) -> None:
    X_train, X_test, y_train, y_test = iris
    clf = LanguageModelClassifier(random_state=42)
    clf.set_params(**SMALL)
    clf.fit(X_train, y_train)

    assert (clf.predict(X_test) == y_test).mean() > 0.8
    assert clf.predict_proba(X_test).shape == (len(X_test), 3)
    assert clf.classes_.tolist() == ["setosa", "versicolor", "virginica"]


@pytest.mark.filterwarnings("ignore:.*has no effect")  # the default backend loads no model
def test_classifier(iris: list[Any]) -> None:
    X_train, X_test, y_train, _ = iris
    clf = LanguageModelClassifier(model="distilgpt2", random_state=0)
    clf.set_params(**SMALL)
    clf.fit(X_train, y_train)

    assert np.isin(clf.predict(X_test), clf.classes_).all()
    np.testing.assert_allclose(clf.predict_proba(X_test).sum(1), 1)


@pytest.mark.filterwarnings("ignore:.*has no effect")
@pytest.mark.filterwarnings("ignore:.*have no effect")
def test_generation_has_no_effect_on_a_classifier(iris: list[Any]) -> None:
    X_train, X_test, y_train, _ = iris
    clf = LanguageModelClassifier(**tiny(4)).fit(X_train, y_train)
    drawn = clone(clf).set_params(
        generation__temperature=2.0, generation__n_samples=5, generation__inference_batch_size=3
    )
    found = drawn.fit(X_train, y_train).predict_proba(X_test)
    np.testing.assert_allclose(found, clf.predict_proba(X_test), atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*has no effect")
def test_regressor(iris: list[Any]) -> None:
    X_train, X_test = iris[0].iloc[:, :3], iris[1].iloc[:, :3]
    y_train, y_test = iris[0]["petal width (cm)"], iris[1]["petal width (cm)"]
    reg = LanguageModelRegressor(
        model="distilgpt2",
        generation=GenerationConfig(n_samples=10),
        random_state=0,
    )
    reg.set_params(**SMALL)
    reg.fit(X_train, y_train)
    assert np.corrcoef(reg.predict(X_test), y_test)[0, 1] > 0.8


def test_serialization(iris: list[Any]) -> None:
    clf = LanguageModelClassifier(
        serializer=KeyValueSerializer(number=SpacedDigits(max_decimals=2)),
        **tiny(2),
    )
    clf.fit(iris[0], iris[2])
    serializer = resolve_serializer(clf.lm_.serializer)
    text = serializer.serialize({"age": 39.123, "city": "SP"}).text
    assert text == "age:3 9 . 1 2|city:SP"


@pytest.mark.parametrize("name", ["json", "key-value", "bracket"])
def test_serializers_by_name(iris: list[Any], name: str) -> None:
    assert LanguageModelClassifier(serializer=name, **tiny(2)).fit(iris[0], iris[2]).lm_.ready


@pytest.mark.filterwarnings("ignore:.*no effect")
def test_training(iris: list[Any]) -> None:
    training = TrainingConfig(
        epochs=50,
        batch_size=16,
        learning_rate="auto",
        lr_scheduler="cosine",
        augmentation_factor=1,
        loss_on_target_only=False,
    )
    clf = LanguageModelClassifier(training=training, model_config=tiny()["model_config"])
    clf.set_params(training__epochs=1).fit(iris[0], iris[2])
    assert clf.lm_.get_params()["training__epochs"] == 1


@pytest.mark.parametrize(
    "field",
    [
        {"weight_decay": 0.01},
        {"grad_accumulation_steps": 2},
        {"warmup_ratio": 0.1},
        {"max_grad_norm": 0.5},
        {"optimizer": "adamw"},
        {"label_smoothing": 0.1},
        {"neftune_noise_alpha": 5.0},
        {"gradient_checkpointing": True},
        {"max_seq_length": 512},
        {"augmentation_factor": 2},
        {"loss_on_target_only": True},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:.*no effect")
def test_other_fields_of_training(iris: list[Any], field: dict[str, Any]) -> None:
    params = {**tiny(), "training": TrainingConfig(max_steps=2, **field)}
    assert LanguageModelClassifier(**params).fit(iris[0], iris[2]).lm_.ready


def test_generation() -> None:
    given = GenerationConfig(
        temperature=0.7,
        top_p=1.0,
        top_k=0,
        max_new_tokens=None,
        repetition_penalty=None,
        inference_batch_size=None,
        n_samples=1,
        permute_order=True,
        aggregate=aggregate_default,
        score_pool=None,
    )
    assert given == GenerationConfig()


def test_batches_change_no_answer(classifier: LanguageModelClassifier, rows: pd.DataFrame) -> None:
    each = [classifier.predict_proba(rows.iloc[[i]])[0] for i in range(5)]
    np.testing.assert_allclose(each, classifier.predict_proba(rows)[:5], atol=1e-6)


def test_discretization(iris: list[Any]) -> None:
    X_train, y_train = iris[0].iloc[:, :3], iris[0]["petal width (cm)"]
    reg = LanguageModelRegressor(
        discretization=DiscretizationConfig(
            bins=0.3,
            strategy="quantile",
            representative="median",
            estimate="mean",
        ),
        **tiny(),
    )
    reg.fit(X_train, y_train)
    assert reg.candidates_ is not None
    assert len(reg.candidates_) == round(0.3 * y_train.nunique())
    assert np.isin(reg.candidates_, y_train).all()
    assert reg.score(X_train, y_train) > 0.5


def test_model_loading() -> None:
    clf = LanguageModelClassifier(
        model="gpt2-large",
        lora=LoRAConfig(rank=16, alpha=32, dropout=0.0),
        quantization="4bit",
        precision="bf16",
        device="auto",
        tokenizer=None,
        trust_remote_code=False,
        attn_implementation=None,
    )
    assert clone(clf).get_params()["lora__rank"] == 16
    assert clf._language_model().model_config == ModelConfig(
        model="gpt2-large",
        lora=LoRAConfig(rank=16, alpha=32, dropout=0.0),
        quantization="4bit",
        precision="bf16",
    )


def test_config_objects_are_parameters() -> None:
    for config in (
        TrainingConfig(),
        GenerationConfig(),
        LoRAConfig(),
        DiscretizationConfig(),
        QuantizationConfig(),
    ):
        assert clone(config) == config
    reg = LanguageModelRegressor(discretization=DiscretizationConfig(), training=TrainingConfig())
    assert clone(reg).set_params(training__epochs=3).get_params()["training__epochs"] == 3
    assert reg.get_params()["training__epochs"] is None


def test_scikit_learn_integration(iris: list[Any]) -> None:
    X_train, X_test, y_train, y_test = iris
    pipe = Pipeline(
        [
            ("scaler", StandardScaler().set_output(transform="pandas")),
            ("lm", LanguageModelClassifier(random_state=0)),
        ]
    )
    small = ModelConfig(width=32, members=1)
    pipe.set_params(lm__backend="minilm", lm__model_config=small)

    search = GridSearchCV(
        pipe,
        {
            "lm__precision": ["fp32", "bf16"],
            "lm__training__epochs": [2, 4],
            "lm__lora__rank": [8, 16],
        },
        cv=2,
    )
    with warnings.catch_warnings():
        # LoRA and precision have no effect with the default backend.
        warnings.filterwarnings("ignore", message=".*no effect")
        search.fit(X_train, y_train)
    assert len(search.cv_results_["params"]) == 8
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_estimator_["lm"].lora.rank in (8, 16)
    assert search.best_estimator_["lm"].feature_names_in_.tolist() == X_train.columns.tolist()
    assert search.score(X_test, y_test) > 0.3


def test_input_handling(iris: list[Any]) -> None:
    X_train, X_test, y_train, _ = iris
    clf = LanguageModelClassifier(**tiny(4)).fit(X_train, y_train)
    np.testing.assert_array_equal(
        clf.predict_proba(X_test[X_test.columns[::-1]]), clf.predict_proba(X_test)
    )
    assert clf.n_features_in_ == 4
    assert clf.feature_names_in_.tolist() == X_train.columns.tolist()
    by_place = LanguageModelClassifier(**tiny(4)).fit(X_train.to_numpy(), y_train)
    assert not hasattr(by_place, "feature_names_in_")
    assert len(by_place.predict(X_test.to_numpy())) == len(X_test)

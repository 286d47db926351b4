"""TextClassifier: formats of labels, resuming, saving, and the scikit-learn interface."""

from __future__ import annotations

import pickle
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

from tabwidget.errors import ConfigError
from tabwidget.textclass.classifier import TextClassifier
from tests.backends.text.fakes import save_tiny
from tests.textclass.fakes import WORDS, save_tiny_encoder, toy_texts

MULTI = toy_texts(60)
SINGLE = toy_texts(60, multi=False)
assert MULTI.targets is not None
assert SINGLE.targets is not None
MATRIX = MULTI.targets.astype(int)
LISTS = [[word for word, there in zip(WORDS, row, strict=True) if there] for row in MATRIX]
KINDS = np.array(WORDS)[SINGLE.targets.argmax(axis=1)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("tiny")))


def make_classifier(tiny: str, **params: Any) -> TextClassifier:
    """Return a classifier with a short training."""
    given = {
        "max_steps": 2,
        "batch_size": 8,
        "gradient_accumulation_steps": 1,
        "learning_rate": 0.02,
        "device": "cpu",
        "max_length": 32,
        **params,
    }
    return TextClassifier(tiny, **given)


def test_one_label_per_text(tiny: str) -> None:
    classifier = make_classifier(
        tiny, max_steps=60, num_train_epochs=10, early_stopping_patience=None
    )
    classifier.fit(SINGLE.texts, KINDS)
    assert classifier.classes_.tolist() == list(WORDS)
    found = classifier.predict_proba(SINGLE.texts)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    predicted = classifier.predict(SINGLE.texts)
    assert (predicted == classifier.classes_[found.argmax(axis=1)]).all()
    assert classifier.score(SINGLE.texts, KINDS) == np.mean(predicted == KINDS)
    assert classifier.score(SINGLE.texts, KINDS) > 0.6


def test_encoder(tmp_path: Path) -> None:
    encoder = str(save_tiny_encoder(tmp_path))
    classifier = make_classifier(encoder, max_steps=60, lora_r=0, learning_rate=0.005)
    assert classifier.fit(SINGLE.texts, KINDS).score(SINGLE.texts, KINDS) > 0.6


@pytest.mark.parametrize("kinds", [[7, 3], [True, False], ["yes", "no"]])
def test_labels_keep_their_type(tiny: str, kinds: list[Any]) -> None:
    y = [kinds[row % 2] for row in range(40)]
    classifier = make_classifier(tiny).fit(SINGLE.texts[:40], y)
    assert classifier.classes_.tolist() == sorted(kinds)
    assert set(classifier.predict(SINGLE.texts).tolist()) <= set(kinds)


def test_lists_of_labels(tiny: str) -> None:
    classifier = make_classifier(tiny).fit(MULTI.texts, LISTS)
    assert classifier.multi_
    assert classifier.classes_.tolist() == list(WORDS)
    predicted = classifier.predict(MULTI.texts)
    found = classifier.predict_proba(MULTI.texts)
    for labels, row in zip(predicted, found, strict=True):
        from_thresholds = zip(WORDS, row, classifier.thresholds_, strict=True)
        assert labels == [word for word, p, threshold in from_thresholds if p >= threshold]
    right = [set(one) == set(other) for one, other in zip(predicted, LISTS, strict=True)]
    assert classifier.score(MULTI.texts, LISTS) == np.mean(right)


@pytest.mark.parametrize("kind", [np.asarray, lambda y: pd.DataFrame(y, columns=list(WORDS))])
def test_matrix_of_labels(tiny: str, kind: Any) -> None:
    y = kind(MATRIX)
    classifier = make_classifier(tiny).fit(pd.Series(MULTI.texts), y)
    assert classifier.classes_.tolist() == (list(WORDS) if hasattr(y, "columns") else [0, 1, 2])
    predicted = classifier.predict(MULTI.texts)
    assert predicted.shape == MATRIX.shape
    assert classifier.score(MULTI.texts, y) == np.mean((predicted == MATRIX).all(axis=1))


def test_thresholds_can_be_left_at_half(tiny: str) -> None:
    assert make_classifier(tiny, tune_thresholds=False).fit(
        MULTI.texts, MATRIX
    ).thresholds_.tolist() == [
        0.5,
        0.5,
        0.5,
    ]
    tuned = make_classifier(tiny).fit(MULTI.texts, MATRIX)
    assert tuned.validation_["per_class"].keys() == {"0", "1", "2"}


def test_fit_resumes_from_the_current_weights(tiny: str) -> None:
    classifier = make_classifier(
        tiny, max_steps=30, num_train_epochs=9, early_stopping_patience=None
    )
    before = classifier.fit(SINGLE.texts, KINDS).training_.eval_loss
    model = classifier.model_
    # The tiny learning rate keeps the loss; a new head would raise it.
    classifier.set_params(max_steps=1, learning_rate=1e-9).fit(SINGLE.texts, KINDS, resume=True)
    assert classifier.model_ is model
    assert classifier.training_.eval_loss == pytest.approx(before, rel=1e-3)
    with pytest.raises(ConfigError, match="trained on others"):
        classifier.fit(MULTI.texts, MATRIX, resume=True)


@pytest.mark.parametrize(
    ("y", "params"),
    [
        (KINDS, {}),
        ([7 if row % 2 else 3 for row in range(60)], {"lora_r": 0}),
        (LISTS, {"lora_r": 2, "class_weights": "balanced"}),
        (MATRIX, {}),
    ],
)
def test_it_is_saved_and_loaded(tiny: str, tmp_path: Path, y: Any, params: dict[str, Any]) -> None:
    texts = SINGLE.texts if y is KINDS else MULTI.texts
    classifier = make_classifier(tiny, random_state=5, **params).fit(texts, y)
    classifier.save(tmp_path / "kept")
    loaded = TextClassifier.load(tmp_path / "kept", device="cpu")
    assert loaded.get_params() == classifier.get_params()
    assert loaded.classes_.tolist() == classifier.classes_.tolist()
    assert [*map(type, loaded.classes_.tolist())] == [*map(type, classifier.classes_.tolist())]
    np.testing.assert_array_equal(loaded.predict_proba(texts), classifier.predict_proba(texts))
    found, before = loaded.predict(texts), classifier.predict(texts)
    assert type(found) is type(before)
    assert np.asarray(found == before).all()
    assert loaded.validation_ == classifier.validation_
    assert loaded.training_ == classifier.training_
    names = {path.suffix for path in (tmp_path / "kept").iterdir()}
    assert names <= {".json", ".yaml", ".safetensors", ".jinja"}
    classifier.save(tmp_path / "kept")  # replaces itself


def test_a_loaded_classifier_resumes(tiny: str, tmp_path: Path) -> None:
    classifier = make_classifier(tiny, max_steps=20, num_train_epochs=9).fit(SINGLE.texts, KINDS)
    classifier.save(tmp_path)
    loaded = TextClassifier.load(tmp_path, device="cpu")
    loaded.set_params(max_steps=1, learning_rate=1e-9).fit(SINGLE.texts, KINDS, resume=True)
    assert loaded.training_.eval_loss == pytest.approx(classifier.training_.eval_loss, rel=1e-3)


def test_save_overwrites_only_classifiers(tiny: str, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    classifier = make_classifier(tiny)
    with pytest.raises(NotFittedError):
        classifier.save(tmp_path)
    with pytest.raises(ConfigError, match="is not a saved classifier"):
        classifier.fit(SINGLE.texts, KINDS).save(tmp_path)
    with pytest.raises(ConfigError, match="holds no finished run"):
        TextClassifier.load(tmp_path)


def test_a_failed_fit_leaves_an_unfitted_classifier(tiny: str) -> None:
    def fail(event: Mapping[str, Any]) -> None:
        if event["event"] == "TrainReport":
            raise RuntimeError("no more")

    classifier = make_classifier(tiny, on_event=fail)
    with pytest.raises(RuntimeError, match="no more"):
        classifier.fit(SINGLE.texts, KINDS)
    with pytest.raises(NotFittedError):
        classifier.predict(SINGLE.texts)


def test_scikit_learn_interface(tiny: str) -> None:
    classifier = make_classifier(tiny, lora_r=2)
    twin = clone(classifier)
    assert twin.get_params() == classifier.get_params()
    assert not hasattr(twin, "classes_")
    twin.set_params(lora_r=3, class_weights="balanced")
    assert twin.get_params()["lora_r"] == 3
    scores = cross_val_score(classifier, np.array(SINGLE.texts), KINDS, cv=2)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()


def test_random_state_makes_fits_reproducible(tiny: str) -> None:
    found = [
        make_classifier(tiny, random_state=seed)
        .fit(SINGLE.texts, KINDS)
        .predict_proba(SINGLE.texts)
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.allclose(found[0], found[2])


def test_fitted_classifier_is_pickled(tiny: str) -> None:
    classifier = make_classifier(tiny).fit(SINGLE.texts, KINDS)
    back = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(
        back.predict_proba(SINGLE.texts), classifier.predict_proba(SINGLE.texts)
    )


def test_events_are_emitted(tiny: str) -> None:
    events: list[Mapping[str, Any]] = []
    classifier = make_classifier(tiny, on_event=events.append).fit(SINGLE.texts, KINDS)
    phases = [event["phase"] for event in events if event["event"] == "PhaseReport"]
    assert phases == ["loading", "reading", "learning", "calibrating"]
    others = [event for event in events if event["event"] != "PhaseReport"]
    assert [others[0]["event"], others[-1]["event"]] == ["FitStart", "FitEnd"]
    assert classifier.training_.steps == others[-1]["step"] == 2


def test_predicting_before_fit_raises(tiny: str) -> None:
    with pytest.raises(NotFittedError):
        make_classifier(tiny).predict(["a text"])


@pytest.mark.parametrize(
    ("params", "texts", "y", "message"),
    [
        ({"batch_size": 0}, SINGLE.texts, KINDS, r"TextClassifier: train\.batch_size is 0"),
        ({"bits": 4, "lora_r": 0}, SINGLE.texts, KINDS, "lora_r"),
        ({}, "one text", ["a"], "give a list of texts"),
        ({}, ["a", None], ["a", "b"], "text 1 is None"),
        ({}, ["a", "b"], ["a", "b", "a"], "2 texts, but labels for 3"),
        ({}, ["a", "b"], ["a", "a"], "at least two different ones"),
        ({}, ["a", "b"], [1.0, float("nan")], "label of text 1 is missing"),
        ({}, ["a", "b"], np.array([[1, 0], [2, 0]]), "0 and 1 only"),
    ],
)
def test_invalid_arguments_are_reported(
    tiny: str, params: dict[str, Any], texts: Any, y: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_classifier(tiny, **params).fit(texts, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b", np.nan], "label of text 2 is missing"),
        (["a", None, "b"], "label of text 1 is missing"),
        (pd.Series([1, pd.NA, 2], dtype="Int64"), "label of text 1 is missing"),
        (pd.Series(["a", None, "b"], dtype="category"), "label of text 1 is missing"),
        ([["a"], [None], []], "label of text 1 is missing"),
        ([[], [], []], "no text has a label"),
        ([["a"], [1], []], "of several types"),
        (pd.cut([0.1, 0.5, 0.9], 3), "of type Interval"),
        ([("a", 1)] * 3, "of several types"),
        (pd.DataFrame({"a": [0, 1, pd.NA]}, dtype="Int64"), "holds 0 and 1 only"),
        (pd.DataFrame([[0, 1]] * 3, columns=[1, "1"]), "have the same name"),
    ],
)
def test_invalid_labels_are_reported(tiny: str, y: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_classifier(tiny).fit(["x", "y", "z"], y)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame({"text": ["a", "b"]}), "one list or column"),
        ({"text": ["a", "b"]}, "one list or column"),
        (["a", "\ud800"], "text 1 has a lone surrogate"),
    ],
)
def test_invalid_texts_are_reported(tiny: str, X: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_classifier(tiny).fit(X, ["a", "b"])


def test_resuming_keeps_the_validation_texts(tiny: str, tmp_path: Path) -> None:
    classifier = make_classifier(tiny).fit(SINGLE.texts, KINDS)
    before = sorted(classifier.validation_texts_.texts)
    more = [*SINGLE.texts, "so new apple", "so new boat"]
    kinds = [*KINDS, "apple", "boat"]
    classifier.save(tmp_path / "kept")
    for one in (classifier, TextClassifier.load(tmp_path / "kept", device="cpu")):
        one.fit(more, kinds, resume=True)
        assert sorted(one.validation_texts_.texts) == before


@pytest.mark.parametrize("changed", [{"lora_r": 2}, {"bits": 4}, {"model": "another"}])
def test_another_model_cannot_resume(tiny: str, tmp_path: Path, changed: dict[str, Any]) -> None:
    classifier = make_classifier(tiny).fit(SINGLE.texts, KINDS)
    with pytest.raises(ConfigError, match="fit without resume"):
        classifier.set_params(**changed).fit(SINGLE.texts, KINDS, resume=True)
    # The trained model is still saved.
    classifier.save(tmp_path / "kept")
    loaded = TextClassifier.load(tmp_path / "kept", device="cpu")
    np.testing.assert_array_equal(
        loaded.predict_proba(SINGLE.texts), classifier.predict_proba(SINGLE.texts)
    )


def test_a_save_replaces_all_of_an_older_one(tiny: str, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    make_classifier(tiny).fit(SINGLE.texts, KINDS).save(folder)
    whole = make_classifier(tiny, lora_r=0, learning_rate=0.005).fit(SINGLE.texts, KINDS)
    whole.save(folder)
    found = TextClassifier.load(folder, device="cpu").predict_proba(SINGLE.texts)
    np.testing.assert_array_equal(found, whole.predict_proba(SINGLE.texts))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_save_that_fails_leaves_the_older_one(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = make_classifier(tiny).fit(SINGLE.texts, KINDS)
    classifier.save(tmp_path / "kept")
    expected = classifier.predict_proba(SINGLE.texts)
    other = make_classifier(tiny).fit(SINGLE.texts[:40], [7 if row % 2 else 3 for row in range(40)])
    monkeypatch.setattr(other.model_.tokenizer, "save_pretrained", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        other.save(tmp_path / "kept")
    loaded = TextClassifier.load(tmp_path / "kept", device="cpu")
    assert loaded.classes_.tolist() == list(WORDS)
    np.testing.assert_array_equal(loaded.predict_proba(SINGLE.texts), expected)


def test_training_leaves_global_random_states_alone(tiny: str) -> None:
    drawn: list[float] = []

    def draw(event: Mapping[str, Any]) -> None:
        drawn.extend([np.random.rand(), random.random()])

    np.random.seed(3)
    random.seed(3)
    expected = [[np.random.rand(), random.random()] for _ in range(3)]
    np.random.seed(3)
    random.seed(3)
    make_classifier(tiny, on_event=draw).fit(SINGLE.texts, KINDS)
    assert drawn[:6] == [number for pair in expected for number in pair]
    assert len(set(drawn)) == len(drawn)
    assert np.random.rand() not in drawn


def test_a_relative_model_path_is_saved_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny(tmp_path / "base")
    monkeypatch.chdir(tmp_path)
    classifier = make_classifier("base", random_state=np.int64(3)).fit(SINGLE.texts, KINDS)
    classifier.save("kept")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = TextClassifier.load("../kept", device="cpu")
    np.testing.assert_array_equal(
        loaded.predict_proba(SINGLE.texts), classifier.predict_proba(SINGLE.texts)
    )

"""Oversampler: the requested rows per class, with the columns' dtypes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import estimator_checks_generator
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from tabwidget import GenerationConfig, ModelConfig, TabularLanguageModel, TrainingConfig
from tabwidget.errors import ColumnError
from tabwidget.estimators.oversampler import LanguageModelOverSampler

TINY: dict[str, Any] = {
    "training": TrainingConfig(max_steps=2),
    "model_config": ModelConfig(width=16, layers=1, heads=2, members=1),
}
SMALL: dict[str, Any] = {
    "training": TrainingConfig(max_steps=120),
    "model_config": ModelConfig(members=1),
    "random_state": 0,
}
RNG = np.random.default_rng(0)
N = 120
CLASS = np.repeat(["common", "rare", "rarest"], [80, 30, 10])
PLACE = np.repeat([0.0, 5.0, 10.0], [80, 30, 10])
X = pd.DataFrame(
    {
        "x": PLACE + RNG.normal(size=N),
        "count": (PLACE + RNG.integers(0, 3, N)).astype("int32"),
        "flag": RNG.random(N) < 0.5,
        "level": pd.Categorical(RNG.choice(["a", "b"], N), categories=["b", "a", "c"]),
        "whole": pd.array(RNG.integers(0, 5, N), dtype="Int64"),
        "day": pd.date_range("2020", periods=N),
        "text": RNG.choice(["u", "v"], N),
    },
    index=range(1000, 1000 + N),
)
y = pd.Series(CLASS, name="label", index=X.index)


@pytest.fixture(scope="module")
def lm() -> TabularLanguageModel:
    model = TabularLanguageModel(**SMALL)
    return model.fit(X.assign(label=y))


def over(lm: TabularLanguageModel, **params: Any) -> Any:
    return LanguageModelOverSampler.from_fitted(lm, "label", random_state=0, **params)


# The checks compare two fits, which are alike only with a seed.
# Their tables are too large for contexts in a test; the backend is no part of the contract.
CHECKED = LanguageModelOverSampler(backend="minilm", random_state=0, **TINY)
CHECKS = list(estimator_checks_generator(CHECKED))


@pytest.mark.parametrize(
    ("estimator", "check"), CHECKS, ids=[check.func.__name__ for _, check in CHECKS]
)
def test_imbalanced_learns_contract(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(
    ("strategy", "counts"),
    [
        ("auto", (80, 80, 80)),
        ("minority", (80, 30, 80)),
        ({"rarest": 15}, (80, 30, 15)),
        (lambda labels: {"rare": 2 * list(labels).count("rare")}, (80, 60, 10)),
    ],
)
def test_strategy_of_every_form(
    lm: TabularLanguageModel, strategy: Any, counts: tuple[int, int, int]
) -> None:
    _, y_res = over(lm, sampling_strategy=strategy).fit_resample(X, y)
    assert tuple((y_res == c).sum() for c in ("common", "rare", "rarest")) == counts


def test_share_is_a_strategy_of_two_classes(lm: TabularLanguageModel) -> None:
    two = (y != "rarest").to_numpy()
    _, y_res = over(lm, sampling_strategy=0.5).fit_resample(X[two], y[two])
    assert Counter(y_res) == {"common": 80, "rare": 40}


def test_frame_keeps_its_dtypes_and_old_rows(lm: TabularLanguageModel) -> None:
    X_res, y_res = over(lm).fit_resample(X, y)
    assert X_res.dtypes.to_dict() == X.dtypes.to_dict()
    assert y_res.name == "label"
    assert X_res.index.tolist() == y_res.index.tolist() == list(range(240))
    pd.testing.assert_frame_equal(X_res[:N], X.reset_index(drop=True))


def test_new_rows_are_sampled_given_their_class(lm: TabularLanguageModel) -> None:
    X_res, y_res = over(lm).fit_resample(X, y)
    new = X_res[N:].groupby(y_res[N:])["x"]
    assert new.mean()["rare"] == pytest.approx(5, abs=1.5)
    assert new.mean()["rarest"] == pytest.approx(10, abs=1.5)
    assert new.nunique()["rarest"] > 20


def test_array_stays_an_array() -> None:
    values = X[["x", "count"]].to_numpy(dtype=np.float32)
    sampler = LanguageModelOverSampler(random_state=0, **TINY)
    X_res, y_res = sampler.fit_resample(values, CLASS)
    assert isinstance(X_res, np.ndarray)
    assert (X_res.dtype, X_res.shape, len(y_res)) == (np.float32, (240, 2), 240)
    assert sampler.n_features_in_ == 2


def test_same_random_state_is_the_same_rows(lm: TabularLanguageModel) -> None:
    first, second = (over(lm).fit_resample(X, y)[0] for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_new_rows_have_the_missing_cells_of_their_class(lm: TabularLanguageModel) -> None:
    holes = X.copy()
    holes.loc[(y == "rarest").to_numpy(), "x"] = None
    holes.loc[holes.index[80:95], "whole"] = pd.NA
    X_res, y_res = over(lm).fit_resample(holes, y)
    new = X_res[N:]
    assert X_res.dtypes.to_dict() == X.dtypes.to_dict()
    assert new["x"].isna().groupby(y_res[N:]).mean().to_dict() == {"rare": 0.0, "rarest": 1.0}
    assert 0.2 < new["whole"][y_res[N:] == "rare"].isna().mean() < 0.8


def test_ignored_columns_are_copied_within_the_class() -> None:
    named = X[["x"]].assign(name=[f"{label} {i}" for i, label in enumerate(CLASS)])
    sampler = LanguageModelOverSampler(random_state=0, **TINY)
    with pytest.warns(UserWarning, match="copied where a column cannot be sampled.*'name'"):
        X_res, y_res = sampler.fit_resample(named, y)
    assert (X_res["name"].str.split().str[0] == y_res).all()


def test_column_without_any_value_stays_empty() -> None:
    empty = X[["x"]].assign(nothing=np.nan)
    X_res, _ = LanguageModelOverSampler(random_state=0, **TINY).fit_resample(empty, y)
    assert len(X_res) == 240
    assert X_res["nothing"].isna().all()


def test_generation_controls_the_draw(lm: TabularLanguageModel) -> None:
    sampler = over(lm, generation=GenerationConfig(temperature=0))
    X_res, y_res = sampler.fit_resample(X, y)
    assert len(X_res[N:][y_res[N:] == "rare"].drop_duplicates()) == 1


def test_fitted_model_is_not_trained_again(lm: TabularLanguageModel) -> None:
    sampler = over(lm)
    sampler.fit_resample(X, y)
    assert sampler.lm_ is lm
    assert clone(sampler).fit_resample(X, y)[0].shape == (240, 7)
    with pytest.raises(ColumnError, match="'labell'"):
        LanguageModelOverSampler.from_fitted(lm, "labell")
    assert LanguageModelOverSampler.from_fitted(lm, "label").fit(X, CLASS).target_ == "label"


def test_numbered_classes_are_levels() -> None:
    sampler = LanguageModelOverSampler(random_state=0, **TINY)
    _, y_res = sampler.fit_resample(X[["x"]], np.repeat([10, 20, 30], [80, 30, 10]))
    assert sampler.lm_.schema[sampler.target_].kind == "categorical"
    assert Counter(y_res) == {10: 80, 20: 80, 30: 80}


def test_sparse_matrix_is_refused() -> None:
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        LanguageModelOverSampler(**TINY).fit_resample(sparse.csr_matrix(np.eye(120)), CLASS)


def test_pipeline_resamples_at_fit_only() -> None:
    features = X[["x", "count"]]
    sampler = LanguageModelOverSampler(random_state=0, **TINY)
    pipe = make_pipeline(sampler, LogisticRegression()).fit(features, y)
    assert len(pipe.predict(features)) == N


def test_scikit_lm_example() -> None:
    X_res, y_res = LanguageModelOverSampler(
        sampling_strategy="auto", random_state=0, **TINY
    ).fit_resample(X, y)
    assert Counter(y_res) == dict.fromkeys(["common", "rare", "rarest"], 80)
    assert list(X_res) == list(X)


def test_bins_are_fine_where_a_rare_class_lies() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(["usual", "rare"], [380, 20])
    X = pd.DataFrame({"size": np.where(y == "rare", rng.normal(9, 1, 400), rng.normal(0, 1, 400))})
    sampler = LanguageModelOverSampler(training=TrainingConfig(max_steps=2), random_state=0)
    sampler.fit_resample(X, y)
    edges = sampler.lm_.schema["size"].edges
    assert edges is not None
    assert (edges > 6).sum() > 8

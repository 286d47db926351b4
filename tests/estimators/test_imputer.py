"""Imputer: missing cells are filled given their row, and all others are kept."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabwidget import TabularLanguageModel, datasets
from tabwidget.config import DiscretizationConfig, GenerationConfig, ModelConfig, TrainingConfig
from tabwidget.errors import ColumnError, ConfigError
from tabwidget.estimators import pooling
from tabwidget.estimators.imputer import LanguageModelImputer

TINY: dict[str, Any] = {
    "training": TrainingConfig(max_steps=2),
    "model_config": ModelConfig(width=16, layers=1, heads=2, members=1),
    "random_state": 0,
}
PENGUINS = datasets.load("penguins").dropna().sample(frac=1, random_state=0, ignore_index=True)
PENGUINS.index += 500
HOLES = PENGUINS.mask(np.random.default_rng(0).random(PENGUINS.shape) < 0.15)


def small(max_steps: int) -> TabularLanguageModel:
    training, config = TrainingConfig(max_steps=max_steps), ModelConfig(members=1)
    return TabularLanguageModel(training=training, model_config=config, random_state=0)


@pytest.fixture(scope="module")
def lm() -> TabularLanguageModel:
    return small(100).fit(HOLES)


def imputer(lm: TabularLanguageModel, **params: Any) -> LanguageModelImputer:
    return LanguageModelImputer.from_fitted(lm, **{"random_state": 0, **params})


@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [LanguageModelImputer(**{**TINY, "random_state": None})]
)
def test_scikit_learns_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def test_missing_cells_are_filled_and_others_kept(lm: TabularLanguageModel) -> None:
    filled = imputer(lm).transform(HOLES)
    assert not filled.isna().any(axis=None)
    assert filled.index.equals(HOLES.index)
    assert filled.dtypes.to_dict() == HOLES.dtypes.to_dict()
    pd.testing.assert_frame_equal(filled.where(HOLES.notna()), HOLES.where(HOLES.notna()))


def test_filled_cells_are_near_the_truth(lm: TabularLanguageModel) -> None:
    filled = imputer(lm).transform(HOLES)
    name = "flipper_length_mm"
    gone = HOLES[name].isna()
    error = (filled[name] - PENGUINS[name])[gone]
    assert (error**2).mean() < 0.5 * PENGUINS[name].var()
    gone = HOLES["species"].isna()
    assert (filled["species"] == PENGUINS["species"])[gone].mean() > 0.85


@pytest.mark.parametrize("strategy", ["auto", "mean", "median", "mode"])
def test_strategy_reduces_the_distribution(lm: TabularLanguageModel, strategy: str) -> None:
    row = PENGUINS[:1].assign(bill_length_mm=np.nan, species=None)
    known = row.drop(columns=["bill_length_mm", "species"]).iloc[0]
    given = {str(name): value for name, value in known.items()}
    filled = imputer(lm, strategy=strategy).transform(row).iloc[0]
    bill, species = (lm.conditional(c, given) for c in ("bill_length_mm", "species"))
    read = {"auto": bill.mean, "mean": bill.mean, "median": bill.median, "mode": bill.mode}
    assert filled["bill_length_mm"] == pytest.approx(read[strategy]())
    assert filled["species"] == species.mode()


def test_whole_numbers_stay_whole(lm: TabularLanguageModel) -> None:
    filled = imputer(lm).transform(HOLES.astype({"body_mass_g": "Int64"}))
    assert filled["body_mass_g"].dtype == "Int64"
    assert (imputer(lm).transform(HOLES)["flipper_length_mm"] % 1 == 0).all()


def test_draws_are_consistent_within_a_row() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, 400)
    twins = pd.DataFrame({"a": np.where(x, "yes", "no"), "b": np.where(x, 9.0, 1.0), "c": "k"})
    empty = pd.DataFrame({"a": [None] * 200, "b": [np.nan] * 200, "c": ["k"] * 200})
    drawn = imputer(small(60).fit(twins), strategy="draw").transform(empty)
    assert ((drawn["a"] == "yes") == (drawn["b"] == 9)).mean() > 0.95
    assert 0.25 < (drawn["a"] == "yes").mean() < 0.75
    assert drawn["b"].dtype == np.float64


def test_same_random_state_is_the_same_draws(lm: TabularLanguageModel) -> None:
    first, second, other = (
        imputer(lm, strategy="draw", random_state=seed).transform(HOLES) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(other)


def test_several_draws_are_aggregated(lm: TabularLanguageModel) -> None:
    def lowest(draws: Any, numeric: bool) -> Any:
        return min(draws)

    few = HOLES[:20]
    once = GenerationConfig(temperature=1)
    often = GenerationConfig(temperature=1, n_samples=8, aggregate=lowest)
    one, low = (imputer(lm, strategy="draw", generation=g).transform(few) for g in (once, often))
    gone = few["body_mass_g"].isna()
    assert gone.any()
    assert low["body_mass_g"][gone].mean() < one["body_mass_g"][gone].mean()
    assert (low["species"][few["species"].isna()] == "Adelie").mean() > 0.5


def test_multiple_imputations_pool_to_an_interval_with_the_truth(lm: TabularLanguageModel) -> None:
    name = "body_mass_g"
    tables = imputer(lm, n_imputations=5).multiple(HOLES)
    assert len(tables) == 5
    assert not tables[0].equals(tables[1])
    estimates = [table[name].mean() for table in tables]
    variances = [table[name].var() / len(table) for table in tables]
    pooled = pooling.pool(estimates, variances, n=len(HOLES))
    low, high = pooled.interval(0.99)
    assert low < PENGUINS[name].mean() < high
    assert 0 < pooled.fraction_missing < 0.5


def test_discretization_fills_observed_values(lm: TabularLanguageModel) -> None:
    config = DiscretizationConfig(bins=4, estimate="mode")
    filled = imputer(lm, discretization=config).transform(HOLES)
    gone = HOLES["body_mass_g"].isna()
    assert filled["body_mass_g"][gone].nunique() <= 4
    assert set(filled["body_mass_g"][gone]) <= set(HOLES["body_mass_g"].dropna())
    by_column = imputer(lm, discretization={"bill_depth_mm": config}).transform(HOLES)
    assert by_column["body_mass_g"].equals(imputer(lm).transform(HOLES)["body_mass_g"])
    assert by_column["bill_depth_mm"][HOLES["bill_depth_mm"].isna()].nunique() <= 4


def test_indicator_marks_missing_cells() -> None:
    flagged = LanguageModelImputer(add_indicator=True, **TINY)
    out = flagged.fit_transform(HOLES.assign(whole=1.0))
    flags = out.filter(like="missingindicator_")
    assert list(out) == flagged.get_feature_names_out().tolist()
    assert list(flags) == [f"missingindicator_{name}" for name in HOLES]
    assert (flags.to_numpy() == HOLES.isna().to_numpy()).all()


def test_array_stays_an_array() -> None:
    values = HOLES[["bill_length_mm", "body_mass_g"]].to_numpy(dtype=np.float32)
    filled = LanguageModelImputer(**TINY).fit_transform(values)
    assert isinstance(filled, np.ndarray)
    assert filled.dtype == np.float32
    assert np.isfinite(filled).all()
    mixed = HOLES[["species", "body_mass_g"]].to_numpy(dtype=object)
    filled = LanguageModelImputer(**TINY).fit_transform(mixed)
    assert filled.dtype == object
    assert not pd.isna(filled).any()


def test_infinite_numbers_are_missing(lm: TabularLanguageModel) -> None:
    row = PENGUINS[:1].assign(body_mass_g=np.inf)
    assert 2000 < imputer(lm).transform(row)["body_mass_g"].iloc[0] < 7000


def test_every_dtype_is_kept() -> None:
    rng = np.random.default_rng(1)
    n = 60
    frame = pd.DataFrame(
        {
            "nullable": pd.array(rng.integers(0, 5, n), dtype="Int64"),
            "truth": pd.array(rng.random(n) < 0.5, dtype="boolean"),
            "level": pd.Categorical(rng.choice(["a", "b"], n), categories=["b", "a", "c"]),
            "day": pd.date_range("2020", periods=n),
            "half": rng.random(n).astype("float32"),
            "object": pd.Series(rng.choice(["u", "v"], n), dtype=object),
        }
    )
    holes = frame.mask(rng.random(frame.shape) < 0.2)
    for strategy in ("auto", "draw"):
        filled = LanguageModelImputer(strategy=strategy, **TINY).fit_transform(holes)
        assert filled.dtypes.to_dict() == frame.dtypes.to_dict()
        assert not filled.isna().any(axis=None)


def test_an_empty_column_is_filled_with_the_dtype_at_fit(lm: TabularLanguageModel) -> None:
    none = PENGUINS[:5].assign(species=np.nan, body_mass_g=None)
    filled = imputer(lm).transform(none)
    assert set(filled["species"]) <= set(PENGUINS["species"])
    assert filled["body_mass_g"].dtype == np.float64


def test_columns_empty_at_fit_are_dropped_or_zero_as_in_scikit_learn() -> None:
    frame = HOLES[["body_mass_g"]].assign(nothing=np.nan, none=None)
    gone = LanguageModelImputer(**TINY)
    assert list(gone.fit_transform(frame)) == ["body_mass_g"]
    kept = LanguageModelImputer(keep_empty_features=True, **TINY).fit_transform(frame)
    assert list(kept) == list(frame)
    assert (kept["nothing"] == 0).all()
    assert kept["none"].isna().all()


def test_an_ignored_column_keeps_its_missing_cells() -> None:
    names: list[Any] = [f"p{i}" for i in range(len(HOLES))]
    names[3] = None
    frame = HOLES.assign(name=names)
    found = LanguageModelImputer(**TINY).fit(frame)
    with pytest.warns(UserWarning, match=r"stay missing where a column cannot be a target.*'name'"):
        filled = found.transform(frame)
    assert filled.isna().sum().sum() == 1
    assert list(filled) == list(frame)


def test_an_unknown_level_is_kept_but_is_no_evidence(lm: TabularLanguageModel) -> None:
    row = PENGUINS[:1].assign(island="Biscuit", body_mass_g=np.nan)
    with pytest.warns(UserWarning, match="no level 'Biscuit'"):
        filled = imputer(lm).transform(row)
    assert filled["island"].iloc[0] == "Biscuit"
    with_none = imputer(lm).transform(row.assign(island=None))
    assert filled["body_mass_g"].iloc[0] == with_none["body_mass_g"].iloc[0]


def test_columns_are_matched_by_name(lm: TabularLanguageModel) -> None:
    turned = imputer(lm).transform(HOLES[HOLES.columns[::-1]])
    pd.testing.assert_frame_equal(turned, imputer(lm).transform(HOLES))


def test_fitted_model_is_not_trained_again(lm: TabularLanguageModel) -> None:
    found = imputer(lm)
    again = clone(found).fit(HOLES)
    assert again.lm_ is lm
    pd.testing.assert_frame_equal(again.transform(HOLES), found.transform(HOLES))
    copy = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(copy.transform(HOLES), found.transform(HOLES))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (
            {"strategy": "most_frequent"},
            ConfigError,
            "strategy must be auto, mean,",
        ),
        ({"n_imputations": 0}, ConfigError, "n_imputations must be an integer >= 1, not 0"),
        ({"discretization": {"mass": DiscretizationConfig()}}, ColumnError, "'mass'"),
        ({"discretization": 4}, ConfigError, "must be a DiscretizationConfig, not int"),
        (
            {"discretization": DiscretizationConfig(bins=-1)},
            ConfigError,
            "bins must be",
        ),
    ],
)
def test_wrong_parameter_is_refused_at_fit(
    params: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        LanguageModelImputer(**TINY, **params).fit(HOLES)


def test_sparse_matrix_is_refused() -> None:
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        LanguageModelImputer(**TINY).fit(sparse.csr_matrix(np.eye(5)))


def test_pipeline_column_transformer_and_set_output() -> None:
    numbers = ["bill_length_mm", "body_mass_g"]
    chosen = make_column_transformer((LanguageModelImputer(**TINY), numbers))
    pipe = make_pipeline(chosen, LogisticRegression(max_iter=5000)).fit(HOLES, PENGUINS["species"])
    assert len(pipe.predict(HOLES)) == len(HOLES)
    framed = LanguageModelImputer(**TINY).set_output(transform="pandas")
    out = framed.fit_transform(HOLES[numbers].to_numpy())
    assert list(out) == ["x0", "x1"]


def test_scikit_lm_example() -> None:
    iris = load_iris(as_frame=True)
    frame = iris.data.round(1)
    frame["species"] = iris.target_names[iris.target]
    corrupt = frame.mask(np.random.default_rng(0).random(frame.shape) < 0.15)
    filled = LanguageModelImputer(**TINY).fit_transform(corrupt)
    assert filled.shape == frame.shape
    assert not filled.isna().any(axis=None)
    assert set(filled["species"]) == set(iris.target_names)

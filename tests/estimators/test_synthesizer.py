"""Synthesizer: rows under conditions and constraints, and the memorization report."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabwidget import GenerationConfig, ModelConfig, TabularLanguageModel, TrainingConfig, datasets
from tabwidget.errors import ConfigError, ConstraintError, EvidenceError, FormulaError
from tabwidget.estimators.constraints import FixedCombinations
from tabwidget.estimators.synthesizer import LanguageModelSynthesizer
from tabwidget.inference.evidence import Above, Between, NoneOf

TINY = ModelConfig(width=16, layers=1, heads=2, members=1)
SMALL: dict[str, Any] = {
    "training": TrainingConfig(max_steps=60),
    "model_config": ModelConfig(members=1),
    "random_state": 0,
}
PENGUINS = datasets.load("penguins").dropna().sample(frac=1, random_state=0, ignore_index=True)
TRAINING, VALIDATION = PENGUINS[:250], PENGUINS[250:]


@pytest.fixture(scope="module")
def lm() -> TabularLanguageModel:
    model = TabularLanguageModel(**SMALL)
    return model.fit(PENGUINS)


def synthesizer(lm: TabularLanguageModel, *constraints: Any, **params: Any) -> Any:
    return LanguageModelSynthesizer.from_fitted(lm, constraints=list(constraints), **params)


def longer_than_deep(rows: pd.DataFrame) -> pd.Series:
    return rows["bill_length_mm"] > 2.5 * rows["bill_depth_mm"]


def never(rows: pd.DataFrame) -> Any:
    return np.zeros(len(rows), dtype=bool)


@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [LanguageModelSynthesizer(training=TrainingConfig(max_steps=2), model_config=TINY)]
)
def test_scikit_learns_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def test_rows_are_like_the_training_rows(lm: TabularLanguageModel) -> None:
    rows = synthesizer(lm).sample(300, random_state=0)
    assert rows.dtypes.to_dict() == PENGUINS.dtypes.to_dict()
    assert len(rows) == 300
    assert not rows.isna().any(axis=None)
    share = (rows["species"] == "Gentoo").mean()
    assert share == pytest.approx((PENGUINS["species"] == "Gentoo").mean(), abs=0.2)


@pytest.mark.parametrize(
    "condition",
    [
        {"island": "Dream", "body_mass_g": Above(4000)},
        "island in {Dream}, body_mass_g>4000",
    ],
)
def test_condition_is_satisfied(lm: TabularLanguageModel, condition: Any) -> None:
    rows = synthesizer(lm).sample(40, condition)
    assert set(rows["island"]) == {"Dream"}
    assert (rows["body_mass_g"] > 4000).all()


def test_constraints_of_every_form_are_satisfied(lm: TabularLanguageModel) -> None:
    found = synthesizer(
        lm,
        {"body_mass_g": Between(3000, 5000), "species": NoneOf("Gentoo")},
        "sex=female",
        FixedCombinations("species", "island"),
        longer_than_deep,
    )
    rows = found.sample(40, {"island": "Dream"}, random_state=1)
    assert len(rows) == 40
    assert rows["body_mass_g"].between(3000, 5000).all()
    assert set(rows["sex"]) == {"female"}
    assert longer_than_deep(rows).all()
    assert set(rows["species"]) <= {"Adelie", "Chinstrap"}


def test_condition_and_constraint_on_one_column_are_both_satisfied(
    lm: TabularLanguageModel,
) -> None:
    rows = synthesizer(lm, "body_mass_g<4500").sample(20, "body_mass_g>4000")
    assert rows["body_mass_g"].between(4000, 4500, inclusive="neither").all()


def test_an_unsatisfiable_constraint_is_named_with_its_share(
    lm: TabularLanguageModel,
) -> None:
    with pytest.raises(ConstraintError, match=r"\(never\) \(passed by 0\.0% of 200 rows\)"):
        synthesizer(lm, longer_than_deep, never, max_attempts=2).sample(5)


def test_same_random_state_is_the_same_rows(lm: TabularLanguageModel) -> None:
    found = synthesizer(lm)
    first, second = found.sample(20, random_state=3), found.sample(20, random_state=3)
    pd.testing.assert_frame_equal(first, second)
    assert not found.sample(20).equals(found.sample(20))


def test_generation_controls_the_draw(lm: TabularLanguageModel) -> None:
    rows = synthesizer(lm, generation=GenerationConfig(temperature=0)).sample(20)
    assert len(rows.drop_duplicates()) == 1


@pytest.mark.parametrize(
    ("constraints", "error"),
    [
        (["species=Emperor"], FormulaError),
        ([{"species": "Emperor"}], EvidenceError),
        ([3], ConfigError),
        ("species=Adelie", ConfigError),
    ],
)
def test_wrong_constraint_is_refused_at_fit(constraints: Any, error: type[Exception]) -> None:
    found = LanguageModelSynthesizer(constraints=constraints, training=TrainingConfig(max_steps=1))
    with pytest.raises(error):
        found.fit(PENGUINS)
    assert not hasattr(found, "lm_")


def test_an_ignored_column_is_named() -> None:
    frame = PENGUINS.assign(name=[f"p{i}" for i in range(len(PENGUINS))])
    found = LanguageModelSynthesizer(training=TrainingConfig(max_steps=1), model_config=TINY)
    with pytest.warns(UserWarning, match="cannot be sampled are left out of new rows: 'name'"):
        found.fit(frame)
    assert list(found.sample(2)) == list(PENGUINS)


def test_fitted_one_is_cloned_and_pickled(lm: TabularLanguageModel) -> None:
    found = synthesizer(lm, longer_than_deep, FixedCombinations("species", "island"))
    copy = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(copy.sample(5, random_state=0), found.sample(5, random_state=0))
    assert clone(found).fit(PENGUINS).lm_ is lm


def test_sampled_rows_are_as_distant_as_validation_rows(lm: TabularLanguageModel) -> None:
    model = TabularLanguageModel(**SMALL)
    found = LanguageModelSynthesizer.from_fitted(model.fit(TRAINING))
    report = found.memorization(VALIDATION, n=200, random_state=0)
    assert report.baseline == "validation"
    assert (report.n_synthetic, report.n_training, report.n_baseline) == (200, 250, len(VALIDATION))
    assert report.copies < 0.02
    assert report.closer < 0.7
    assert found.memorization(n=50, random_state=0).baseline == "training"


def test_loaded_model_draws_but_has_no_rows(lm: TabularLanguageModel, tmp_path: Any) -> None:
    lm.save(tmp_path / "model")
    found = synthesizer(TabularLanguageModel.load(tmp_path / "model"))
    assert len(found.sample(2)) == 2
    with pytest.raises(ConfigError, match="fit it again"):
        found.memorization()


def test_columns_keep_their_labels() -> None:
    frame = pd.DataFrame({2020: [1.0, 2.0, 3.0, 4.0] * 5, 2021: [True, False] * 10})
    found = LanguageModelSynthesizer(training=TrainingConfig(max_steps=2), model_config=TINY)
    assert list(found.fit(frame).sample(3)) == [2020, 2021]
    assert found.memorization(frame).n_training == 20


@pytest.mark.parametrize("n", [-1, 1.5])
def test_number_of_rows_is_checked(lm: TabularLanguageModel, n: Any) -> None:
    with pytest.raises(ConfigError, match="number of rows"):
        synthesizer(lm).sample(n)
    assert len(synthesizer(lm).sample(0)) == 0


def test_scikit_lm_tabular_synthesis_example(lm: TabularLanguageModel) -> None:
    columns = list(PENGUINS.columns)
    rows = lm.complete_many([{}] * 15, [columns] * 15, GenerationConfig(temperature=0.7))
    assert pd.DataFrame([r for r in rows if r is not None])[columns].notna().all(axis=None)
    features = [c for c in columns if c != "species"]
    rows = lm.complete_many(
        [{"species": "Gentoo"}] * 5, [features] * 5, GenerationConfig(temperature=0.7)
    )
    synth = pd.DataFrame([r for r in rows if r is not None])
    assert len(synth) == 5
    assert set(synth["species"]) == {"Gentoo"}

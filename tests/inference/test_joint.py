"""Joint distributions: the chain rule in both orders, and derived quantities."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from tabwidget import JointDistribution, TabularLanguageModel
from tabwidget.errors import ConfigError
from tests.backends.fakes import FakeBackend

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "color": RNG.choice(["blue", "red"], 300, p=[0.3, 0.7]),
        "size": RNG.integers(1, 4, 300),
        "weight": RNG.normal(size=300),
    }
)
FRAME["sold"] = (FRAME["size"] > 1) & (RNG.random(300) < 0.8)


@pytest.fixture(scope="module")
def lm() -> TabularLanguageModel:
    return TabularLanguageModel(FakeBackend(), random_state=0).fit(FRAME)


def joint(lm: TabularLanguageModel, *targets: str, **given: object) -> JointDistribution:
    found = lm.conditional(list(targets), given)
    assert isinstance(found, JointDistribution)
    return found


def test_a_joint_is_the_frequency_of_combinations(lm: TabularLanguageModel) -> None:
    found = joint(lm, "size", "sold", color="red")
    red = FRAME[FRAME["color"] == "red"]
    counted = pd.crosstab(red["size"], red["sold"]).to_numpy() / len(red)
    np.testing.assert_allclose(found.probabilities, counted, atol=1e-9)
    assert found.order_spread == pytest.approx(0)


def test_a_joint_of_three_sums_to_its_marginals(lm: TabularLanguageModel) -> None:
    found = joint(lm, "size", "sold", "color")
    assert found.probabilities.shape == (3, 2, 2)
    for name in found.targets:
        one = lm.conditional(name).probabilities
        np.testing.assert_allclose(found.marginal(name).probabilities, one, atol=1e-9)


def test_a_formula_may_have_several_targets(lm: TabularLanguageModel) -> None:
    found = lm.conditional("size, sold | color=red")
    assert isinstance(found, JointDistribution)
    again = joint(lm, "size", "sold", color="red")
    np.testing.assert_array_equal(found.probabilities, again.probabilities)


def test_only_dependent_columns_have_mutual_information(
    lm: TabularLanguageModel,
) -> None:
    assert joint(lm, "size", "sold").mutual_information() > 0.2
    assert joint(lm, "color", "size").mutual_information() < 0.02


def test_samples_follow_the_joint(lm: TabularLanguageModel) -> None:
    found = joint(lm, "size", "sold")
    drawn = found.sample(4000, random_state=0)
    for size, sold in itertools.product([1, 2, 3], [False, True]):
        share = ((drawn["size"] == size) & (drawn["sold"] == sold)).mean()
        assert share == pytest.approx(found.to_frame().loc[size, sold], abs=0.03)


def test_a_binned_number_is_sampled_within_its_bins(lm: TabularLanguageModel) -> None:
    drawn = joint(lm, "weight", "sold").sample(50, random_state=0)["weight"]
    assert drawn.between(FRAME["weight"].min(), FRAME["weight"].max()).all()
    assert drawn.nunique() > 30


def test_a_joint_can_be_shown(lm: TabularLanguageModel) -> None:
    found = joint(lm, "size", "sold")
    assert "size=2" in repr(found) or "size=1" in repr(found) or "size=3" in repr(found)
    assert "<table" in found._repr_html_()
    assert len(found.records()) == 6
    assert found.plot().to_dict()["mark"]["type"] == "rect"


def test_too_many_combinations_are_an_error() -> None:
    wide = pd.DataFrame(RNG.normal(size=(60, 4)), columns=list("abcd"))
    fitted = TabularLanguageModel(FakeBackend()).fit(wide)
    with pytest.raises(ConfigError, match=r"complete\(\)"):
        fitted.conditional(list("abcd"))


def test_an_unknown_marginal_is_named(lm: TabularLanguageModel) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'size'"):
        joint(lm, "size", "sold").marginal("sise")

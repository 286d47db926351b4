"""Sweeps and gains: exact on a backend that counts, and consistent on the default one."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tabwidget import TabularLanguageModel, TrainingConfig
from tabwidget.errors import ColumnError, ConfigError, EvidenceError, NotFittedError
from tabwidget.inference.evidence import Above, OneOf
from tests.backends.fakes import FakeBackend

RNG = np.random.default_rng(0)
N = 400
FRAME = pd.DataFrame(
    {
        "copy": RNG.choice(["a", "b", "c"], N),
        "noise": RNG.choice(["x", "y"], N),
        "size": RNG.integers(1, 5, N),
        "weight": RNG.normal(size=N),
    }
)
FRAME["target"] = np.where(RNG.random(N) < 0.8, FRAME["copy"], "a")
FRAME["weight"] += FRAME["target"].eq("b")


@pytest.fixture(scope="module")
def lm() -> TabularLanguageModel:
    return TabularLanguageModel(FakeBackend(), random_state=0).fit(FRAME)


@pytest.fixture(scope="module")
def real() -> TabularLanguageModel:
    return TabularLanguageModel("pretrained", random_state=0).fit(FRAME)


def mutual_information(rows: pd.DataFrame, a: str, b: str) -> float:
    """Return the mutual information of two listed columns among rows, in bits."""
    joint = pd.crosstab(rows[a], rows[b], normalize=True).to_numpy()
    independent = joint.sum(1, keepdims=True) * joint.sum(0)
    there = joint > 0
    return float((joint[there] * np.log2(joint[there] / independent[there])).sum())


def asked(lm: TabularLanguageModel) -> list[tuple[int, int]]:
    backend = lm.backend_
    assert isinstance(backend, FakeBackend)
    return backend.asked


@pytest.mark.parametrize(
    ("given", "mask"),
    [
        ({}, lambda f: f["size"] > 0),
        ({"size": 2}, lambda f: f["size"] == 2),
        ({"size": OneOf(1, 4)}, lambda f: f["size"].isin([1, 4])),
        ({"size": Above(2)}, lambda f: f["size"] > 2),
    ],
)
def test_the_gain_is_the_mutual_information(
    lm: TabularLanguageModel, given: dict[str, object], mask: object
) -> None:
    found = lm.information_gain("target", given, columns=["copy", "noise"]).set_index("column")
    assert callable(mask)
    rows = FRAME[mask(FRAME)]
    for name in ("copy", "noise"):
        counted = mutual_information(rows, name, "target")
        assert found.loc[name, "bits"] == pytest.approx(counted, abs=1e-3)


def test_every_unknown_column_is_listed_highest_first(lm: TabularLanguageModel) -> None:
    found = lm.information_gain("target", {"size": 1})
    assert list(found) == ["column", "bits"]
    assert set(found["column"]) == {"copy", "noise", "weight"}
    assert found["bits"].is_monotonic_decreasing
    assert (found["bits"] >= 0).all()


def test_a_gain_is_at_most_either_entropy(real: TabularLanguageModel) -> None:
    found = real.information_gain("target", {"size": OneOf(1, 2)}).set_index("column")["bits"]
    most = real.conditional("target", {"size": OneOf(1, 2)}).entropy() / math.log(2)
    assert ((found >= 0) & (found <= most + 1e-6)).all()
    assert found.idxmax() == "copy"
    assert found["copy"] > 0.3 > 10 * found["noise"]


def test_numbers_are_targets_too(real: TabularLanguageModel) -> None:
    found = real.information_gain("weight").set_index("column")["bits"]
    assert found["target"] > found["noise"]


def test_parts_are_the_rows_of_the_whole(real: TabularLanguageModel) -> None:
    whole = real.information_gain("target", {"size": 3}).set_index("column")["bits"]
    for name in whole.index:
        part = real.information_gain("target", {"size": 3}, columns=[name])
        assert part["column"].tolist() == [name]
        assert part["bits"][0] == pytest.approx(whole[name], abs=1e-5)


def test_all_columns_are_two_batches(lm: TabularLanguageModel) -> None:
    asked(lm).clear()
    lm.information_gain("target")
    assert len(asked(lm)) == 2


def test_columns_that_are_known_have_no_gain(lm: TabularLanguageModel) -> None:
    found = lm.information_gain("target", {"copy": "a"}, columns=["target", "copy"])
    assert found.empty
    assert list(found) == ["column", "bits"]


def test_costs_change_the_order(lm: TabularLanguageModel) -> None:
    found = lm.information_gain("target", costs={"copy": 1e6}).set_index("column")
    assert found.loc["copy", "bits"] == found["bits"].max()
    assert found.index[-1] == "copy"
    assert found.loc["noise", "cost"] == 1
    np.testing.assert_allclose(found["bits_per_cost"], found["bits"] / found["cost"])
    assert found["bits_per_cost"].is_monotonic_decreasing


@pytest.mark.parametrize("cost", [0, -1, math.nan, math.inf, "dear"])
def test_a_cost_is_positive(lm: TabularLanguageModel, cost: float) -> None:
    with pytest.raises(ConfigError, match=r"cost of 'copy' is .*above 0"):
        lm.information_gain("target", costs={"copy": cost})


def test_wrong_columns_are_named(lm: TabularLanguageModel) -> None:
    with pytest.raises(ColumnError, match="Did you mean 'noise'"):
        lm.information_gain("target", columns=["noises"])
    with pytest.raises(ColumnError, match="Did you mean 'noise'"):
        lm.information_gain("target", costs={"noises": 1})
    with pytest.raises(ConfigError, match="one column, not copy, noise"):
        lm.information_gain("copy, noise")
    with pytest.raises(NotFittedError):
        TabularLanguageModel().information_gain("target")


def test_free_text_and_identifiers_have_no_gain() -> None:
    words = ["sunny", "rainy", "cold", "warm", "windy"]
    frame = FRAME.assign(
        note=[f"day {i}: a {words[i % 5]} day, {words[i % 3]} later" for i in range(N)],
        code=[f"id{i}" for i in range(N)],
    )
    lm = TabularLanguageModel("pretrained", random_state=0).fit(frame)
    assert (lm.schema["note"].role, lm.schema["code"].role) == ("evidence", "ignored")
    assert not {"note", "code"} & set(lm.information_gain("target")["column"])
    with pytest.raises(ColumnError, match="'note' is free text"):
        lm.information_gain("target", columns=["note"])
    with pytest.raises(ColumnError, match="'code' is not used"):
        lm.information_gain("target", columns=["code"])
    # But it can be known.
    assert len(lm.information_gain("target", {"note": "a rainy day"})) == 4


@pytest.mark.parametrize("given", [None, {}, {"copy": "b"}, {"copy": OneOf("a", "b")}])
def test_a_sweep_is_many_conditionals(
    lm: TabularLanguageModel, given: dict[str, object] | None
) -> None:
    values: list[object] = [1, 3, OneOf(1, 2), Above(2)]
    found = lm.sweep("target", given, "size", values)
    for one, value in zip(found, values, strict=True):
        single = lm.conditional("target", {**(given or {}), "size": value})
        np.testing.assert_allclose(one.probabilities, single.probabilities, atol=1e-9)
        assert one.target == "target"


def test_a_sweep_is_one_batch(lm: TabularLanguageModel) -> None:
    asked(lm).clear()
    found = lm.sweep("target", {"copy": "b"}, "weight", np.linspace(-2, 2, 200))
    assert len(found) == 200
    assert [n for n, _ in asked(lm)] == [200]


def test_a_sweep_on_the_default_backend(real: TabularLanguageModel) -> None:
    found = real.sweep("target", {"noise": "x"}, "weight", [-2.0, 2.5])
    for one, value in zip(found, [-2.0, 2.5], strict=True):
        single = real.conditional("target", {"noise": "x", "weight": value})
        np.testing.assert_allclose(one.probabilities, single.probabilities, atol=1e-5)
    low, high = (dict(zip(one.support, one.probabilities, strict=True))["b"] for one in found)
    assert high > low


def test_evidence_on_the_swept_column_is_replaced(lm: TabularLanguageModel) -> None:
    (found,) = lm.sweep("target", {"size": 4, "copy": "b"}, "size", [1])
    single = lm.conditional("target", {"size": 1, "copy": "b"})
    np.testing.assert_array_equal(found.probabilities, single.probabilities)


def test_an_empty_sweep(lm: TabularLanguageModel) -> None:
    assert lm.sweep("target", None, "size", []) == []


def test_impossible_sweeps_say_why(lm: TabularLanguageModel) -> None:
    with pytest.raises(EvidenceError, match="no level 'd'"):
        lm.sweep("target", None, "copy", ["a", "d"])
    with pytest.raises(ConfigError, match="'size' is the target"):
        lm.sweep("size", None, "size", [1])
    with pytest.raises(ColumnError, match="Did you mean 'size'"):
        lm.sweep("target", None, "sise", [1])
    with pytest.raises(EvidenceError, match="both a target and evidence"):
        lm.sweep("target", {"target": "a"}, "size", [1])


def test_while_nothing_is_trained_there_is_an_answer() -> None:
    lm = TabularLanguageModel(training=TrainingConfig(max_seconds=0), random_state=0).fit(FRAME)
    assert len(lm.sweep("target", None, "size", [1, 2])) == 2
    assert lm.information_gain("target")["column"][0] == "copy"

"""Queries: exact on a backend that counts, and consistent on the default one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget.callbacks import Callback
from tabwidget.config import GenerationConfig, TrainingConfig
from tabwidget.errors import (
    ColumnError,
    ConfigError,
    EvidenceError,
    FormulaError,
    NotFittedError,
)
from tabwidget.events import Event, TrainingState
from tabwidget.inference import admissible, formula, query
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.evidence import Above, Below, Between, NoneOf, OneOf
from tabwidget.inference.query import Query
from tabwidget.model import TabularLanguageModel
from tabwidget.session import Session
from tests.backends.fakes import FakeBackend
from tests.model.fakes import FRAME, few_steps

Mask = Callable[[pd.DataFrame], Any]


@pytest.fixture(scope="module")
def lm() -> TabularLanguageModel:
    return TabularLanguageModel(FakeBackend(), random_state=0).fit(FRAME)


@pytest.fixture(scope="module")
def edges(lm: TabularLanguageModel) -> list[float]:
    """Return the bin edges of the column `weight`."""
    found = lm.schema["weight"].edges
    assert found is not None
    return list(map(float, found))


@pytest.fixture(scope="module")
def real() -> TabularLanguageModel:
    """Return a model of the default backend after a few steps."""
    n, rng = np.arange(120), np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "animal": np.where(n % 2, "cat", "dog"),
            "says": np.where(n % 2, "meow", "woof"),
            "year": 2007 + n % 3,
            "weight": rng.normal(size=120),
            "sex": rng.choice(["female", "male"], 120),
        }
    )
    return few_steps(80).fit(frame)


def counted(target: str, mask: Any) -> list[float]:
    """Return the frequency of each value of a listed column among some rows."""
    values = FRAME.loc[mask, target]
    return [float((values == value).mean()) for value in np.unique(FRAME[target])]


@pytest.mark.parametrize(
    ("given", "mask"),
    [
        ({}, lambda f: f["size"] > 0),
        ({"size": 2}, lambda f: f["size"] == 2),
        ({"size": 2, "sold": True}, lambda f: (f["size"] == 2) & f["sold"]),
        ({"size": OneOf(1, 4)}, lambda f: f["size"].isin([1, 4])),
        ({"size": NoneOf(1, 4)}, lambda f: ~f["size"].isin([1, 4])),
        ({"size": Above(2)}, lambda f: f["size"] > 2),
        ({"size": Above(2, inclusive=True)}, lambda f: f["size"] >= 2),
        ({"size": Below(3)}, lambda f: f["size"] < 3),
        ({"size": Between(2, 4, "left")}, lambda f: (f["size"] >= 2) & (f["size"] < 4)),
        ({"size": Between(1.5, 3.5)}, lambda f: f["size"].isin([2, 3])),
        (
            {"size": OneOf(1, 2, 3), "sold": NoneOf(True)},
            lambda f: f["size"].isin([1, 2, 3]) & ~f["sold"],
        ),
        (
            {"sold": OneOf(True, False), "size": Below(4), "weight": Above(-99)},
            lambda f: f["size"] < 4,
        ),
    ],
)
def test_a_conditional_is_the_counted_frequency(
    lm: TabularLanguageModel, given: dict[str, Any], mask: Mask
) -> None:
    found = lm.conditional("colour", given).probabilities
    assert found == pytest.approx(counted("colour", mask(FRAME)))


def test_a_range_of_whole_bins_is_counted(lm: TabularLanguageModel, edges: list[float]) -> None:
    given = {"weight": Between(edges[4], edges[9]), "size": OneOf(1, 3)}
    inside = FRAME["weight"].between(edges[4], edges[9], "left") & FRAME["size"].isin([1, 3])
    assert lm.conditional("colour", given).probabilities == pytest.approx(counted("colour", inside))


def test_a_cut_bin_counts_by_its_fraction(lm: TabularLanguageModel, edges: list[float]) -> None:
    found = lm.conditional("colour", {"weight": Between((edges[4] + edges[5]) / 2, edges[6])})
    half = FRAME["weight"].between(edges[4], edges[5], "left")
    whole = FRAME["weight"].between(edges[5], edges[6], "left")
    expected = [
        (half & FRAME["colour"].eq(level)).sum() / 2 + (whole & FRAME["colour"].eq(level)).sum()
        for level in found.support
    ]
    assert found.probabilities == pytest.approx(expected / np.sum(expected))


@pytest.mark.parametrize(
    "everything",
    [
        {"size": Between(1, 4)},
        {"weight": Above(-99)},
        {"sold": OneOf(True, False)},
        {"size": Below(99), "weight": Between(-99, 99)},
    ],
)
def test_evidence_that_admits_everything_changes_nothing(
    lm: TabularLanguageModel, everything: dict[str, Any]
) -> None:
    assert lm.conditional("colour", everything).probabilities == pytest.approx(
        lm.conditional("colour").probabilities
    )


@pytest.mark.parametrize(("name", "value"), [("size", 3), ("colour", "red"), ("weight", 0.25)])
def test_a_set_of_one_is_the_value(lm: TabularLanguageModel, name: str, value: object) -> None:
    assert lm.conditional("sold", {name: OneOf(value)}).probabilities == pytest.approx(
        lm.conditional("sold", {name: value}).probabilities
    )


def test_a_column_without_evidence_is_marginalized(lm: TabularLanguageModel) -> None:
    weight_of = lm.conditional("size", {"sold": True})
    by_hand = sum(
        p * lm.conditional("colour", {"sold": True, "size": size}).probabilities
        for size, p in zip(weight_of.support, weight_of.probabilities, strict=True)
    )
    assert lm.conditional("colour", {"sold": True}).probabilities == pytest.approx(by_hand)


def test_the_order_of_evidence_does_not_matter(lm: TabularLanguageModel) -> None:
    given = {"size": Above(1), "weight": Above(0), "sold": OneOf(True, False)}
    turned = dict(reversed(given.items()))
    assert lm.conditional("colour", given).probabilities == pytest.approx(
        lm.conditional("colour", turned).probabilities
    )


@pytest.mark.parametrize(
    "question",
    [
        ("colour | size in {1, 2}, sold=true",),
        ("colour", {"size": OneOf(1, 2), "sold": True}),
        (Query(("colour",), {"size": OneOf(1, 2), "sold": True}),),
    ],
)
def test_a_formula_a_mapping_and_a_query_agree(
    lm: TabularLanguageModel, question: tuple[Any, ...]
) -> None:
    mask = FRAME["size"].isin([1, 2]) & FRAME["sold"]
    assert lm.conditional(*question).probabilities == pytest.approx(counted("colour", mask))


def test_a_survey_is_the_conditional_of_each_column(lm: TabularLanguageModel) -> None:
    given = {"size": OneOf(1, 2), "sold": True}
    survey = lm.survey(given)
    assert list(survey) == ["colour", "weight"]
    for name, found in survey.items():
        expected = lm.conditional(name, given)
        np.testing.assert_allclose(found.probabilities, expected.probabilities)
        assert found.support is expected.support


def test_a_survey_of_some_columns(lm: TabularLanguageModel) -> None:
    whole = lm.survey()
    some = lm.survey(columns=["weight"])
    assert list(some) == ["weight"]
    np.testing.assert_allclose(some["weight"].probabilities, whole["weight"].probabilities)
    with pytest.raises(ColumnError, match="wieght"):
        lm.survey(columns=["wieght"])


def test_a_survey_with_evidence_on_every_column_is_empty(lm: TabularLanguageModel) -> None:
    assert lm.survey({"colour": "red", "size": 1, "weight": 0.0, "sold": True}) == {}


def test_rows_as_dicts_and_as_a_frame_agree(lm: TabularLanguageModel) -> None:
    frame = FRAME.drop(columns="colour").head(20)
    rows: list[Any] = frame.to_dict("records")
    found = lm.predict_proba_many(frame, "colour")
    np.testing.assert_allclose(found, lm.predict_proba_many(rows, "colour"))
    np.testing.assert_allclose(found[3], lm.predict_proba(rows[3], "colour"))


def test_the_target_in_a_frame_is_ignored(lm: TabularLanguageModel) -> None:
    np.testing.assert_array_equal(
        lm.predict_proba_many(FRAME.assign(colour="no such level"), "colour"),
        lm.predict_proba_many(FRAME.drop(columns="colour"), "colour"),
    )


def test_a_row_with_all_cells_missing_gets_the_marginal(lm: TabularLanguageModel) -> None:
    empty = pd.DataFrame(None, index=range(2), columns=FRAME.columns)
    expected = counted("colour", FRAME["size"] > 0)
    assert lm.predict_proba_many(empty, "colour") == pytest.approx(np.array([expected] * 2))


def test_no_rows_give_no_predictions(lm: TabularLanguageModel) -> None:
    assert lm.predict_proba_many([], "colour").shape == (0, 3)
    assert lm.predict_proba_many(FRAME.head(0), "colour", ["red", "blue"]).shape == (0, 2)


def test_candidates_share_the_probability(lm: TabularLanguageModel) -> None:
    blue, _, red = counted("colour", FRAME["size"] == 1)
    found = lm.predict_proba({"size": 1}, "colour", ["red", "blue"])
    assert found == pytest.approx([red / (red + blue), blue / (red + blue)])


def test_candidates_of_a_binned_number_count_by_density(lm: TabularLanguageModel) -> None:
    weight = lm.conditional("weight")
    assert weight.edges is not None
    density = weight.probabilities / np.diff(weight.edges)
    found = lm.predict_proba({}, "weight", [float(weight.edges[2]), float(weight.edges[5])])
    assert found == pytest.approx(density[[2, 5]] / density[[2, 5]].sum())


def test_impossible_candidates_are_equally_likely() -> None:
    frame = pd.DataFrame({"x": [1, 1, 2, 2], "y": ["a", "a", "b", "c"]})
    lm = TabularLanguageModel(FakeBackend()).fit(frame)
    assert lm.predict_proba({"x": 1}, "y", ["b", "c"]).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        (["red", "bleu"], r"'colour' has no level 'bleu'. Did you mean 'blue'\?"),
        ([], "'colour': the list of candidates is empty"),
        (["red", None], "'colour' never has the value None"),
    ],
)
def test_a_wrong_candidate_is_named(
    lm: TabularLanguageModel, candidates: list[object], message: str
) -> None:
    with pytest.raises(EvidenceError, match=message):
        lm.predict_proba({}, "colour", candidates)


def test_completion_satisfies_the_evidence(lm: TabularLanguageModel) -> None:
    known = {"size": OneOf(1, 4), "weight": Between(0.0, 0.5), "sold": True}
    rows = lm.complete_many([known] * 50, ["colour"])
    assert {row["size"] for row in rows} == {1, 4}
    assert all(0 <= row["weight"] <= 0.5 and row["sold"] is True for row in rows)
    assert {row["colour"] for row in rows} == {"red", "blue", "green"}
    assert list(rows[0]) == ["size", "weight", "sold", "colour"]


def test_completion_returns_plain_values(lm: TabularLanguageModel) -> None:
    row = lm.complete({}, ["colour", "size", "weight", "sold"])
    assert [type(value) for value in row.values()] == [str, int, float, bool]


def test_rows_may_have_different_targets(lm: TabularLanguageModel) -> None:
    rows = lm.complete_many([{"size": 1}, {"colour": "red"}], [["colour", "sold"], ["weight"]])
    assert [list(row) for row in rows] == [["size", "colour", "sold"], ["colour", "weight"]]


def test_a_single_target_may_be_a_name(lm: TabularLanguageModel) -> None:
    assert list(lm.complete_many([{"size": 1}], "colour")[0]) == ["size", "colour"]


def test_samples_of_several_columns_are_joint() -> None:
    frame = pd.DataFrame({"x": ["a", "b"] * 50, "y": [1, 2] * 50})
    lm = TabularLanguageModel(FakeBackend(), random_state=0).fit(frame)
    drawn = lm.complete_many([{}] * 200, ["y", "x"])
    assert {(row["x"], row["y"]) for row in drawn} == {("a", 1), ("b", 2)}


def test_temperature_zero_returns_the_mode(lm: TabularLanguageModel) -> None:
    known = {"size": 2, "sold": False}
    drawn = lm.complete_many([known] * 30, ["colour"], GenerationConfig(temperature=0))
    assert {row["colour"] for row in drawn} == {lm.conditional("colour", known).mode()}


def test_completing_no_rows_or_targets(lm: TabularLanguageModel) -> None:
    assert lm.complete_many([], ["colour"]) == []
    assert lm.complete({"size": 1}, []) == {"size": 1}


def test_a_column_both_evidence_and_target_is_an_error(lm: TabularLanguageModel) -> None:
    with pytest.raises(EvidenceError, match="'size' is both a target and evidence"):
        lm.complete({"size": 1}, ["size"])


def test_the_number_of_target_lists_must_equal_that_of_rows(lm: TabularLanguageModel) -> None:
    with pytest.raises(ConfigError, match="2 rows of evidence and 1 lists of targets"):
        lm.complete_many([{}, {}], [["colour"]])


def test_samples_follow_the_joint_distribution(lm: TabularLanguageModel) -> None:
    drawn = lm.sample(2000)
    expected = pd.crosstab(FRAME["colour"], FRAME["size"], normalize=True)
    found = pd.crosstab(drawn["colour"], drawn["size"], normalize=True)
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_samples_satisfy_the_evidence(lm: TabularLanguageModel) -> None:
    drawn = lm.sample(40, {"colour": NoneOf("red"), "weight": Above(1.0), "size": 2})
    assert set(drawn["colour"]) == {"blue", "green"}
    assert (drawn["weight"] >= 1).all()
    assert set(drawn["size"]) == {2}


def test_a_range_is_marginalized_once_for_all_samples() -> None:
    backend = FakeBackend()
    lm = TabularLanguageModel(backend, random_state=0).fit(FRAME)
    lm.sample(500, {"weight": Above(0), "size": Above(1)})
    rows_before_drawing = sum(rows for rows, _ in backend.asked[:2])
    assert rows_before_drawing < 50


def test_samples_keep_columns_order_and_dtypes() -> None:
    n = 40
    frame = pd.DataFrame(
        {
            "category": pd.Categorical(["lo", "hi"] * 20, ["lo", "mid", "hi"], ordered=True),
            "nullable": pd.array([1, 2, None, 4] * 10, dtype="Int64"),
            "bool": [True, False] * 20,
            "boolean": pd.array([True, None] * 20, dtype="boolean"),
            "day": pd.date_range("2024-01-01", periods=n),
            "zoned": pd.date_range("2024-01-01", periods=n, tz="Europe/Berlin", unit="s"),
            "single": np.linspace(0, 1, n, dtype="float32"),
            "tiny": np.arange(n, dtype="int8"),
            "text": ["a", None] * 20,
            "mixed": [1, "one"] * 20,
        }
    )
    lm = TabularLanguageModel(FakeBackend(), random_state=0).fit(frame)
    for n_drawn in (0, 7):
        drawn = lm.sample(n_drawn)
        assert len(drawn) == n_drawn
        assert not drawn.isna().any().any()
        pd.testing.assert_series_equal(drawn.dtypes, frame.dtypes)


def test_the_same_seed_draws_the_same_rows(lm: TabularLanguageModel) -> None:
    pd.testing.assert_frame_equal(lm.sample(5, random_state=3), lm.sample(5, random_state=3))
    assert not lm.sample(5).equals(lm.sample(5))


def test_equal_models_draw_equal_rows_one_call_after_the_other() -> None:
    one, other = (TabularLanguageModel(FakeBackend(), random_state=0).fit(FRAME) for _ in range(2))
    for _ in range(2):
        pd.testing.assert_frame_equal(one.sample(5), other.sample(5))


def test_a_negative_number_of_rows_is_an_error(lm: TabularLanguageModel) -> None:
    with pytest.raises(ConfigError, match="n=-1 rows cannot be sampled"):
        lm.sample(-1)


def test_a_wrong_generation_setting_is_named(lm: TabularLanguageModel) -> None:
    with pytest.raises(ConfigError, match="top_p"):
        lm.sample(1, generation=GenerationConfig(top_p=2))


def test_the_likelihood_of_rows_is_their_joint_frequency(lm: TabularLanguageModel) -> None:
    names = ["colour", "size", "sold"]
    frequency = FRAME.groupby(names)[names[0]].transform("size") / len(FRAME)
    assert np.exp(lm.log_likelihood(FRAME[names])) == pytest.approx(frequency.to_numpy())


def test_missing_cells_do_not_contribute(lm: TabularLanguageModel) -> None:
    frame = pd.DataFrame({"colour": ["red", None], "size": [None, None]})
    red = FRAME["colour"].eq("red").mean()
    assert lm.log_likelihood(frame) == pytest.approx([math.log(red), 0])


def test_a_number_never_seen_is_impossible(real: TabularLanguageModel) -> None:
    likely, odd = real.log_likelihood(pd.DataFrame({"year": [2008, 1900]}))
    assert likely == pytest.approx(math.log(1 / 3), abs=0.5)
    assert odd == -math.inf


@pytest.mark.parametrize(
    "ask",
    [
        lambda lm: lm.schema,
        lambda lm: lm.conditional("colour"),
        lambda lm: lm.survey(),
        lambda lm: lm.predict_proba({}, "colour"),
        lambda lm: lm.complete({}, ["colour"]),
        lambda lm: lm.sample(),
        lambda lm: lm.log_likelihood(FRAME),
    ],
)
def test_queries_before_a_fit_are_errors(ask: Callable[[TabularLanguageModel], object]) -> None:
    with pytest.raises(NotFittedError, match=r"not fitted yet: call fit\(\) first"):
        ask(TabularLanguageModel())


@pytest.mark.parametrize(
    ("question", "error", "message"),
    [
        (("color", {}), ColumnError, r"no column 'color'. Did you mean 'colour'\?"),
        (("colour", {"sise": 1}), ColumnError, r"no column 'sise'. Did you mean 'size'\?"),
        (("sold", {"colour": "rde"}), EvidenceError, r"no level 'rde'. Did you mean 'red'\?"),
        (("sold", {"weight": Between(2, 1)}), EvidenceError, "'weight'.*ends.*before it starts"),
        (("sold", {"weight": "heavy"}), EvidenceError, "'weight' is numeric.*'heavy'.*between"),
        (("sold", {"size": None}), EvidenceError, "'size': None is a missing value"),
        (("sold", {"size": Above(9)}), EvidenceError, "'size'.*from 1 to 4"),
        (("colour", {"colour": "red"}), EvidenceError, "'colour' is both a target and evidence"),
        ((["colour", "weight", "size", "sold"] * 2,), ConfigError, "one or more distinct columns"),
        ((Query(("colour",)), {"size": 1}), ConfigError, "leave `given` out"),
        (("colour", "size=1"), ConfigError, "evidence is a mapping.*not 'size=1'"),
    ],
)
def test_an_invalid_query_is_an_error_of_one_line(
    lm: TabularLanguageModel, question: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        lm.conditional(*question)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("formula", "word", "message"),
    [
        ("colour | size=1, sise=2", "sise", "Did you mean 'size'"),
        ("sold | colour=rde", "rde", "Did you mean 'red'"),
        ("color | size=1", "color", "Did you mean 'colour'"),
        ("colour | size~1", "~", "expected one of ="),
    ],
)
def test_a_formula_error_marks_the_position(
    lm: TabularLanguageModel, formula: str, word: str, message: str
) -> None:
    with pytest.raises(FormulaError, match=message) as caught:
        lm.conditional(formula)
    _, shown, caret = str(caught.value).splitlines()
    assert shown.strip() == formula
    assert shown[caret.index("^") :].startswith(word)


def test_a_prediction_does_not_depend_on_other_rows(real: TabularLanguageModel) -> None:
    rows: list[dict[str, Any]] = [
        {},
        {"year": 2008},
        {"sex": "male", "weight": 0.5},
        {"sex": "male", "weight": 0.5, "year": 2008},
        {"sex": "male", "weight": 0.5, "year": 2008, "says": "meow"},
    ]
    together = real.predict_proba_many(rows, "animal")
    alone = [real.predict_proba(row, "animal") for row in rows]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    as_frame = real.predict_proba_many(pd.DataFrame(rows), "animal")
    np.testing.assert_allclose(together, as_frame, atol=1e-5)


def test_a_few_steps_learn_a_dependence(real: TabularLanguageModel) -> None:
    found = real.conditional("animal", {"says": "meow", "sex": "male"})
    assert found.mode() == "cat"
    assert found.probabilities.sum() == pytest.approx(1)
    assert 0 <= found.order_spread <= 1


@pytest.fixture(scope="module")
def wide() -> TabularLanguageModel:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=400).round(3), "count": rng.integers(0, 99, 400)})
    training = TrainingConfig(max_steps=10)
    return TabularLanguageModel(training=training, random_state=0).fit(frame)


@pytest.mark.parametrize(
    ("evidence", "inside"),
    [
        (Above(0.5), lambda x: x > 0.5),
        (Between(0.25, 0.375), lambda x: (x >= 0.25) & (x <= 0.375)),
        (Below(-0.1, inclusive=True), lambda x: x <= -0.1),
    ],
)
def test_samples_of_a_range_are_spread_over_it(
    wide: TabularLanguageModel, evidence: Any, inside: Any
) -> None:
    drawn = wide.sample(300, {"size": evidence}, random_state=0)["size"]
    assert inside(drawn).all()
    assert drawn.nunique() > 60
    done = wide.complete_many([{"size": evidence}] * 50, ["count"], random_state=0)
    found = pd.Series([row["size"] for row in done])
    assert inside(found).all()
    assert found.nunique() > 20


def test_integers_sampled_from_a_range_are_integers_inside_it(wide: TabularLanguageModel) -> None:
    drawn = wide.sample(300, {"count": Above(40)}, random_state=0)["count"]
    assert pd.api.types.is_integer_dtype(drawn)
    assert drawn.min() > 40
    assert drawn.nunique() > 30


def test_the_same_seed_completes_the_same_rows(wide: TabularLanguageModel) -> None:
    first, again = (wide.complete_many([{}] * 3, ["size"], random_state=5) for _ in range(2))
    assert first == again


def test_predictions_of_many_rows_send_events(wide: TabularLanguageModel) -> None:
    seen: list[str] = []

    class Names(Callback):
        def on_event(self, state: TrainingState, event: Event) -> None:
            seen.append(type(event).__name__)

    wide.callbacks = Names()
    try:
        wide.predict_proba_many(pd.DataFrame({"count": [1, 2]}), "size")
    finally:
        wide.callbacks = None
    assert seen == ["PredictStart", "RowEnd", "PredictEnd"]
    assert wide.state.rows_done == 2


# Each piece of evidence is resolved once


GIVEN: dict[str, Any] = {"size": OneOf(1, 2), "weight": Above(0), "sold": True}


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the columns whose evidence is resolved, and whose admissible values are computed."""
    counts: Counter[str] = Counter()

    def counting(name: str, module: Any) -> None:
        function = getattr(module, name)

        def counted(evidence: Any, column: Any) -> Any:
            counts[f"{name} {column.name}"] += 1
            return function(evidence, column)

        monkeypatch.setattr(module, name, counted)

    counting("resolve_evidence", query)
    counting("resolve_evidence", formula)
    counting("admissible_values", admissible)
    return counts


@pytest.mark.parametrize(
    "ask",
    [
        lambda lm: lm.conditional("colour", GIVEN),
        lambda lm: lm.conditional("colour | size in {1, 2}, weight > 0, sold = true"),
        lambda lm: lm.conditional(Query(("colour",), GIVEN)),
        lambda lm: lm.conditional(Query(("colour",), GIVEN).resolve(lm.schema)),
        lambda lm: lm.survey(GIVEN),
        lambda lm: lm.predict_proba(GIVEN, "colour"),
        lambda lm: lm.complete(GIVEN, ["colour"]),
        lambda lm: lm.sample(5, GIVEN),
    ],
)
def test_evidence_is_resolved_once_per_question(
    lm: TabularLanguageModel,
    resolved: Counter[str],
    ask: Callable[[TabularLanguageModel], object],
) -> None:
    ask(lm)
    assert resolved == {
        **dict.fromkeys([f"resolve_evidence {name}" for name in GIVEN], 1),
        "admissible_values size": 1,
        "admissible_values weight": 1,
    }


@pytest.mark.parametrize("question", [Query(("colour",), GIVEN), "colour | size in {1, 2}"])
def test_a_session_resolves_evidence_once(resolved: Counter[str], question: Query | str) -> None:
    session = Session(FRAME, training=TrainingConfig(max_steps=1))
    session.fit()
    resolved.clear()
    session.ask(question)
    assert set(resolved.values()) == {1}


def test_a_query_resolved_on_another_schema_is_resolved_again(lm: TabularLanguageModel) -> None:
    other = TabularLanguageModel(FakeBackend()).fit(FRAME[FRAME["size"] < 3])
    found = lm.conditional(Query(("size",)).resolve(other.schema))
    assert isinstance(found, Distribution)
    assert found.support.tolist() == [1, 2, 3, 4]

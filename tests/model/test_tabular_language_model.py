"""TabularLanguageModel: exact on a backend that counts, and sound on the real one."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from tabwidget.backends import MiniLMBackend
from tabwidget.callbacks import Callback
from tabwidget.config import GenerationConfig, ModelConfig, TrainingConfig
from tabwidget.errors import (
    ColumnError,
    ConfigError,
    DataFileError,
    EvidenceError,
    FormulaError,
    NotFittedError,
    TableError,
    TabwidgetError,
)
from tabwidget.events import EvalReport, Event, FitEnd, FitStart, TrainingState, TrainReport
from tabwidget.inference.evidence import Above, Below, Between, NoneOf, OneOf
from tabwidget.inference.query import Query
from tabwidget.model import TabularLanguageModel
from tests.backends.fakes import FakeBackend

_rng = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "colour": _rng.choice(["blue", "green", "red"], 200, p=[0.3, 0.2, 0.5]),
        "size": _rng.integers(1, 5, 200),
        "weight": _rng.normal(size=200),
        "sold": _rng.random(200) < 0.4,
    }
)
# Something to learn: red ones are heavier.
FRAME["weight"] += FRAME["colour"].eq("red")

Mask = Callable[[pd.DataFrame], Any]


@pytest.fixture(scope="module")
def lm() -> TabularLanguageModel:
    return TabularLanguageModel(FakeBackend(), random_state=0).fit(FRAME)


@pytest.fixture(scope="module")
def edges(lm: TabularLanguageModel) -> list[float]:
    """Return the ends of the bins of the column `weight`."""
    found = lm.schema["weight"].edges
    assert found is not None
    return list(map(float, found))


@pytest.fixture(scope="module")
def real() -> TabularLanguageModel:
    """Return a model of the default backend, trained for moments."""
    n = np.arange(120)
    frame = pd.DataFrame(
        {
            "animal": np.where(n % 2, "cat", "dog"),
            "says": np.where(n % 2, "meow", "woof"),
            "year": 2007 + n % 3,
            "weight": _rng.normal(size=120),
            "sex": _rng.choice(["female", "male"], 120),
        }
    )
    return few_steps(80).fit(frame)


def counted(target: str, mask: Any) -> list[float]:
    """Return the frequency of each value of a listed column among some rows."""
    values = FRAME.loc[mask, target]
    return [float((values == value).mean()) for value in np.unique(FRAME[target])]


def few_steps(n: int = 12, **settings: Any) -> TabularLanguageModel:
    settings = {"random_state": 0, "training": TrainingConfig(max_steps=n), **settings}
    return TabularLanguageModel(model_config=ModelConfig(width=16, members=1), **settings)


# Evidence algebra, exact


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
def test_evidence_is_answered_with_the_counted_frequency(
    lm: TabularLanguageModel, given: dict[str, Any], mask: Mask
) -> None:
    found = lm.conditional("colour", given).probabilities
    assert found == pytest.approx(counted("colour", mask(FRAME)))


def test_a_range_of_whole_bins_is_counted(lm: TabularLanguageModel, edges: list[float]) -> None:
    given = {"weight": Between(edges[4], edges[9]), "size": OneOf(1, 3)}
    inside = FRAME["weight"].between(edges[4], edges[9], "left") & FRAME["size"].isin([1, 3])
    assert lm.conditional("colour", given).probabilities == pytest.approx(counted("colour", inside))


def test_a_cut_bin_counts_by_the_part_inside(lm: TabularLanguageModel, edges: list[float]) -> None:
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
def test_evidence_of_everything_changes_nothing(
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


def test_a_column_left_out_is_marginalized(lm: TabularLanguageModel) -> None:
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
def test_a_question_can_be_asked_in_three_ways(
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


def test_a_survey_with_nothing_left_to_ask_is_empty(lm: TabularLanguageModel) -> None:
    assert lm.survey({"colour": "red", "size": 1, "weight": 0.0, "sold": True}) == {}


# predict_proba


def test_rows_as_dicts_and_as_a_frame_agree(lm: TabularLanguageModel) -> None:
    frame = FRAME.drop(columns="colour").head(20)
    rows: list[Any] = frame.to_dict("records")
    found = lm.predict_proba_many(frame, "colour")
    np.testing.assert_allclose(found, lm.predict_proba_many(rows, "colour"))
    np.testing.assert_allclose(found[3], lm.predict_proba(rows[3], "colour"))


def test_the_target_in_a_frame_is_not_looked_at(lm: TabularLanguageModel) -> None:
    np.testing.assert_array_equal(
        lm.predict_proba_many(FRAME.assign(colour="no such level"), "colour"),
        lm.predict_proba_many(FRAME.drop(columns="colour"), "colour"),
    )


def test_a_row_with_all_cells_missing_gets_the_marginal(lm: TabularLanguageModel) -> None:
    empty = pd.DataFrame(None, index=range(2), columns=FRAME.columns)
    expected = counted("colour", FRAME["size"] > 0)
    assert lm.predict_proba_many(empty, "colour") == pytest.approx(np.array([expected] * 2))


def test_no_rows_are_answered_with_none(lm: TabularLanguageModel) -> None:
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


def test_candidates_held_for_impossible_count_alike() -> None:
    frame = pd.DataFrame({"x": [1, 1, 2, 2], "y": ["a", "a", "b", "c"]})
    lm = TabularLanguageModel(FakeBackend()).fit(frame)
    assert lm.predict_proba({"x": 1}, "y", ["b", "c"]).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        (["red", "bleu"], r"'colour' has no level 'bleu'. Did you mean 'blue'\?"),
        ([], "'colour': there are no candidates"),
        (["red", None], "'colour' never has the value None"),
    ],
)
def test_a_wrong_candidate_is_named(
    lm: TabularLanguageModel, candidates: list[object], message: str
) -> None:
    with pytest.raises(EvidenceError, match=message):
        lm.predict_proba({}, "colour", candidates)


# Draws


def test_completing_respects_what_is_known(lm: TabularLanguageModel) -> None:
    known = {"size": OneOf(1, 4), "weight": Between(0.0, 0.5), "sold": True}
    rows = lm.complete_many([known] * 50, ["colour"])
    assert {row["size"] for row in rows} == {1, 4}
    assert all(0 <= row["weight"] <= 0.5 and row["sold"] is True for row in rows)
    assert {row["colour"] for row in rows} == {"red", "blue", "green"}
    assert list(rows[0]) == ["size", "weight", "sold", "colour"]


def test_completing_gives_plain_values(lm: TabularLanguageModel) -> None:
    row = lm.complete({}, ["colour", "size", "weight", "sold"])
    assert [type(value) for value in row.values()] == [str, int, float, bool]


def test_each_row_may_want_other_columns(lm: TabularLanguageModel) -> None:
    rows = lm.complete_many([{"size": 1}, {"colour": "red"}], [["colour", "sold"], ["weight"]])
    assert [list(row) for row in rows] == [["size", "colour", "sold"], ["colour", "weight"]]


def test_one_column_may_be_wanted_by_its_name(lm: TabularLanguageModel) -> None:
    assert list(lm.complete_many([{"size": 1}], "colour")[0]) == ["size", "colour"]


def test_draws_of_several_columns_are_joint() -> None:
    frame = pd.DataFrame({"x": ["a", "b"] * 50, "y": [1, 2] * 50})
    lm = TabularLanguageModel(FakeBackend(), random_state=0).fit(frame)
    drawn = lm.complete_many([{}] * 200, ["y", "x"])
    assert {(row["x"], row["y"]) for row in drawn} == {("a", 1), ("b", 2)}


def test_at_temperature_zero_the_likeliest_is_drawn(lm: TabularLanguageModel) -> None:
    known = {"size": 2, "sold": False}
    drawn = lm.complete_many([known] * 30, ["colour"], GenerationConfig(temperature=0))
    assert {row["colour"] for row in drawn} == {lm.conditional("colour", known).mode()}


def test_completing_nothing_is_nothing(lm: TabularLanguageModel) -> None:
    assert lm.complete_many([], ["colour"]) == []
    assert lm.complete({"size": 1}, []) == {"size": 1}


def test_a_column_both_known_and_wanted_is_an_error(lm: TabularLanguageModel) -> None:
    with pytest.raises(EvidenceError, match="'size' is both asked for and given"):
        lm.complete({"size": 1}, ["size"])


def test_a_list_of_wishes_must_fit_the_rows(lm: TabularLanguageModel) -> None:
    with pytest.raises(ConfigError, match="2 rows are known, but targets of 1 are given"):
        lm.complete_many([{}, {}], [["colour"]])


def test_samples_follow_the_joint_distribution(lm: TabularLanguageModel) -> None:
    drawn = lm.sample(2000)
    expected = pd.crosstab(FRAME["colour"], FRAME["size"], normalize=True)
    found = pd.crosstab(drawn["colour"], drawn["size"], normalize=True)
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_samples_respect_what_is_given(lm: TabularLanguageModel) -> None:
    drawn = lm.sample(40, {"colour": NoneOf("red"), "weight": Above(1.0), "size": 2})
    assert set(drawn["colour"]) == {"blue", "green"}
    assert (drawn["weight"] >= 1).all()
    assert set(drawn["size"]) == {2}


def test_a_given_range_is_worked_out_once_for_all_samples() -> None:
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


def test_fewer_than_no_rows_is_an_error(lm: TabularLanguageModel) -> None:
    with pytest.raises(ConfigError, match="at least 0, not -1"):
        lm.sample(-1)


def test_a_wrong_generation_setting_is_named(lm: TabularLanguageModel) -> None:
    with pytest.raises(ConfigError, match="top_p"):
        lm.sample(1, generation=GenerationConfig(top_p=2))


# Log-likelihood


def test_the_likelihood_of_rows_is_their_joint_frequency(lm: TabularLanguageModel) -> None:
    names = ["colour", "size", "sold"]
    frequency = FRAME.groupby(names)[names[0]].transform("size") / len(FRAME)
    assert np.exp(lm.log_likelihood(FRAME[names])) == pytest.approx(frequency.to_numpy())


def test_missing_cells_do_not_count(lm: TabularLanguageModel) -> None:
    frame = pd.DataFrame({"colour": ["red", None], "size": [None, None]})
    red = FRAME["colour"].eq("red").mean()
    assert lm.log_likelihood(frame) == pytest.approx([math.log(red), 0])


def test_a_number_never_seen_is_impossible(real: TabularLanguageModel) -> None:
    likely, odd = real.log_likelihood(pd.DataFrame({"year": [2008, 1900]}))
    assert likely == pytest.approx(math.log(1 / 3), abs=0.5)
    assert odd == -math.inf


# Fitting


def test_the_backend_is_told_what_to_learn() -> None:
    backend, training = FakeBackend(), TrainingConfig(max_steps=2)
    lm = TabularLanguageModel(backend, "bracket", training, random_state=7)
    lm.fit(FRAME, target_cols=["colour"])
    [request] = backend.seen
    assert (request.targets, request.seed, request.resume) == (("colour",), 7, False)
    assert request.training == training
    assert "colour" in request.serializer.serialize({"colour": "red"}).text
    pd.testing.assert_frame_equal(request.table.frame, FRAME)


def test_a_target_may_be_a_name_alone() -> None:
    backend = FakeBackend()
    TabularLanguageModel(backend).fit(FRAME, target_cols="colour")
    assert backend.seen[0].targets == ("colour",)


def test_callbacks_are_told_of_every_event_with_the_state_up_to_date() -> None:
    class Record(Callback):
        def __init__(self) -> None:
            self.steps: list[tuple[type[Event], int]] = []

        def on_event(self, state: TrainingState, event: Event) -> None:
            self.steps.append((type(event), state.step))

    record = Record()
    lm = TabularLanguageModel(FakeBackend(), callbacks=[record], random_state=0).fit(FRAME)
    assert record.steps[0] == (FitStart, 0)
    assert record.steps[-1] == (FitEnd, 3)
    assert [step for kind, step in record.steps if kind is TrainReport] == [1, 2, 3]
    assert lm.state.reason == "steps"


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
def test_before_a_fit_nothing_can_be_asked(ask: Callable[[TabularLanguageModel], object]) -> None:
    with pytest.raises(NotFittedError, match=r"call fit\(frame\) first"):
        ask(TabularLanguageModel())


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (FRAME.head(0), TableError, "empty.*at least two rows"),
        (FRAME[[]], TableError, "empty"),
        (FRAME.head(1), TableError, "one row.*at least two"),
        (pd.concat([FRAME, FRAME[["size"]]], axis=1), TableError, "'size'.*more than once.*rename"),
        (FRAME.assign(size=None), TableError, "'size' has no value.*drop"),
        (FRAME.to_numpy(), TableError, "DataFrame.*ndarray"),
        ("penguin", TabwidgetError, "Did you mean 'penguins'"),
        (Path("nowhere") / "table.csv", DataFileError, "no file.*table.csv"),
    ],
)
def test_a_table_that_cannot_be_learned_is_one_clear_line(
    frame: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        TabularLanguageModel(FakeBackend()).fit(frame)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_a_table_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"\x00\x01 no table")
    with pytest.raises(DataFileError, match=r"broken\.parquet.*not a table.*give a CSV") as caught:
        TabularLanguageModel(FakeBackend()).fit(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backend": "minlm"}, "Did you mean 'minilm'"),
        ({"serializer": "jsn"}, "Did you mean 'json'"),
        ({"training": TrainingConfig(epochs=0)}, "TrainingConfig.epochs must be"),
        ({"training": {"epochs": 3}}, "training is a TrainingConfig, not dict"),
        ({"model_config": ModelConfig(width=30)}, "width=30"),
    ],
)
def test_a_wrong_setting_is_found_before_training(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TabularLanguageModel(**settings).fit(FRAME)


def test_a_target_that_is_not_a_column_is_found_before_training() -> None:
    backend = FakeBackend()
    with pytest.raises(ColumnError, match=r"no column 'color'. Did you mean 'colour'\?"):
        TabularLanguageModel(backend).fit(FRAME, target_cols=["color"])
    assert not backend.seen


@pytest.mark.parametrize(
    ("question", "error", "message"),
    [
        (("color", {}), ColumnError, r"no column 'color'. Did you mean 'colour'\?"),
        (("colour", {"sise": 1}), ColumnError, r"no column 'sise'. Did you mean 'size'\?"),
        (("sold", {"colour": "rde"}), EvidenceError, r"no level 'rde'. Did you mean 'red'\?"),
        (("sold", {"weight": Between(2, 1)}), EvidenceError, "'weight'.*ends.*before it begins"),
        (("sold", {"weight": "heavy"}), EvidenceError, "'weight' is numeric.*'heavy'.*between"),
        (("sold", {"size": None}), EvidenceError, "'size': None is a missing value"),
        (("sold", {"size": Above(9)}), EvidenceError, "'size'.*from 1 to 4"),
        (("colour", {"colour": "red"}), EvidenceError, "'colour' is both asked for and given"),
        ((["colour", "weight", "size", "sold"] * 2,), ConfigError, "each of them once"),
        ((Query(("colour",)), {"size": 1}), ConfigError, "leave `given` out"),
        (("colour", "size=1"), ConfigError, "what is known is a mapping.*not 'size=1'"),
    ],
)
def test_a_question_that_cannot_be_asked_is_one_clear_line(
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
def test_a_formula_error_points_at_the_place(
    lm: TabularLanguageModel, formula: str, word: str, message: str
) -> None:
    with pytest.raises(FormulaError, match=message) as caught:
        lm.conditional(formula)
    _, shown, caret = str(caught.value).splitlines()
    assert shown.strip() == formula
    assert shown[caret.index("^") :].startswith(word)


def test_scikit_learn_can_clone_and_set_it() -> None:
    lm = TabularLanguageModel(FakeBackend(), training=TrainingConfig(max_seconds=3)).fit(FRAME)
    copy = clone(lm).set_params(training__max_seconds=5, random_state=1)
    assert not copy.ready
    assert copy.get_params()["training__max_seconds"] == 5
    assert (lm.training.max_seconds, lm.random_state) == (3, None)  # type: ignore[union-attr]


def test_params_set_after_a_fit_do_not_change_it() -> None:
    training = TrainingConfig(max_steps=2)
    backend = FakeBackend()
    lm = TabularLanguageModel(backend, training=training).fit(FRAME)
    training.set_params(max_steps=9)
    assert backend.seen[0].training.max_steps == 2
    assert lm.state.step == 2


def test_a_failing_callback_ends_the_fit_as_failed() -> None:
    class Fail(Callback):
        def on_event(self, state: TrainingState, event: Event) -> None:
            if isinstance(event, TrainReport):
                raise RuntimeError("full disk")

    lm = few_steps(callbacks=[Fail()])
    with pytest.raises(RuntimeError, match="full disk"):
        lm.fit(FRAME)
    assert lm.state.reason == "failed"


def test_a_fit_that_diverges_says_so() -> None:
    training = TrainingConfig(max_steps=3, learning_rate=1e30)
    with pytest.raises(ConfigError, match="training diverged"):
        few_steps(training=training).fit(FRAME)


# The default backend


class At(Callback):
    """Does something at the first event of a kind."""

    def __init__(self, kind: type[Event], action: Callable[[], None]) -> None:
        self.kind, self.action = kind, action

    def on_event(self, state: TrainingState, event: Event) -> None:
        if isinstance(event, self.kind):
            self.kind = type(None)  # type: ignore[assignment]
            self.action()


def interrupt() -> None:
    raise KeyboardInterrupt


def test_an_interrupt_leaves_a_model_that_can_be_asked() -> None:
    lm = few_steps(10_000, callbacks=[At(TrainReport, interrupt)])
    with pytest.raises(KeyboardInterrupt):
        lm.fit(FRAME)
    assert lm.state.reason == "stopped"
    assert lm.conditional("colour", {"size": 1}).probabilities.sum() == pytest.approx(1)


def test_a_stop_event_ends_the_fit_at_the_next_step() -> None:
    stop = threading.Event()
    lm = few_steps(10_000, callbacks=[At(EvalReport, stop.set)])
    began = time.perf_counter()
    lm.fit(FRAME, stop=stop)
    assert lm.state.reason == "stopped"
    assert time.perf_counter() - began < 20
    assert lm.ready


def test_resuming_goes_on_from_the_weights_there_are() -> None:
    lm = few_steps(20).fit(FRAME)
    before = lm.state.best_loss
    lm.set_params(training__max_steps=1).fit(FRAME, resume=True)
    anew = few_steps(1).fit(FRAME).state.best_loss
    assert before is not None
    assert anew is not None
    assert lm.state.best_loss == pytest.approx(before, abs=abs(anew - before) / 2)
    assert lm.state.step == 1


@pytest.mark.parametrize(
    "other",
    [FRAME.drop(columns="size"), FRAME.head(100), FRAME.assign(colour=FRAME["colour"] + "ish")],
)
def test_only_the_same_columns_and_values_can_be_resumed(other: pd.DataFrame) -> None:
    lm = TabularLanguageModel(FakeBackend()).fit(FRAME)
    with pytest.raises(ConfigError, match="fit anew"):
        lm.fit(other, resume=True)
    assert lm.conditional("colour").support.tolist() == ["blue", "green", "red"]


def test_resuming_without_a_fit_is_a_first_fit() -> None:
    assert TabularLanguageModel(FakeBackend()).fit(FRAME, resume=True).ready


def test_an_backend_that_learns_anew_forgets_the_old_table() -> None:
    backend = MiniLMBackend(ModelConfig(width=16, members=1))
    lm = TabularLanguageModel(backend, training=TrainingConfig(max_steps=2)).fit(FRAME)
    ready: list[bool] = []
    lm.set_params(callbacks=[At(FitStart, lambda: ready.append(lm.ready))])
    lm.fit(FRAME[["sold", "size"]])
    assert ready == [False]
    assert lm.conditional("sold").support.tolist() == [False, True]


def test_the_same_seed_learns_the_same() -> None:
    first, second, other = (few_steps(4, random_state=seed).fit(FRAME) for seed in (1, 1, 2))
    question = ("colour", {"size": 1})
    np.testing.assert_allclose(
        first.conditional(*question).probabilities,
        second.conditional(*question).probabilities,
        atol=1e-6,
    )
    assert first.conditional(*question).probabilities != pytest.approx(
        other.conditional(*question).probabilities, abs=1e-4
    )


def test_an_answer_does_not_depend_on_the_rows_beside_it(real: TabularLanguageModel) -> None:
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


def test_moments_are_enough_to_learn_something(real: TabularLanguageModel) -> None:
    found = real.conditional("animal", {"says": "meow", "sex": "male"})
    assert found.mode() == "cat"
    assert found.probabilities.sum() == pytest.approx(1)
    assert 0 <= found.order_spread <= 1


def test_a_table_that_is_almost_empty_can_be_learned() -> None:
    frame = pd.DataFrame(np.nan, index=range(60), columns=list("abcd")).astype(object)
    for i, name in enumerate(frame):
        frame.loc[[7 * i + 1, 7 * i + 2], name] = ["x", "y"] if i % 2 else [1.5, 2.5]
    lm = few_steps().fit(frame.infer_objects())
    assert lm.state.start is not None
    # Rows without a cell are neither learned nor held out.
    assert lm.state.start.n_train + lm.state.start.n_validation == 8
    assert lm.state.start.n_rows == 60
    assert lm.conditional("b", {"a": 1.5}).probabilities.sum() == pytest.approx(1)
    assert lm.predict_proba_many(frame.tail(3), "b").shape == (3, 2)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"x": [1, 2]}),
        pd.DataFrame({"x": ["a", "a", "a"], "y": [5, 5, 5]}),
        pd.DataFrame({"x": [1.0, None, None], "y": [None, "a", None]}),
    ],
    ids=["two cells", "constants", "never together"],
)
def test_the_smallest_tables_can_be_learned(frame: pd.DataFrame) -> None:
    lm = few_steps(3).fit(frame)
    assert lm.conditional("x").probabilities.sum() == pytest.approx(1)
    assert len(lm.sample(2)) == 2
    assert np.isfinite(lm.log_likelihood(frame)).all()


# Ranges, and what draws make of them


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
def test_what_is_drawn_of_a_range_lies_anywhere_in_it(
    wide: TabularLanguageModel, evidence: Any, inside: Any
) -> None:
    drawn = wide.sample(300, {"size": evidence}, random_state=0)["size"]
    assert inside(drawn).all()
    assert drawn.nunique() > 60
    done = wide.complete_many([{"size": evidence}] * 50, ["count"], random_state=0)
    found = pd.Series([row["size"] for row in done])
    assert inside(found).all()
    assert found.nunique() > 20


def test_whole_numbers_drawn_of_a_range_are_whole_and_in_it(wide: TabularLanguageModel) -> None:
    drawn = wide.sample(300, {"count": Above(40)}, random_state=0)["count"]
    assert pd.api.types.is_integer_dtype(drawn)
    assert drawn.min() > 40
    assert drawn.nunique() > 30


def test_rows_are_completed_alike_with_the_same_seed(wide: TabularLanguageModel) -> None:
    first, again = (wide.complete_many([{}] * 3, ["size"], random_state=5) for _ in range(2))
    assert first == again


def test_answers_of_many_rows_are_told(wide: TabularLanguageModel) -> None:
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

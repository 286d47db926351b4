"""The laws of probability, on the default backend and any query."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.inference.admissible import admissible_values
from tabwidget.inference.evidence import Above, Below, Between, NoneOf, OneOf, describe
from tabwidget.model import TabularLanguageModel
from tabwidget.table.values import is_missing
from tests.strategies import evidence, examples, questions, seeds

Floats = NDArray[np.float64]

ROWS = 200
FLOAT = 1e-5  # the backend computes in float32
PRUNED = 1e-3  # probability that a set may lose: values of weight below 1e-5 are dropped
INCOHERENCE = 0.15  # total variation between contexts of different targets
CATEGORIES = ["color", "sold", "note"]
LISTED = ["size", "month"]
BINNED = ["weight", "count", "day"]
NUMBERS = [*LISTED, *BINNED]
EVERY = [*CATEGORIES, *NUMBERS]

few = examples(5)


def mixed() -> pd.DataFrame:
    """Return a table of every kind, with dependent columns, one cell in ten missing."""
    rng = np.random.default_rng(0)
    color = rng.choice(["blue", "green", "red"], ROWS, p=[0.3, 0.2, 0.5])
    size = rng.integers(1, 5, ROWS)
    months = pd.DatetimeIndex([f"2024-{month:02}-01" for month in size])
    frame = pd.DataFrame(
        {
            "color": pd.Categorical(color, ["red", "green", "blue", "gray"]),
            "size": pd.array(size, dtype="Int64"),
            "weight": rng.normal(size=ROWS) + size,
            "count": rng.poisson(30 * size),
            "sold": pd.array(rng.random(ROWS) < 0.2 * size, dtype="boolean"),
            "day": pd.date_range("2024-01-01", periods=ROWS),
            "month": months.tz_localize("Asia/Tokyo"),
            "note": pd.array(np.where(color == "red", "hot", "cold"), dtype="string"),
        }
    )
    for name in frame.columns.drop("count"):
        frame.loc[rng.random(ROWS) < 0.1, name] = None
    return frame


FRAME = mixed()


@pytest.fixture(scope="module")
def lm() -> TabularLanguageModel:
    """Return a model of two members, so that answers have a spread."""
    return TabularLanguageModel(
        model_config=ModelConfig(width=16, members=2),
        training=TrainingConfig(max_steps=30),
        random_state=0,
    ).fit(FRAME)


def distance(p: Floats, q: Floats) -> float:
    """Return the total variation distance of two distributions, 0 to 1."""
    return float(np.abs(p - q).sum() / 2)


def everything(lm: TabularLanguageModel, name: str) -> list[Any]:
    """Return evidence that admits every value of a column."""
    column = lm.schema[name]
    if not column.is_number:
        return [OneOf(*column.support)]
    low, high = column.value(column.low), column.value(column.high)
    ranges = [Between(low, high), Above(low, inclusive=True), Below(high, inclusive=True)]
    return ranges if column.edges is not None else [*ranges, OneOf(*column.support)]


def cells_of(row: int) -> dict[str, Any]:
    """Return the present cells of a row of the table."""
    cells = {name: FRAME[name].iat[row] for name in EVERY}
    return {name: cell for name, cell in cells.items() if not is_missing(cell)}


# One answer


@few
@given(data=st.data())
def test_probabilities_sum_to_one_and_stay_in_the_support(
    lm: TabularLanguageModel, data: st.DataObject
) -> None:
    target, known = data.draw(questions(lm.schema))
    found = lm.conditional(target, known)
    assert found.support is lm.schema[target].support
    assert found.probabilities.shape == found.support.shape
    assert (found.probabilities >= 0).all()
    assert found.probabilities.sum() == pytest.approx(1)
    assert 0 <= found.order_spread <= 1


@few
@given(data=st.data(), q=st.floats(0, 1))
def test_quantile_and_cdf_are_inverse(
    lm: TabularLanguageModel, data: st.DataObject, q: float
) -> None:
    target, known = data.draw(questions(lm.schema, targets=NUMBERS))
    found = lm.conditional(target, known)
    value = found.quantile(q)
    if target == "weight":
        assert found.cdf(value) == pytest.approx(q, abs=1e-9)
    else:  # whole numbers and milliseconds jump
        before = lm.schema[target].number(value) - (1 if target != "day" else 2e-3)
        assert found.cdf(value) >= q - 1e-6
        assert found.cdf(lm.schema[target].value(before)) <= q + 1e-6


@few
@given(data=st.data(), p=st.floats(0.01, 0.99))
def test_an_interval_contains_its_probability(
    lm: TabularLanguageModel, data: st.DataObject, p: float
) -> None:
    target, known = data.draw(questions(lm.schema, targets=NUMBERS))
    found = lm.conditional(target, known)
    low, high = found.interval(p)
    below = lm.schema[target].value(lm.schema[target].number(low) - 1)
    # A listed number is inside the interval as a whole; dates are exact to a second.
    assert found.cdf(high) - found.cdf(below) >= p - 1e-4
    if target == "weight":
        assert found.cdf(high) - found.cdf(low) == pytest.approx(p, abs=1e-6)


@few
@given(data=st.data())
def test_the_mean_and_all_quantiles_lie_within_the_numbers_seen(
    lm: TabularLanguageModel, data: st.DataObject
) -> None:
    target, known = data.draw(questions(lm.schema, targets=NUMBERS))
    found, column = lm.conditional(target, known), lm.schema[target]
    values = [found.mean(), found.mode(), *(found.quantile(q) for q in (0, 0.3, 0.9, 1))]
    assert all(column.low <= column.number(value) <= column.high for value in values)


# Evidence


@few
@given(data=st.data())
@pytest.mark.parametrize("name", EVERY)
def test_evidence_that_admits_everything_changes_nothing(
    lm: TabularLanguageModel, name: str, data: st.DataObject
) -> None:
    target, known = data.draw(questions(lm.schema, without=name))
    plain = lm.conditional(target, known)
    for every in everything(lm, name):
        found = lm.conditional(target, {**known, name: every})
        doubt = plain.order_spread + found.order_spread
        assert distance(found.probabilities, plain.probabilities) <= doubt + PRUNED, every


@few
@given(data=st.data())
def test_a_set_of_one_is_the_value(lm: TabularLanguageModel, data: st.DataObject) -> None:
    target, known = data.draw(questions(lm.schema))
    name = data.draw(st.sampled_from([name for name in EVERY if name not in (target, *known)]))
    value = data.draw(st.sampled_from(lm.schema[name].support.tolist()))
    np.testing.assert_allclose(
        lm.conditional(target, {**known, name: OneOf(value)}).probabilities,
        lm.conditional(target, {**known, name: value}).probabilities,
        atol=FLOAT,
    )


@few
@given(data=st.data(), closed=st.sampled_from(["both", "left", "right", "neither"]))
@pytest.mark.parametrize("name", LISTED)
def test_a_range_around_one_listed_number_is_the_number(
    lm: TabularLanguageModel, name: str, data: st.DataObject, closed: Any
) -> None:
    target, known = data.draw(questions(lm.schema, without=name))
    column = lm.schema[name]
    number = data.draw(st.sampled_from(column.grid.tolist()))
    if name == "size":
        around = Between(number - 0.5, number + 0.5, closed)
    else:
        day = pd.Timedelta(days=1)
        around = Between(column.value(number) - day, column.value(number) + day, closed)
    np.testing.assert_allclose(
        lm.conditional(target, {**known, name: around}).probabilities,
        lm.conditional(target, {**known, name: column.value(number)}).probabilities,
        atol=FLOAT,
    )


@few
@given(data=st.data())
@pytest.mark.parametrize("name", [*CATEGORIES, *LISTED])
def test_a_set_is_the_mixture_of_its_values(
    lm: TabularLanguageModel, name: str, data: st.DataObject
) -> None:
    target, known = data.draw(questions(lm.schema, without=name, values=True))
    levels = lm.schema[name].support.tolist()
    # All of them together are no evidence, which is another law.
    some = st.lists(st.sampled_from(levels), min_size=1, max_size=len(levels) - 1, unique=True)
    chosen = data.draw(some)
    weights = lm.predict_proba(known, name, chosen)
    each = [lm.conditional(target, {**known, name: level}).probabilities for level in chosen]
    found = lm.conditional(target, {**known, name: OneOf(*chosen)}).probabilities
    np.testing.assert_allclose(found, weights @ np.array(each), atol=PRUNED)


@few
@given(data=st.data())
@pytest.mark.parametrize("name", [*CATEGORIES, *LISTED])
def test_a_column_left_out_is_the_mixture_over_it(
    lm: TabularLanguageModel, name: str, data: st.DataObject
) -> None:
    target, known = data.draw(questions(lm.schema, without=name, values=True))
    weights = lm.conditional(name, known)
    each = [lm.conditional(target, {**known, name: level}) for level in weights.support]
    mixture = weights.probabilities @ np.array([found.probabilities for found in each])
    plain = lm.conditional(target, known)
    doubts = weights.probabilities @ np.array([found.order_spread for found in each])
    doubt = plain.order_spread + weights.order_spread + doubts
    # Each context is of one target, so that no joint distribution lies behind their answers.
    assert distance(mixture, plain.probabilities) <= doubt + INCOHERENCE


@few
@given(data=st.data())
@pytest.mark.parametrize("name", [*CATEGORIES, *LISTED])
def test_the_complement_of_a_set_is_the_other_set(
    lm: TabularLanguageModel, name: str, data: st.DataObject
) -> None:
    target, known = data.draw(questions(lm.schema, without=name))
    levels = data.draw(st.permutations(lm.schema[name].support.tolist()))
    cut = data.draw(st.integers(1, len(levels) - 1))
    np.testing.assert_allclose(
        lm.conditional(target, {**known, name: NoneOf(*levels[:cut])}).probabilities,
        lm.conditional(target, {**known, name: OneOf(*levels[cut:])}).probabilities,
        atol=FLOAT,
    )


@few
@given(data=st.data())
@pytest.mark.parametrize("name", NUMBERS)
def test_a_range_is_the_mixture_of_its_two_parts(
    lm: TabularLanguageModel, name: str, data: st.DataObject
) -> None:
    target, known = data.draw(questions(lm.schema, without=name, values=True))
    column = lm.schema[name]
    # Not from the lowest on: the whole range says nothing, which is another law.
    start = column.value(column.grid[1])
    cut = column.value(data.draw(st.sampled_from(column.grid[2:].tolist())))
    low, high = Between(start, cut, "left"), Between(cut, column.value(column.high))
    both = Between(low.low, high.high)
    mass = lm.conditional(name, known)
    above = mass.cdf(high.high) - mass.cdf(just_below(lm, name, cut))
    share = above / (mass.cdf(high.high) - mass.cdf(just_below(lm, name, start)))
    parts = [lm.conditional(target, {**known, name: part}).probabilities for part in (low, high)]
    found = lm.conditional(target, {**known, name: both}).probabilities
    mixture = (1 - share) * parts[0] + share * parts[1]
    assert distance(found, mixture) <= PRUNED + cut_bin_error(lm, target, known, name, cut)


def cut_bin_error(
    lm: TabularLanguageModel, target: str, known: dict[str, Any], name: str, cut: Any
) -> float:
    """Bound the error of a cut through a bin: each part conditions on its own number in it."""
    column = lm.schema[name]
    if column.edges is None:
        return 0.0
    [code] = column.codes(np.array([column.number(cut)]))
    start = column.value(column.grid[1])
    sides = [Between(start, cut, "left"), Above(cut, inclusive=True), Above(start, inclusive=True)]
    admitted = [admissible_values(side, column) for side in sides]
    numbers = np.unique(np.concatenate([a.numbers[a.codes == code] for a in admitted]))
    values = numbers if column.kind == "numeric" else column.restore(numbers)
    found = [lm.conditional(target, {**known, name: value}).probabilities for value in values]
    widest = max(distance(one, other) for one in found for other in found)
    mass = lm.conditional(name, known).probabilities
    return float(widest * mass[code] / mass[1:].sum())


def just_below(lm: TabularLanguageModel, name: str, value: Any) -> Any:
    column = lm.schema[name]
    step = {"size": 1.0, "count": 1.0, "weight": 0.0}.get(name, 1e-3)
    return column.value(column.number(value) - step)


@few
@given(data=st.data())
def test_the_order_of_evidence_does_not_matter(
    lm: TabularLanguageModel, data: st.DataObject
) -> None:
    target, known = data.draw(questions(lm.schema))
    turned = dict(data.draw(st.permutations(list(known.items()))))
    one, other = lm.conditional(target, known), lm.conditional(target, turned)
    # Sets are expanded one after the other, each given those before.
    doubt = one.order_spread + other.order_spread
    assert distance(one.probabilities, other.probabilities) <= doubt + PRUNED


@few
@given(data=st.data())
def test_earlier_queries_change_nothing(lm: TabularLanguageModel, data: st.DataObject) -> None:
    target, known = data.draw(questions(lm.schema))
    before = lm.conditional(target, known)
    lm.sample(2)
    lm.conditional(*data.draw(questions(lm.schema)))
    after = lm.conditional(target, known)
    np.testing.assert_array_equal(before.probabilities, after.probabilities)
    assert before.order_spread == after.order_spread


@few
@given(data=st.data())
def test_a_survey_is_the_conditional_of_each(lm: TabularLanguageModel, data: st.DataObject) -> None:
    _, known = data.draw(questions(lm.schema))
    for name, found in lm.survey(known).items():
        alone = lm.conditional(name, known)
        np.testing.assert_allclose(found.probabilities, alone.probabilities, atol=FLOAT)
        assert found.order_spread == pytest.approx(alone.order_spread, abs=FLOAT)


# Rows


@few
@given(data=st.data(), target=st.sampled_from(EVERY))
def test_rows_of_a_frame_are_predicted_as_each_alone(
    lm: TabularLanguageModel, data: st.DataObject, target: str
) -> None:
    places = data.draw(st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=5))
    together = lm.predict_proba_many(FRAME.iloc[places], target)
    for place, found in zip(places, together, strict=True):
        known = cells_of(place)
        known.pop(target, None)
        np.testing.assert_allclose(found, lm.predict_proba(known, target), atol=FLOAT)
        alone = lm.conditional(target, known).probabilities
        np.testing.assert_allclose(found, alone, atol=FLOAT)


@few
@given(data=st.data(), target=st.sampled_from(EVERY))
def test_candidates_share_the_probability_of_the_support(
    lm: TabularLanguageModel, data: st.DataObject, target: str
) -> None:
    assume(lm.schema[target].edges is None)
    known = cells_of(data.draw(st.integers(0, ROWS - 1)))
    known.pop(target, None)
    levels = lm.schema[target].support.tolist()
    chosen = data.draw(st.lists(st.sampled_from(levels), min_size=1, unique=True))
    every = dict(zip(levels, lm.predict_proba(known, target), strict=True))
    total = sum(every[level] for level in chosen)
    expected = [every[level] / total for level in chosen]
    assert lm.predict_proba(known, target, chosen) == pytest.approx(expected, abs=FLOAT)


def test_the_likelihood_of_every_training_row_is_finite(lm: TabularLanguageModel) -> None:
    found = lm.log_likelihood(FRAME)
    assert np.isfinite(found).all()
    assert (found < 0).all()


@pytest.mark.parametrize("name", EVERY)
def test_the_likelihood_of_one_cell_is_its_probability(lm: TabularLanguageModel, name: str) -> None:
    cells, column = FRAME[[name]].dropna(), lm.schema[name]
    marginal = lm.conditional(name).probabilities
    expected = marginal[column.codes(column.numbers(cells[name]))]
    np.testing.assert_allclose(np.exp(lm.log_likelihood(cells)), expected, atol=FLOAT)


@few
@given(row=st.integers(0, ROWS - 1), pair=st.permutations(EVERY).map(lambda names: names[:2]))
def test_the_likelihood_of_two_cells_is_that_of_one_and_of_the_other_given_it(
    lm: TabularLanguageModel, row: int, pair: list[str]
) -> None:
    cells = cells_of(row)
    assume(all(name in cells for name in pair))
    found = lm.log_likelihood(FRAME.iloc[[row]][pair])[0]
    either = []
    for first, then in (pair, pair[::-1]):
        p = probability(lm, first, cells, {}) * probability(lm, then, cells, {first: cells[first]})
        either.append(math.log(p))
    assert min(either) - 1e-3 <= found <= max(either) + 1e-3


def probability(
    lm: TabularLanguageModel, name: str, cells: dict[str, Any], known: dict[str, Any]
) -> float:
    column = lm.schema[name]
    [cell] = column.codes(column.numbers([cells[name]]))
    return float(lm.conditional(name, known).probabilities[cell])


# Draws


@few
@given(data=st.data(), seed=seeds)
def test_samples_have_the_dtypes_and_stay_in_the_support(
    lm: TabularLanguageModel, data: st.DataObject, seed: int
) -> None:
    _, known = data.draw(questions(lm.schema))
    drawn = lm.sample(data.draw(st.integers(0, 20)), known, random_state=seed)
    pd.testing.assert_series_equal(drawn.dtypes, FRAME.dtypes)
    assert not drawn.isna().any().any()
    for name, column in lm.schema.items():
        numbers = column.numbers(drawn[name])
        assert (column.codes(numbers) >= 0).all()
        if column.is_number:
            assert ((numbers >= column.low) & (numbers <= column.high)).all()


@few
@given(data=st.data(), seed=seeds)
def test_samples_satisfy_the_evidence(
    lm: TabularLanguageModel, data: st.DataObject, seed: int
) -> None:
    _, known = data.draw(questions(lm.schema))
    drawn = lm.sample(10, known, random_state=seed)
    for name, given_ in known.items():
        check_satisfied(lm, name, given_, drawn[name])


def check_satisfied(lm: TabularLanguageModel, name: str, given: Any, cells: pd.Series) -> None:
    column = lm.schema[name]
    numbers = column.numbers(cells)
    if isinstance(given, Between):
        ends = column.number(given.low), column.number(given.high)
    elif isinstance(given, Above):
        ends = column.number(given.value), math.inf
    elif isinstance(given, Below):
        ends = -math.inf, column.number(given.value)
    else:
        values = given.values if isinstance(given, OneOf) else [given]
        inside = np.isin(numbers, column.numbers(list(values)))
        assert (~inside if isinstance(given, NoneOf) else inside).all()
        return
    assert ((numbers >= ends[0]) & (numbers <= ends[1])).all()


@few
@given(row=st.integers(0, ROWS - 1), wanted=st.sets(st.sampled_from(EVERY)))
def test_completion_keeps_the_evidence(
    lm: TabularLanguageModel, row: int, wanted: set[str]
) -> None:
    known = {name: cell for name, cell in cells_of(row).items() if name not in wanted}
    completed = lm.complete(known, sorted(wanted))
    assert list(completed) == [*known, *sorted(wanted)]
    for name, cell in known.items():
        assert completed[name] == cell
    for name in wanted:
        [place] = lm.schema[name].codes(lm.schema[name].numbers([completed[name]]))
        assert place >= 0


@few
@given(data=st.data())
def test_a_formula_is_equivalent_to_its_evidence(
    lm: TabularLanguageModel, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(EVERY))
    known = {name: data.draw(evidence(lm.schema[name]))}
    target = "note" if name != "note" else "sold"
    found = lm.conditional(target, known)
    written = lm.conditional(f"{target} | {describe(name, known[name])}")
    np.testing.assert_allclose(found.probabilities, written.probabilities, atol=FLOAT)

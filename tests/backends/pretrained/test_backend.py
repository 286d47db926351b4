"""The pretrained backend behind `TabularLanguageModel`."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabwidget import Between, OneOf, TabularLanguageModel, datasets
from tabwidget.backends import Backend, resolve
from tabwidget.backends.pretrained.backend import PretrainedBackend
from tabwidget.errors import NotFittedError


def fitted(frame: pd.DataFrame, seed: int = 0) -> TabularLanguageModel:
    """Return a model of a frame."""
    return TabularLanguageModel(backend="pretrained", random_state=seed).fit(frame)


@pytest.fixture(scope="module")
def penguins() -> TabularLanguageModel:
    """Return a model of the penguins."""
    return fitted(datasets.load("penguins"))


def test_it_is_a_backend() -> None:
    backend = resolve("pretrained")
    assert isinstance(backend, Backend)
    assert isinstance(backend, PretrainedBackend)
    with pytest.raises(NotFittedError, match="call fit"):
        backend.predict(np.full((1, 2), np.nan), [0], 1)


def test_it_answers_without_training(penguins: TabularLanguageModel) -> None:
    found = penguins.conditional("species", {"bill_length_mm": 39.0, "island": "Torgersen"})
    assert found.mode() == "Adelie"
    assert found.probabilities.max() > 0.9
    heavy = penguins.conditional("body_mass_g", {"species": "Gentoo", "sex": "male"})
    light = penguins.conditional("body_mass_g", {"species": "Adelie", "sex": "female"})
    assert heavy.mean() > light.mean() + 1_500


def test_nothing_known_gives_the_shares(penguins: TabularLanguageModel) -> None:
    frame = datasets.load("penguins")
    for name, found in penguins.survey({}).items():
        column = penguins.schema[name]
        codes = column.codes(column.numbers(frame[name]))
        shares = np.bincount(codes[codes >= 0], minlength=len(column.support)) / (codes >= 0).sum()
        assert np.abs(shares - found.probabilities).sum() / 2 < 0.02


def test_sets_and_ranges_are_marginalized(penguins: TabularLanguageModel) -> None:
    given = {"island": OneOf("Dream", "Biscoe"), "bill_length_mm": Between(35, 40)}
    found = penguins.conditional("species", given)
    assert found.mode() == "Adelie"
    joint = penguins.conditional(["species", "sex"], {"island": "Dream"})
    assert joint.probabilities.sum() == pytest.approx(1, abs=1e-6)


def test_samples_have_the_dtypes_of_the_table(penguins: TabularLanguageModel) -> None:
    drawn = penguins.sample(30, random_state=1)
    assert (drawn.dtypes == datasets.load("penguins").dtypes).all()
    assert drawn.equals(penguins.sample(30, random_state=1))


def test_surprise_is_out_of_fold() -> None:
    frame = datasets.load("iris")
    frame.loc[7, "species"] = "virginica"
    cells = pd.DataFrame(fitted(frame).log_likelihood(frame, per_cell=True))
    assert cells["species"].idxmin() == 7
    assert cells["species"][7] < -3


def test_a_saved_model_holds_the_rows_and_answers_equally(
    tmp_path: Path, penguins: TabularLanguageModel
) -> None:
    penguins.save(tmp_path / "model")
    loaded = TabularLanguageModel.load(tmp_path / "model")
    given = {"island": "Dream", "bill_length_mm": 45.0}
    for name in ("species", "body_mass_g"):
        one, other = penguins.conditional(name, given), loaded.conditional(name, given)
        assert np.array_equal(one.probabilities, other.probabilities)


def test_copies_answer_equally(penguins: TabularLanguageModel) -> None:
    given = {"island": "Dream"}
    expected = penguins.conditional("species", given).probabilities
    for copied in (copy.deepcopy(penguins), pickle.loads(pickle.dumps(penguins))):
        assert np.array_equal(copied.conditional("species", given).probabilities, expected)


def test_more_rows_extend_the_context() -> None:
    frame = datasets.load("iris")
    model = fitted(frame[frame["species"] != "virginica"])
    model.partial_fit(frame[frame["species"] == "virginica"])
    assert model.conditional("species", {"petal width (cm)": 2.2}).mode() == "virginica"


def test_more_rows_extend_the_context_of_a_loaded_model(tmp_path: Path) -> None:
    frame = datasets.load("iris")
    fitted(frame[frame["species"] != "virginica"]).save(tmp_path / "model")
    model = TabularLanguageModel.load(tmp_path / "model")
    model.partial_fit(frame[frame["species"] == "virginica"])
    assert model.conditional("species", {"petal width (cm)": 2.2}).mode() == "virginica"
    assert model.conditional("species", {"petal width (cm)": 0.2}).mode() == "setosa"


def test_calibration_is_out_of_fold(penguins: TabularLanguageModel) -> None:
    assert penguins.calibration("species").attrs["ece"] < 0.1


def test_two_fits_are_equal_to_the_last_bit() -> None:
    frame = datasets.load("iris")
    one, other = (fitted(frame).log_likelihood(frame.head(9)) for _ in range(2))
    assert np.array_equal(one, other)


cells = st.one_of(st.none(), st.sampled_from(["a", "b", "c"]))
numbers = st.one_of(st.none(), st.integers(-3, 3), st.floats(-1e6, 1e6))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(cells, numbers, st.booleans()), min_size=2, max_size=12), st.data())
def test_any_small_table_is_answered(
    rows: list[tuple[object, object, bool]], data: st.DataObject
) -> None:
    frame = pd.DataFrame(rows, columns=["level", "number", "flag"])
    frame = frame.dropna(axis=1, how="all")
    model = fitted(frame)
    evidence = model.table_.row(data.draw(st.integers(0, len(frame) - 1)))  # type: ignore[union-attr]
    for target in model.schema.targets:
        given = {name: value for name, value in evidence.items() if name != target}
        for known in ({}, given):
            p = model.conditional(target, known).probabilities
            assert np.isfinite(p).all()
            assert p.sum() == pytest.approx(1, abs=1e-6)


def test_a_table_with_text_and_more_levels_than_classes() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 25, 200)
    words = np.array([f"word{g} other{g % 5} and more" for g in group])
    frame = pd.DataFrame(
        {
            "level": [f"l{g:02}" for g in group],
            "text": [f"{w} text {i}" for i, w in enumerate(words)],
            "x": group + rng.normal(size=200),
        }
    )
    model = fitted(frame)
    found = model.conditional("level", {"text": words[0] + " text 0", "x": float(group[0])})
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-6)
    assert f"l{group[0]:02}" in found.support[np.argsort(-found.probabilities)[:5]]

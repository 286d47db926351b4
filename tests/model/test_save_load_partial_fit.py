"""Save, load, resume, partial_fit, and calibration of a fitted model."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabwidget import (
    BracketSerializer,
    ModelConfig,
    TabularLanguageModel,
    TrainingConfig,
)
from tabwidget.callbacks import Callback
from tabwidget.errors import ConfigError, DataFileError, EvidenceError, NotFittedError
from tests.backends.fakes import FakeBackend

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "kind": pd.Categorical(RNG.choice(["a", "b"], 160), categories=["b", "a", "unused"]),
        "when": pd.date_range("2020-01-01", periods=160, tz="Europe/Berlin").to_numpy().repeat(1),
        "count": pd.array(RNG.integers(0, 5, 160), dtype="Int64"),
        "size": RNG.normal(size=160),
    }
)
FRAME["size"] += FRAME["kind"].eq("a") * 3
FRAME.loc[::11, "count"] = pd.NA
GIVEN = {"count": 2, "size": 1.0}


def fresh(**settings: object) -> TabularLanguageModel:
    return TabularLanguageModel(
        training=TrainingConfig(max_steps=30),
        model_config=ModelConfig(width=16, layers=1, heads=2, members=2),
        serializer=BracketSerializer(),
        random_state=0,
        **settings,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def lm() -> TabularLanguageModel:
    return fresh().fit(FRAME, target_cols=["kind"])


@pytest.fixture
def saved(lm: TabularLanguageModel, tmp_path: Path) -> Path:
    lm.save(tmp_path / "model")
    return tmp_path / "model"


def same_answers(one: TabularLanguageModel, other: TabularLanguageModel) -> bool:
    asked: dict[str, dict[str, Any]] = {
        "kind": GIVEN,
        "size": {"kind": "a"},
        "when": {},
        "count": {},
    }
    each = [[m.conditional(name, given) for name, given in asked.items()] for m in (one, other)]
    rows, again = one.log_likelihood(FRAME), other.log_likelihood(FRAME)
    return np.array_equal(rows, again) and all(
        np.array_equal(a.probabilities, b.probabilities) and a.order_spread == b.order_spread
        for a, b in zip(*each, strict=True)
    )


def test_predictions_of_a_loaded_model_are_equal_to_the_last_bit(
    lm: TabularLanguageModel, saved: Path
) -> None:
    loaded = TabularLanguageModel.load(saved)
    assert same_answers(lm, loaded)
    assert loaded.get_params()["training"] == lm.training
    assert isinstance(loaded.serializer, BracketSerializer)


def test_a_loaded_model_samples_the_same_dtypes(lm: TabularLanguageModel, saved: Path) -> None:
    drawn = TabularLanguageModel.load(saved).sample(5, random_state=3)
    pd.testing.assert_frame_equal(drawn, lm.sample(5, random_state=3))
    pd.testing.assert_series_equal(drawn.dtypes, FRAME.dtypes)


def test_another_process_reads_it_without_pickle(lm: TabularLanguageModel, saved: Path) -> None:
    script = f"""
        import sys, tabwidget
        lm = tabwidget.TabularLanguageModel.load({str(saved)!r})
        print(repr(lm.conditional("kind", {GIVEN!r}).probabilities.tolist()))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == lm.conditional("kind", GIVEN).probabilities.tolist()
    assert {path.suffix for path in saved.iterdir()} == {".json", ".safetensors"}


def test_no_row_is_saved_where_it_is_not_wanted(lm: TabularLanguageModel, tmp_path: Path) -> None:
    lm.save(tmp_path / "network", rows=False)
    cell = np.float64(FRAME["size"].iloc[7])
    for file in (tmp_path / "network").iterdir():
        content = file.read_bytes()
        assert repr(float(cell)).encode() not in content
        assert cell.tobytes() not in content


def test_a_damaged_file_is_named(saved: Path) -> None:
    (weights,) = saved.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(DataFileError, match=weights.name):
        TabularLanguageModel.load(saved)


def test_saving_before_a_fit_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        fresh().save(tmp_path)


def test_a_custom_backend_cannot_be_saved(tmp_path: Path) -> None:
    lm = TabularLanguageModel(FakeBackend()).fit(FRAME)
    with pytest.raises(ConfigError, match="no backend 'fake'"):
        lm.save(tmp_path / "model")


def test_a_loaded_model_can_be_resumed(saved: Path) -> None:
    loaded = TabularLanguageModel.load(saved)
    loaded.fit(FRAME, resume=True)
    assert loaded.state.step > 0
    assert loaded.conditional("kind", GIVEN).probabilities.sum() == pytest.approx(1)


def test_a_checkpoint_is_written_during_training_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabwidget.model.tabular_language_model.CHECKPOINT_SECONDS", 0)
    seen = []

    class Watch(Callback):
        def on_event(self, state: object, event: object) -> None:
            seen.append((tmp_path / "model" / "model.json").exists())

    lm = fresh(callbacks=[Watch()]).fit(FRAME, checkpoint=tmp_path / "model")
    assert True in seen[:-1]
    assert same_answers(lm, TabularLanguageModel.load(tmp_path / "model"))


@pytest.mark.parametrize("loaded", [False, True])
def test_partial_fit_adds_levels(saved: Path, loaded: bool) -> None:
    lm = TabularLanguageModel.load(saved) if loaded else fresh().fit(FRAME)
    more = pd.DataFrame({"kind": ["c"] * 40, "size": RNG.normal(20, 1, 40), "count": 7})
    lm.partial_fit(more)
    assert lm.schema["kind"].support.tolist() == ["b", "a", "c"]
    assert lm.schema["size"].high > 18
    answer = lm.conditional("kind", {"size": 20.0, "count": 7})
    assert answer.probabilities.sum() == pytest.approx(1)
    assert answer.probabilities[2] > 0.1  # after 30 steps, from none at all
    assert set(lm.sample(20, random_state=0)["kind"]) <= {"a", "b", "c"}


def test_partial_fit_rejects_cells_of_another_kind_without_a_change(
    lm: TabularLanguageModel,
) -> None:
    before = lm.conditional("kind", GIVEN).probabilities
    with pytest.raises(EvidenceError, match="'size' is numeric"):
        lm.partial_fit(pd.DataFrame({"size": ["tall"]}))
    np.testing.assert_array_equal(lm.conditional("kind", GIVEN).probabilities, before)


def test_log_likelihood_per_cell(lm: TabularLanguageModel) -> None:
    odd = FRAME.head(6).copy()
    odd.loc[odd.index[0], "size"] = FRAME["size"].max() if odd["kind"].iloc[0] == "b" else -3.0
    # A row of the table itself would be predicted without the row.
    odd.loc[odd.index[1], "size"] += 0.5
    cells = lm.log_likelihood(odd, per_cell=True)
    assert isinstance(cells, pd.DataFrame)
    assert cells.shape == (6, 4)
    assert cells.index.equals(odd.index)
    assert (cells.isna() == odd.isna()).all(axis=None)
    row = odd.iloc[1]
    known = {"when": row["when"], "size": row["size"], "count": row["count"]}
    p = lm.conditional("kind", known)
    at = lm.schema["kind"].support.tolist().index(row["kind"])
    assert cells.loc[odd.index[1], "kind"] == pytest.approx(np.log(p.probabilities[at]), abs=1e-5)


def test_calibration_uses_validation_rows_or_a_frame(lm: TabularLanguageModel) -> None:
    validation = lm.calibration("kind")
    assert validation["n"].sum() == 2 * round(0.1 * len(FRAME))
    given = lm.calibration("size", FRAME.tail(50))
    assert given.columns.tolist() == ["share", "observed", "n"]
    assert 0 <= given.attrs["ece"] <= 1


def test_calibration_of_a_loaded_model_needs_a_frame(saved: Path) -> None:
    loaded = TabularLanguageModel.load(saved)
    with pytest.raises(ConfigError, match=r"give calibration\(\) a frame"):
        loaded.calibration("kind")
    assert loaded.calibration("kind", FRAME.head(30))["n"].sum() == 30

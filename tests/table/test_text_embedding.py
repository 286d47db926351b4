"""Free text: embedded as evidence, never a target."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.errors import ColumnError, EvidenceError
from tabwidget.inference.evidence import OneOf
from tabwidget.model import TabularLanguageModel
from tabwidget.table import Table
from tabwidget.table.text_embedding import TextEmbedding

SAID = {"good": ["warm", "kind", "bright"], "bad": ["cold", "rude", "dark"]}


def reviews(n: int = 120) -> pd.DataFrame:
    """Return texts all different, in which one word in nine implies the mood."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        mood = ["good", "bad"][i % 2]
        word = rng.choice(SAID[mood])
        rows.append((f"we came on day {i} and it was {word} in there", mood, float(i % 7)))
    return pd.DataFrame(rows, columns=["said", "mood", "size"])


@pytest.fixture(scope="module")
def lm() -> TabularLanguageModel:
    training = TrainingConfig(max_steps=150)
    small = ModelConfig(width=32, layers=1, heads=2, members=1)
    return TabularLanguageModel(training=training, model_config=small, random_state=0).fit(
        reviews()
    )


def test_prose_is_evidence_without_levels() -> None:
    column = Table(reviews()).schema["said"]
    assert (column.kind, column.role, len(column.support)) == ("text", "evidence", 0)
    assert "not as a target" in column.note


def test_words_predict_other_columns(lm: TabularLanguageModel) -> None:
    for mood, words in SAID.items():
        for word in words:
            given = {"said": f"oh how {word} it was"}
            assert lm.conditional("mood", given).mode() == mood


def test_a_frame_is_read_as_its_rows(lm: TabularLanguageModel) -> None:
    frame = reviews().head(8)[["said"]]
    many = lm.predict_proba_many(frame, "mood")
    one = [lm.predict_proba({"said": text}, "mood") for text in frame["said"]]
    np.testing.assert_allclose(many, one, atol=1e-5)


def test_a_missing_text_is_no_evidence(lm: TabularLanguageModel) -> None:
    frame = pd.DataFrame({"said": ["it was kind", None]})
    nothing = lm.conditional("mood").probabilities
    np.testing.assert_allclose(lm.predict_proba_many(frame, "mood")[1], nothing, atol=1e-6)


def test_text_is_not_a_target(lm: TabularLanguageModel) -> None:
    with pytest.raises(ColumnError, match="'said' is free text: usable as evidence"):
        lm.conditional("said", {"mood": "good"})


def test_evidence_on_text_is_a_single_text(lm: TabularLanguageModel) -> None:
    with pytest.raises(EvidenceError, match="'said' is free text"):
        lm.conditional("mood", {"said": OneOf("a text", "another")})


def test_rows_are_sampled_without_text_and_completed_with_it(lm: TabularLanguageModel) -> None:
    assert list(lm.sample(3, {"said": "it was kind"})) == ["mood", "size"]
    done = lm.complete({"said": "it was kind"}, ["mood", "size"])
    assert done["said"] == "it was kind"
    assert done["mood"] in SAID


def test_text_is_not_part_of_the_likelihood(lm: TabularLanguageModel) -> None:
    frame = reviews().head(6)
    without = lm.log_likelihood(frame.drop(columns="said"))
    np.testing.assert_allclose(lm.log_likelihood(frame), without, rtol=1e-6)
    cells = lm.log_likelihood(frame, per_cell=True)
    assert isinstance(cells, pd.DataFrame)
    assert list(cells) == ["mood", "size"]
    assert cells["mood"].mean() > np.log(0.8)


def test_a_saved_model_embeds_text_alike(lm: TabularLanguageModel, tmp_path: Path) -> None:
    lm.save(tmp_path / "model")
    loaded = TabularLanguageModel.load(tmp_path / "model")
    given = {"said": "it was rude"}
    np.testing.assert_array_equal(
        loaded.conditional("mood", given).probabilities, lm.conditional("mood", given).probabilities
    )


def test_losses_and_previews_are_of_the_tables_columns(lm: TabularLanguageModel) -> None:
    assert set(lm.state.column_losses) == {"mood", "size"}
    assert all("[1]" not in name for name in lm.state.column_losses)


def test_the_histogram_of_text_is_its_frequent_words() -> None:
    bars = Table(reviews()).histogram("said")
    assert bars[0]["count"] == 120
    assert "came" in {bar["label"] for bar in bars}


def test_texts_without_common_words_have_no_embedding() -> None:
    assert TextEmbedding.fit(["one two three four", "five six seven eight"]) is None


def test_more_rows_are_learned_with_their_text(lm: TabularLanguageModel) -> None:
    more = reviews(40)
    grown = TabularLanguageModel(
        training=TrainingConfig(max_steps=5), model_config=lm.model_config, random_state=0
    ).fit(reviews(80))
    grown.partial_fit(more)
    assert grown.conditional("mood", {"said": "it was kind"}).support.tolist() == ["bad", "good"]

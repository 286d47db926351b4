"""word_attributions: leave-one-out effects, pieces of long texts, and extreme probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tabwidget.textclass.word_attribution import word_attributions


def counted(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the probability of a label whose log-odds are the goals minus the fouls."""
    odds = np.array([text.count("goal") - text.count("foul") for text in texts])
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)


def test_effects_are_positive_or_negative() -> None:
    text = "a goal, a foul and a goal"
    whole, words = word_attributions(counted, text)
    assert whole == pytest.approx(1 / (1 + np.exp(-1)))
    effects = {text[word.start : word.end]: word.effect for word in words}
    assert effects == pytest.approx({"a": 0, "goal,": 1, "foul": -1, "and": 0, "goal": 1}, abs=1e-6)
    [foul] = [word for word in words if word.effect < -0.5]
    assert foul.without == pytest.approx(1 / (1 + np.exp(-2)))


def test_one_space_is_removed_with_a_word() -> None:
    seen: list[str] = []

    def record(texts: Sequence[str]) -> NDArray[np.float64]:
        seen.extend(texts)
        return np.full(len(texts), 0.5)

    word_attributions(record, "one two\nthree")
    assert seen == ["one two\nthree", " two\nthree", "one three", "one two\n"]


def test_scripts_without_spaces_are_split_by_character() -> None:
    _, words = word_attributions(counted, "\u6771\u4eac goal")
    assert [(word.start, word.end) for word in words] == [(0, 1), (1, 2), (3, 7)]


def test_probabilities_of_zero_and_one_have_finite_effects() -> None:
    def sure(texts: Sequence[str]) -> NDArray[np.float64]:
        return np.array([float("b" in text) for text in texts])

    _, words = word_attributions(sure, "a b c")
    assert words[1].effect > 30
    assert all(np.isfinite(word.effect) for word in words)


@given(st.text(max_size=400))
def test_pieces_cover_every_word_and_are_bounded(text: str) -> None:
    sizes: list[int] = []

    def record(texts: Sequence[str]) -> NDArray[np.float64]:
        sizes.append(len(texts))
        return np.full(len(texts), 0.5)

    _, words = word_attributions(record, text, max_pieces=20)
    assert sizes[0] <= 21
    kept = list(text)
    for word in words:
        kept[word.start : word.end] = " " * (word.end - word.start)
    assert not "".join(kept).strip()


def test_long_texts_are_split_into_pieces() -> None:
    text = "so " * 50 + "a goal" + " so" * 50
    whole, words = word_attributions(counted, text, max_pieces=4)
    assert [word.n_words for word in words] == [26, 26, 26, 24]
    [piece] = [word for word in words if word.effect > 0.5]
    again, parts = word_attributions(counted, text, within=(piece.start, piece.end), max_pieces=30)
    assert again == whole
    [goal] = [word for word in parts if word.effect > 0.5]
    assert text[goal.start : goal.end] == "goal"
    assert (goal.n_words, goal.without) == (1, piece.without)

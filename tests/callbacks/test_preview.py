"""Preview: the training examples of a fit to display."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwidget.callbacks.preview import Preview, visible
from tabwidget.events import TrainExamples
from tests.callbacks.fakes import START


def test_each_fit_shows_its_first_rows() -> None:
    preview, event = Preview(3), TrainExamples(0.1, ("a", "b"))
    for _ in range(2):
        assert preview.take(START) == []
        assert [preview.take(event) for _ in range(3)] == [["a", "b"], ["a"], []]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe 語", "größe 語"),
        ("a\nb\t", r"a\nb\t"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\u202e", r"\u202e"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_visible_text_is_one_printable_line(text: str) -> None:
    assert visible(text).isprintable()

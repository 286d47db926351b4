"""Generated code: a source as an expression, and settings that differ from their defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabwidget.config import TrainingConfig
from tabwidget.inference.query import Query
from tabwidget.serializers import BracketSerializer, SpacedDigits
from tabwidget.session.codegen import fitting_code, source_code


@pytest.mark.parametrize(
    ("source", "name", "expression"),
    [
        ("penguins", "penguins", "'penguins'"),
        (Path("a b.csv"), "a b", "'a b.csv'"),
        (object(), "df", "df"),
        (object(), "lambda", "frame"),
    ],
)
def test_a_source_is_an_expression(source: object, name: str, expression: str) -> None:
    assert source_code(source, name) == expression


def test_defaults_are_left_out_and_imports_are_complete() -> None:
    code = fitting_code(
        "df",
        backend="auto",
        model_config=None,
        serializer=BracketSerializer(number=SpacedDigits(2)),
        training=TrainingConfig(max_seconds=3.0),
        random_state=0,
        targets=("y",),
        asked=Query(("y",), {"x": 1}),
    )
    first, *_, last = code.splitlines()
    imported = "BracketSerializer, SpacedDigits, TabularLanguageModel, TrainingConfig"
    assert first == f"from tabwidget import {imported}"
    assert last == 'lm.conditional("y", {"x": 1})'
    assert "backend=" not in code


def test_the_code_of_answers_before_training_does_not_train() -> None:
    lines = fitting_code(
        "df",
        backend="pretrained",
        model_config=None,
        serializer="json",
        training=TrainingConfig(max_seconds=3.0, batch_size=64),
        trained=False,
        random_state=0,
        targets=(),
        asked=None,
    ).splitlines()
    assert lines[2] == "# Not trained yet: max_seconds=3.0 trains."
    assert "training=TrainingConfig(batch_size=64, max_seconds=0)" in lines[3]

"""Exceptions, and the helpers nearest and require."""

from __future__ import annotations

import pytest

from tabwidget import errors
from tabwidget.errors import FormulaError, MissingExtraError, TabwidgetError, nearest, require


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("TableError", ValueError),
        ("ColumnError", LookupError),
        ("EvidenceError", ValueError),
        ("FormulaError", ValueError),
        ("ConfigError", ValueError),
        ("NotFittedError", AttributeError),
        ("ConstraintError", RuntimeError),
        ("DataFileError", OSError),
        ("MissingExtraError", ImportError),
    ],
)
def test_each_error_is_a_standard_exception(name: str, standard: type[Exception]) -> None:
    error = getattr(errors, name)
    assert issubclass(error, TabwidgetError)
    assert issubclass(error, standard)


@pytest.mark.parametrize("name", ["ColumnError", "DataFileError", "MissingExtraError"])
def test_a_message_is_unchanged(name: str) -> None:
    assert str(getattr(errors, name)("no 'x' here")) == "no 'x' here"


def test_a_formula_error_has_a_caret_under_its_position() -> None:
    message, formula, caret = str(FormulaError("wrong", "a | b", 4)).splitlines()
    assert (message, formula) == ("wrong", "  a | b")
    assert formula[caret.index("^")] == "b"


def test_the_caret_is_right_in_a_formula_of_several_lines() -> None:
    _, formula, caret = str(FormulaError("wrong", "a |\n\tb", 5)).splitlines()
    assert formula[caret.index("^")] == "b"


def test_nearest_ignores_case() -> None:
    assert nearest("drem", ["Dream", "Biscoe"]) == " Did you mean 'Dream'?"


def test_nearest_is_empty_without_a_similar_word() -> None:
    assert nearest("xyz", ["Dream", "Biscoe"]) == ""


def test_a_missing_package_names_the_pip_command() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'tabwidget\[text\]'"):
        require("no_such_package.part", "text")

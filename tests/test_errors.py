"""The exception tree and its helpers."""

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
def test_each_error_is_ours_and_the_standard_one(name: str, standard: type[Exception]) -> None:
    error = getattr(errors, name)
    assert issubclass(error, TabwidgetError)
    assert issubclass(error, standard)


@pytest.mark.parametrize("name", ["ColumnError", "DataFileError", "MissingExtraError"])
def test_a_message_is_shown_as_it_is(name: str) -> None:
    assert str(getattr(errors, name)("no 'x' here")) == "no 'x' here"


def test_a_formula_error_puts_a_caret_under_the_place() -> None:
    message, formula, caret = str(FormulaError("wrong", "a | b", 4)).splitlines()
    assert (message, formula) == ("wrong", "  a | b")
    assert formula[caret.index("^")] == "b"


def test_the_caret_of_a_formula_of_several_lines_is_still_under_the_place() -> None:
    _, formula, caret = str(FormulaError("wrong", "a |\n\tb", 5)).splitlines()
    assert formula[caret.index("^")] == "b"


def test_nearest_finds_a_word_whatever_its_case() -> None:
    assert nearest("drem", ["Dream", "Biscoe"]) == " Did you mean 'Dream'?"


def test_nearest_is_silent_without_a_likely_word() -> None:
    assert nearest("xyz", ["Dream", "Biscoe"]) == ""


def test_a_missing_package_names_the_command() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'tabwidget\[text\]'"):
        require("no_such_package.part", "text")

"""The sample tables."""

from __future__ import annotations

import pandas as pd
import pytest

from tabwidget import datasets
from tabwidget.errors import ConfigError
from tabwidget.table import Table

TARGETS = {
    "penguins": ("species", 344, 8),
    "iris": ("species", 150, 5),
    "wine": ("cultivar", 178, 14),
    "breast_cancer": ("diagnosis", 569, 31),
    "diabetes": ("progression", 442, 11),
}


def test_every_sample_is_tested() -> None:
    assert datasets.names() == list(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_a_sample_has_its_rows_and_its_target(name: str) -> None:
    target, n_rows, n_columns = TARGETS[name]
    frame = datasets.load(name)
    assert frame.shape == (n_rows, n_columns)
    assert target in Table(frame).schema.targets


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_class_labels_are_text(name: str) -> None:
    labels = datasets.load(name)[TARGETS[name][0]]
    assert set(map(type, labels)) == {str}


def test_the_penguins_are_complete() -> None:
    penguins = datasets.load("penguins")
    assert penguins["species"].value_counts().to_dict() == {
        "Adelie": 152,
        "Gentoo": 124,
        "Chinstrap": 68,
    }
    assert int(penguins.isna().sum().sum()) == 19


def test_a_sample_can_be_changed_without_changing_the_next() -> None:
    iris = datasets.load("iris")
    iris["species"] = "none"
    assert datasets.load("iris")["species"].nunique() == 3


@pytest.mark.parametrize("name", TARGETS)
def test_a_description_gives_the_number_of_rows(name: str) -> None:
    assert datasets.describe(name).startswith(f"{TARGETS[name][1]} ")


@pytest.mark.parametrize("ask", [datasets.load, datasets.describe])
def test_an_unknown_sample_names_the_nearest(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(ConfigError, match=r"no sample 'pengins'.*Did you mean 'penguins'\?"):
        ask("pengins")


def test_a_sample_has_no_index_column() -> None:
    assert isinstance(datasets.load("penguins").index, pd.RangeIndex)


@pytest.mark.parametrize("name", datasets.names())
def test_source_and_license_are_named(name: str) -> None:
    assert any(license in datasets.source(name) for license in ("CC0", "CC BY 4.0", "BSD"))

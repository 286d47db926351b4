"""Sample tables: penguins from this package, the others from scikit-learn."""

from __future__ import annotations

from importlib import resources

import pandas as pd

from tabwidget.errors import ConfigError, nearest

__all__ = ["describe", "load", "names", "source"]

_DESCRIPTIONS = {
    "penguins": "344 penguins of three species: bill, flipper, body mass, sex, island and year",
    "iris": "150 iris flowers of three species: length and width of sepals and petals",
    "wine": "178 wines of three cultivars: 13 chemical measurements",
    "breast_cancer": "569 tumors, malignant or benign: 30 measurements of cell nuclei",
    "diabetes": "442 patients: ten measurements, and the progression of diabetes a year later",
}
_SOURCES = {
    "penguins": "Horst, Hill and Gorman (2020), palmerpenguins, doi:10.5281/zenodo.3960218; "
    "measured by Gorman, Williams and Fraser (2014), PLoS ONE 9(3): e90081. CC0",
    "iris": "Fisher (1936), Annals of Eugenics 7: 179-188; UCI Machine Learning Repository, "
    "doi:10.24432/C56C76. CC BY 4.0",
    "wine": "Aeberhard and Forina (1992); UCI Machine Learning Repository, doi:10.24432/C5PC7J. "
    "CC BY 4.0",
    "breast_cancer": "Wolberg, Mangasarian, Street and Street (1995); UCI Machine Learning "
    "Repository, doi:10.24432/C5DW2B. CC BY 4.0",
    "diabetes": "Efron, Hastie, Johnstone and Tibshirani (2004), Annals of Statistics 32: 407-499; "
    "as scikit-learn ships it. BSD-3-Clause",
}
_TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
}


def names() -> list[str]:
    """Return the names of the sample tables.

    Examples
    --------
    >>> names()
    ['penguins', 'iris', 'wine', 'breast_cancer', 'diabetes']
    """
    return list(_DESCRIPTIONS)


def describe(name: str) -> str:
    """Return a one-line description of a sample.

    Raises
    ------
    ConfigError
        If there is no such sample; names the nearest.

    Examples
    --------
    >>> describe("iris")
    '150 iris flowers of three species: length and width of sepals and petals'
    """
    _check(name)
    return _DESCRIPTIONS[name]


def source(name: str) -> str:
    """Return the author, publication and license of a sample.

    Raises
    ------
    ConfigError
        If there is no such sample; names the nearest.

    Examples
    --------
    >>> source("penguins").endswith("CC0")
    True
    """
    _check(name)
    return _SOURCES[name]


def load(name: str) -> pd.DataFrame:
    """Load a sample table.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    DataFrame
        A new copy, with class labels as text and measurements in their original units.

    Raises
    ------
    ConfigError
        If there is no such sample; names the nearest.

    Examples
    --------
    >>> load("penguins").shape
    (344, 8)
    >>> load("iris")["species"].unique().tolist()
    ['setosa', 'versicolor', 'virginica']
    """
    _check(name)
    if name == "penguins":
        with resources.files("tabwidget").joinpath("data/penguins.csv").open(encoding="utf-8") as f:
            return pd.read_csv(f)
    return _from_sklearn(name)


def _from_sklearn(name: str) -> pd.DataFrame:
    from sklearn import datasets  # slow to import; only these samples need it

    # Original units, which are readable on a slider.
    options = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(as_frame=True, **options)
    frame: pd.DataFrame = bunch.data.copy()
    labels = bunch.target if name == "diabetes" else bunch.target_names[bunch.target]
    frame[_TARGETS[name]] = labels
    return frame


def _check(name: str) -> None:
    if name not in _DESCRIPTIONS:
        raise ConfigError(
            f"there is no sample {name!r}: one of {', '.join(names())}." + nearest(name, names())
        )

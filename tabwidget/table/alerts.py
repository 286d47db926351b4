"""Alerts: columns to look at before asking a model: constant, duplicate, or leaking the target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tabwidget._typing import Ints
from tabwidget.table.table import Table

__all__ = ["alerts"]

SCREENED_ROWS = 5_000  # compared first; only columns that agree there are compared in all rows
MAX_LEVELS_SHARE = 0.2  # of the rows: with more values, determining the target is no surprise


def alerts(table: Table, target: str | None = None) -> dict[str, list[str]]:
    """Return what to look out for, in words, by column; columns without an alert are left out.

    Parameters
    ----------
    table : Table
        The rows.
    target : str, optional
        The column that matters most: others are said to leak it if they determine it in all rows.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2] * 10, "b": ["x", "y"] * 10, "c": 5, "d": range(20)})
    >>> for name, found in alerts(Table(frame), "a").items():
    ...     print(name, found)
    a ["says the same as 'b'"]
    b ["says the same as 'a'"]
    c ['has the same value in every row']
    """
    found: dict[str, list[str]] = {}
    frame = table.frame
    usable = [name for name, column in table.schema.items() if column.role == "feature"]
    varied = []
    for name in usable:
        if table.schema[name].n_unique < 2:
            found.setdefault(name, []).append("has the same value in every row")
        else:
            varied.append(name)
    first = frame.iloc[:SCREENED_ROWS]
    screened = {name: _codes(first[name]) for name in varied}
    for group in _equal(screened):
        exact = {name: _codes(frame[name]) for name in group}
        for same in _equal(exact):
            for name in same:
                others = ", ".join(repr(other) for other in same if other != name)
                found.setdefault(name, []).append(f"says the same as {others}")
    if target in varied:
        for name in varied:
            said = any(repr(target) in text for text in found.get(name, ()))
            if name != target and not said and _leaks(frame, screened, name, str(target)):
                found.setdefault(name, []).append(
                    f"each of its values goes with one value of {target!r}: does it leak it?"
                )
    return {name: found[name] for name in table.schema if name in found}


def _codes(cells: pd.Series) -> Ints:
    """Return cells as numbers of first appearance: equal up to renaming means equal here."""
    return pd.factorize(cells, use_na_sentinel=True)[0].astype(np.int64)


def _equal(codes: dict[str, Ints]) -> list[list[str]]:
    groups: dict[bytes, list[str]] = {}
    for name, numbers in codes.items():
        # With as many values as rows, any two columns agree.
        if numbers.max(initial=0) + 1 < len(numbers):
            groups.setdefault(numbers.tobytes(), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def _leaks(frame: pd.DataFrame, screened: dict[str, Ints], name: str, target: str) -> bool:
    return _determines(screened[name], screened[target]) and _determines(
        _codes(frame[name]), _codes(frame[target])
    )


def _determines(codes: Ints, target: Ints) -> bool:
    """Return whether each value goes with one value of the target, and there are few of them."""
    known = (codes >= 0) & (target >= 0)
    codes, target = codes[known], target[known]
    values: Sequence[int] = np.unique(codes)  # type: ignore[assignment]
    if not 1 < len(values) <= MAX_LEVELS_SHARE * len(codes):
        return False
    return len(np.unique(codes * (target.max() + 1) + target)) == len(values)

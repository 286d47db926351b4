"""DataFrames of the notebook's namespace."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from tabwidget.widgets.frames import name_of, user_frames


def test_outside_a_notebook_there_are_none() -> None:
    assert user_frames() == {}
    assert name_of(pd.DataFrame({"a": [1]})) is None


def test_frames_are_found_by_variable_and_hidden_ones_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    df, other = pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [2]})
    shell = SimpleNamespace(user_ns={"df": df, "_hidden": other, "n": 3})
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    assert list(user_frames()) == ["df"]
    assert name_of(df) == "df"
    assert name_of(other) is None

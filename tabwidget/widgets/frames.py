"""DataFrames of the notebook: the user's variables that can be loaded."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["name_of", "user_frames"]


def user_frames() -> dict[str, pd.DataFrame]:
    """Return the DataFrames of the notebook's namespace by variable name."""
    from IPython import get_ipython

    shell = get_ipython()
    namespace: dict[str, Any] = {} if shell is None else dict(shell.user_ns)
    return {
        name: value
        for name, value in namespace.items()
        if isinstance(value, pd.DataFrame) and not name.startswith("_")
    }


def name_of(frame: pd.DataFrame) -> str | None:
    """Return the variable that holds a DataFrame; None if there is none."""
    return next((name for name, value in user_frames().items() if value is frame), None)

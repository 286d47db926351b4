"""The exception tree: one base class, and under each error the standard error a caller would catch.

::

    TabwidgetError
     ├─ TableError (ValueError)          the data itself: empty, one row, duplicate names, ...
     ├─ ColumnError (LookupError)        no such column; the nearest is named
     ├─ EvidenceError (ValueError)       a value outside a column's support; the nearest is named
     ├─ FormulaError (ValueError)        a malformed formula, with a caret under the place
     ├─ ConfigError (ValueError)         a setting out of range, or one that cannot be used now
     ├─ NotFittedError (AttributeError)  asked before ``fit``
     ├─ ConstraintError (RuntimeError)   too few of the drawn rows fulfil the constraints
     ├─ DataFileError (OSError)          a missing file, or a file that is not a table
     └─ MissingExtraError (ImportError)  an optional package is absent; says how to install it
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType

__all__ = [
    "ColumnError",
    "ConfigError",
    "ConstraintError",
    "DataFileError",
    "EvidenceError",
    "FormulaError",
    "MissingExtraError",
    "NotFittedError",
    "TableError",
    "TabwidgetError",
    "nearest",
    "require",
]


class TabwidgetError(Exception):
    """Base of every error this package raises on purpose."""

    def __str__(self) -> str:
        # LookupError and OSError would quote or number the message.
        return str(self.args[0]) if self.args else ""


class TableError(TabwidgetError, ValueError):
    """The table cannot be used as it is."""


class ColumnError(TabwidgetError, LookupError):
    """A column that the table does not have."""


class EvidenceError(TabwidgetError, ValueError):
    """A value that the column cannot take."""


class ConfigError(TabwidgetError, ValueError):
    """A setting that is out of range or does not fit the others."""


class NotFittedError(TabwidgetError, AttributeError):
    """The model was asked something before it was fitted."""


class ConstraintError(TabwidgetError, RuntimeError):
    """Too few of the drawn rows fulfil the constraints."""


class DataFileError(TabwidgetError, OSError):
    """A file that is missing or does not hold a table."""


class MissingExtraError(TabwidgetError, ImportError):
    """An optional dependency is not installed."""


class FormulaError(TabwidgetError, ValueError):
    """A formula that cannot be read.

    Parameters
    ----------
    message : str
        What is wrong, and the mend.
    text : str
        The formula.
    position : int
        Offset in `text` of the place that is wrong.
    """

    def __init__(self, message: str, text: str, position: int) -> None:
        # A line break or a tab would carry the caret elsewhere.
        line = "".join(" " if c.isspace() else c for c in text)
        super().__init__(f"{message}\n  {line}\n  {' ' * position}^")
        self.message = message
        self.text = text
        self.position = position


def nearest(word: object, choices: Iterable[object]) -> str:
    """Return `` Did you mean 'x'?`` for the choice closest to `word`, or an empty string.

    Examples
    --------
    >>> nearest("specis", ["species", "island"])
    " Did you mean 'species'?"
    """
    by_folded = {str(choice).casefold(): str(choice) for choice in choices}
    found = difflib.get_close_matches(str(word).casefold(), by_folded, n=1, cutoff=0.55)
    return f" Did you mean {by_folded[found[0]]!r}?" if found else ""


def require(module: str, extra: str) -> ModuleType:
    """Import an optional `module`, or raise `MissingExtraError` with the pip command.

    Examples
    --------
    >>> require("json", "lab").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{module.split('.')[0]!r} is not installed: pip install 'tabwidget[{extra}]'"
        ) from error

"""Exceptions: one base class, each with the standard exception that callers would catch.

::

    TabwidgetError
     ├─ TableError (ValueError)          unusable data: empty, one row, duplicate names, ...
     ├─ ColumnError (LookupError)        no such column; suggests the nearest
     ├─ EvidenceError (ValueError)       a value outside a column's support; suggests the nearest
     ├─ FormulaError (ValueError)        a malformed formula, with a caret under the position
     ├─ ConfigError (ValueError)         a setting that is out of range or incompatible
     ├─ NotFittedError (AttributeError)  queried before ``fit``
     ├─ ConstraintError (RuntimeError)   too few sampled rows satisfy the constraints
     ├─ DataFileError (OSError)          a file that is missing or not a table
     └─ MissingExtraError (ImportError)  a missing optional package; names the pip command
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
    """Base class of the exceptions of this package."""

    def __str__(self) -> str:
        # The __str__ of LookupError and OSError would alter the message.
        return str(self.args[0]) if self.args else ""


class TableError(TabwidgetError, ValueError):
    """The table is unusable."""


class ColumnError(TabwidgetError, LookupError):
    """The table has no such column."""


class EvidenceError(TabwidgetError, ValueError):
    """A value is outside the support of its column."""


class ConfigError(TabwidgetError, ValueError):
    """A setting is out of range or incompatible with others."""


class NotFittedError(TabwidgetError, AttributeError):
    """The model was queried before it was fitted."""


class ConstraintError(TabwidgetError, RuntimeError):
    """Too few sampled rows satisfy the constraints."""


class DataFileError(TabwidgetError, OSError):
    """A file is missing or does not contain a table."""


class MissingExtraError(TabwidgetError, ImportError):
    """An optional dependency is not installed."""


class FormulaError(TabwidgetError, ValueError):
    """A formula is malformed.

    Parameters
    ----------
    message : str
        The problem and its fix.
    text : str
        The formula.
    position : int
        Offset of the problem in `text`.
    """

    def __init__(self, message: str, text: str, position: int) -> None:
        # Line breaks and tabs would misplace the caret.
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

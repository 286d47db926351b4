"""RowsView: the rows of a table in the order and the selection that a grid shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabwidget._typing import Bools, Floats
from tabwidget.errors import ConfigError
from tabwidget.session.cell_text import CellText
from tabwidget.table import Table

__all__ = ["RowsSettings", "RowsView"]


@dataclass(frozen=True)
class RowsSettings:
    """Which rows a grid shows, and in which order.

    Attributes
    ----------
    sort : str or None
        The column to sort by; None for the table's own order.
    descending : bool
        Whether the largest value comes first. Missing cells come last either way.
    search : str
        Only rows with a cell that contains this text.
    matching_only : bool
        Only rows that match the evidence of the current question.
    by_surprise : bool
        The rows with the most surprising cell first, instead of `sort`.
    """

    sort: str | None = None
    descending: bool = False
    search: str = ""
    matching_only: bool = False
    by_surprise: bool = False


class RowsView:
    """The rows of a table, sorted, searched and matched.

    Parameters
    ----------
    table : Table
        The table; it is never changed.

    Attributes
    ----------
    settings : RowsSettings
        What `order` was made with.
    order : ndarray of int32
        Positions in the table of the rows shown.
    version : int
        Grows whenever `order` is made anew.

    Examples
    --------
    >>> from tabwidget.table import as_table
    >>> view = RowsView(as_table("penguins"))
    >>> view.arrange(RowsSettings(sort="body_mass_g", descending=True, search="dream"))
    >>> len(view.order), view.cells(["island", "body_mass_g"], 0, 2)
    (124, {'island': ['Dream', 'Dream'], 'body_mass_g': ['4800', '4650']})
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.settings = RowsSettings()
        self.order: npt.NDArray[np.int32] = np.arange(len(table), dtype=np.int32)
        self.version = 0
        self._text: dict[str, CellText] = {}

    def arrange(
        self,
        settings: RowsSettings,
        matching: Bools | None = None,
        surprise: Floats | None = None,
    ) -> None:
        """Make `order` anew.

        Parameters
        ----------
        settings : RowsSettings
            The order and the search.
        matching : ndarray of bool, optional
            Rows to show, for ``settings.matching_only``.
        surprise : ndarray of float, optional
            The surprise of each row, NaN where unknown, for ``settings.by_surprise``.

        Raises
        ------
        ColumnError
            If there is no such column to sort by.
        """
        shown = np.ones(len(self.table), dtype=bool)
        if settings.matching_only and matching is not None:
            shown &= matching
        if settings.search.strip():
            shown &= self.containing(settings.search.strip())
        if settings.by_surprise and surprise is not None:
            order = np.argsort(-surprise, kind="stable")
        elif settings.sort is not None:
            ranks = self.text(settings.sort).ranks
            order = np.argsort(-ranks if settings.descending else ranks, kind="stable")
        else:
            order = np.arange(len(self.table))
        self.settings = settings
        self.order = order[shown[order]].astype(np.int32)
        self.version += 1

    def cells(self, columns: Sequence[str], start: int, stop: int) -> dict[str, list[str | None]]:
        """Return the cells of the rows shown from `start` up to `stop` as text, by column."""
        positions = self.order[max(0, start) : max(0, stop)]
        return {name: self.text(name).at(positions) for name in columns}

    def index_of(self, position: int) -> int | None:
        """Return where a row of the table is shown; None if it is not."""
        found = np.flatnonzero(self.order == position)
        return int(found[0]) if len(found) else None

    def text(self, name: str) -> CellText:
        """Return the cells of a column as text; `ColumnError` if there is none of that name."""
        column = self.table.schema[name]
        if name not in self._text:
            self._text[name] = CellText(column, self.table.frame[name])
        return self._text[name]

    def containing(self, search: str) -> Bools:
        """Return which rows have a cell that contains a text."""
        found = np.zeros(len(self.table), dtype=bool)
        for name in self.table.schema:
            found |= self.text(name).containing(search)
        return found

    def check(self, position: int) -> int:
        """Return the position of a row; `ConfigError` if the table has no such row."""
        rows = len(self.table)
        if not 0 <= position < rows:
            raise ConfigError(f"there is no row {position}: the table has rows 0 to {rows - 1}")
        return int(position)

"""RowMethods: what a session shows of its rows, which are selected, and how surprising they are."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tabwidget._typing import Floats, Ints
from tabwidget.errors import ConfigError, NotFittedError
from tabwidget.inference.evidence import Evidence
from tabwidget.inference.matching import RowMatcher
from tabwidget.inference.query import Query
from tabwidget.model import TabularLanguageModel
from tabwidget.session.missing_cells import MissingCells
from tabwidget.session.results import Answer
from tabwidget.session.rows_view import RowsSettings, RowsView
from tabwidget.session.skill import SkillCheck
from tabwidget.session.surprise import SurprisingCells
from tabwidget.session.surprise_scan import SurpriseScan
from tabwidget.table import Table

__all__ = ["RowMethods"]


class RowMethods:
    """Methods of `Session` about the rows of its table.

    The order of the rows and the selection are the session's, so that panels and Python share
    them. Subscribers hear of them by the topics "rows", "selection" and "cells"; the last is what a
    thread in the background finds out about cells.
    """

    lock: threading.RLock
    table: Table | None
    model: TabularLanguageModel | None
    question: Query | None

    _skill: SkillCheck | None = None
    _skill_of: object = None
    _row_matcher: RowMatcher | None = None
    _surprising: dict[bool, SurprisingCells]  # plain and relative
    _view: RowsView | None = None
    _arranged_by: object = None
    _selection: tuple[int, ...] = ()
    _edits: Mapping[str, Any] = {}
    _of: Table | None = None  # the table of the selection
    _scan: SurpriseScan | None = None
    _scan_of: object = None
    _missing: MissingCells | None = None
    _missing_of: object = None

    @property
    def current_model(self) -> TabularLanguageModel | None:
        """The model as far as it is there: None while it is not prepared."""
        raise NotImplementedError

    @property
    def rows_view(self) -> RowsView:
        """The rows in the order they are shown; `ConfigError` without a table.

        Rows that must match the evidence follow the question, and those sorted by surprise are
        sorted again when all have been scored.
        """
        with self.lock:
            table = self.loaded()
            if self._view is None or self._view.table is not table:
                self._view = RowsView(table)
                self._arranged_by = self._arrangement(self._view.settings)
            view = self._view
            if self._arranged_by != self._arrangement(view.settings):
                self._arrange(view, view.settings)
            return view

    @property
    def selection(self) -> tuple[int, ...]:
        """Positions in the table of the selected rows, the newest last."""
        return self._selection if self._of is self.table else ()

    @property
    def edits(self) -> dict[str, Any]:
        """Values that replace cells of the selected row, a what-if; the table is unchanged."""
        return dict(self._edits) if self.selection else {}

    def matching(self, given: Mapping[str, Evidence] | None = None) -> Ints:
        """Return the positions of the table's rows that match evidence, in their order.

        A cell matches as the model conditions, see `tabwidget.inference.matching.RowMatcher`; a
        missing cell matches no evidence.

        Parameters
        ----------
        given : mapping of str to evidence, optional
            As in `TabularLanguageModel.conditional`; all rows by default.

        Examples
        --------
        >>> from tabwidget.session import Session
        >>> session = Session("penguins", backend="pretrained")
        >>> rows = session.matching({"island": "Dream", "species": "Adelie"})
        >>> len(rows), session.table.frame.iloc[rows]["island"].unique().tolist()
        (56, ['Dream'])
        """
        with self.lock:
            schema, matcher = self.loaded().schema, self._matcher()
        evidence = Query((), dict(given or {})).resolve(schema).evidence
        return np.flatnonzero(matcher.mask(schema, evidence))

    def surprise(
        self,
        rows: Sequence[int] | Ints | None = None,
        columns: Sequence[str] | None = None,
        *,
        relative: bool = False,
    ) -> pd.DataFrame:
        """Return how surprising each cell of the table is given the rest of its row, in bits.

        Out of sample, see `TabularLanguageModel.surprise`. What was computed is remembered until
        the model changes. Questions are answered meanwhile, so that a thread of its own can go
        through a long table: many rows at once cost less than the same rows one by one.

        Parameters
        ----------
        rows : sequence of int, optional
            Positions of rows; all by default.
        columns : sequence of str, optional
            Columns that are scored; by default all that can be targets.
        relative : bool, default False
            By how much the surprise exceeds what was to be expected, instead of -log2 p. The
            figure to compare cells of different columns by.

        Returns
        -------
        DataFrame
            The rows with the table's index and columns; NaN for missing cells, and for columns
            that are not scored.

        Raises
        ------
        NotFittedError, ColumnError, ConfigError
            Without a model, for a column that cannot be a target, or a row that is not there.

        Examples
        --------
        >>> from tabwidget.session import Session
        >>> session = Session("iris", backend="pretrained")
        >>> bits = session.surprise([149, 70], ["species"])
        >>> bits["species"].round(1).to_dict()
        {149: 0.2, 70: 5.4}
        """
        with self.lock:
            table, model = self.loaded(), self._ready_model()
            cells = self._surprising.get(relative)
            if cells is None or not cells.current(model):
                cells = SurprisingCells(model, table.frame, relative)
                self._surprising[relative] = cells
        chosen = table.schema.targets if columns is None else columns
        names = [table.schema.target_column(name).name for name in chosen]
        return cells.of(_positions(rows, len(table)), names)

    def view_rows(self, **settings: Any) -> RowsView:
        """Choose which rows are shown, and in which order.

        Parameters
        ----------
        **settings
            Fields of `RowsSettings`: ``sort``, ``descending``, ``search``, ``matching_only`` and
            ``by_surprise``. Those that are not given stay as they are.

        Examples
        --------
        >>> from tabwidget.session import Session
        >>> session = Session("penguins", backend="pretrained")
        >>> view = session.view_rows(sort="body_mass_g", descending=True, search="dream")
        >>> len(view.order), view.order[:3].tolist()
        (124, [313, 39, 45])
        """
        with self.lock:
            view = self.rows_view
            unknown = settings.keys() - {f.name for f in dataclasses.fields(RowsSettings)}
            if unknown:
                raise ConfigError(
                    f"rows have no setting {min(unknown)!r}: sort, descending, search, "
                    "matching_only and by_surprise"
                )
            if "sort" in settings and "by_surprise" not in settings:
                settings["by_surprise"] = False
            self._arrange(view, dataclasses.replace(view.settings, **settings))
        self._notify("rows")
        return view

    def select(self, *positions: int, as_evidence: bool = False) -> tuple[int, ...]:
        """Select rows of the table by their positions; none ends the selection.

        Parameters
        ----------
        *positions : int
            Positions in the table, from 0.
        as_evidence : bool, default False
            Whether to ask the current question given the cells of the newest of them.

        Examples
        --------
        >>> from tabwidget.session import Session
        >>> session = Session("penguins", backend="pretrained")
        >>> session.select(12)
        (12,)
        >>> session.row_evidence()["island"]
        'Torgersen'
        """
        with self.lock:
            view = self.rows_view
            self._selection = tuple(dict.fromkeys(view.check(row) for row in positions))
            self._edits, self._of = {}, view.table
        self._notify("selection")
        if as_evidence and positions and self.question is not None:
            self.ask(Query(self.question.targets, self.row_evidence()))
        return self.selection

    def edit_cell(self, column: str, value: object) -> None:
        """Replace a cell of the selected row, as a what-if: the table stays as it is.

        Parameters
        ----------
        column : str
            The column.
        value : object
            The value, or its text; None for a missing cell.

        Raises
        ------
        ConfigError
            If no row is selected.
        ColumnError, EvidenceError
            If the column is not used by the model, or has no such value.
        """
        with self.lock:
            if not self.selection:
                raise ConfigError("no row is selected: select one before its cells are edited")
            used = self.loaded().schema.input_column(column)
            text = value.strip() if isinstance(value, str) else value
            if text is None or text == "":
                new: Any = None
            elif used.kind == "text":
                new = str(value)
            else:
                new = used.value(used.number(text))
            self._edits = {**self._edits, column: new}
        self._notify("selection")

    def row_evidence(self, position: int | None = None) -> dict[str, Evidence]:
        """Return the known cells of a row as evidence, those of the question's targets left out.

        Parameters
        ----------
        position : int, optional
            Position in the table; the newest selected row by default, with its edited cells.
        """
        with self.lock:
            table, edits = self.loaded(), self.edits
            if position is None:
                if not self.selection:
                    raise ConfigError("no row is selected: give its position")
                position = self.selection[-1]
            else:
                position, edits = self.rows_view.check(position), {}
            targets = () if self.question is None else self.question.targets
            cells = {**table.row(position), **edits}
            return {n: v for n, v in cells.items() if v is not None and n not in targets}

    def missing_cells(self) -> MissingCells:
        """Return the predictions for missing cells, by the model as it is now."""
        with self.lock:
            model, key = self._ready_model(), self.scored_by()
            if self._missing is None or self._missing_of != key:
                self._missing = MissingCells(model, self.loaded(), lambda: self._notify("cells"))
                self._missing_of = key
            return self._missing

    def check_skill(self) -> SkillCheck | None:
        """Start to measure on how many columns the answers beat the table's own shares.

        Returns
        -------
        SkillCheck or None
            Of the model as it is now; None before there is one.
        """
        with self.lock:
            model, key = self.model, self.scored_by()
            if model is None or not model.ready:
                return None
            if self._skill is None or self._skill_of != key:
                if self._skill is not None:
                    self._skill.stop()
                self._skill_of = key
                self._skill = SkillCheck(model, self.loaded(), lambda: self._notify("cells"))
                self._skill.start()
            return self._skill

    @property
    def skill(self) -> SkillCheck | None:
        """The check of the model as it is now; None if none was begun."""
        return self._skill if self._skill_of == self.scored_by() else None

    def scan_surprise(self, *first: int) -> SurpriseScan:
        """Start or go on computing the surprise of cells in the background, and return the scan.

        Parameters
        ----------
        *first : int
            Positions of the rows to score before all others.

        Examples
        --------
        >>> from tabwidget.session import Session
        >>> scan = Session("iris", backend="pretrained").scan_surprise()
        >>> scan.total
        150
        >>> scan.stop()
        """
        with self.lock:
            table, model = self.loaded(), self._ready_model()
            key = self.scored_by()
            if self._scan is None or self._scan_of != key:
                if self._scan is not None:
                    self._scan.stop()
                self._scan_of, targets = key, model.schema.targets

                def score(rows: Ints, column: int) -> Floats:
                    # Of one column at a time, so that a question need not wait for all.
                    name = targets[column]
                    cells = table.frame.take(rows)
                    # Relative, so that levels and numbers can be compared: it finds more faults.
                    found = model.surprise(cells, columns=[name], relative=True)
                    return found[name].to_numpy()

                self._scan = SurpriseScan(
                    score, len(targets), len(table), lambda: self._notify("cells")
                )
            self._scan.look([self.rows_view.check(position) for position in first])
            self._scan.start()
            return self._scan

    @property
    def surprise_scan(self) -> SurpriseScan | None:
        """The scan of the model as it is now; None if none was begun."""
        return self._scan if self._scan_of == self.scored_by() else None

    def scored_by(self) -> tuple[int, int, bool]:
        """Return what identifies the table and the model that answers."""
        model = self.current_model
        return (id(self.table), id(model), model is not None and model.trained)

    def _matcher(self) -> RowMatcher:
        if self._row_matcher is None:
            self._row_matcher = RowMatcher(self.loaded().frame)
        return self._row_matcher

    def _forget_rows(self) -> None:
        """Forget what was computed of the rows of another table."""
        self._row_matcher, self._surprising = None, {}

    def _given(self) -> tuple[tuple[str, Evidence], ...]:
        return () if self.question is None else tuple(self.question.given.items())

    def _arrange(self, view: RowsView, settings: RowsSettings) -> None:
        matching = surprise = None
        if settings.matching_only:
            matching = np.zeros(len(view.table), dtype=bool)
            matching[self.matching(dict(self._given()))] = True
        if settings.by_surprise:
            surprise = self.scan_surprise().of_rows()
        view.arrange(settings, matching, surprise)
        self._arranged_by = self._arrangement(settings)

    def _arrangement(self, settings: RowsSettings) -> object:
        """Return what the order of the rows depends on besides the settings."""
        given = self._given() if settings.matching_only else None
        scan = self.surprise_scan
        finished = settings.by_surprise and scan is not None and not scan.running
        return given, finished

    def _ready_model(self) -> TabularLanguageModel:
        model = self.model
        if model is None or not model.ready:
            raise NotFittedError("there is no model to query yet: train it first (start or fit)")
        return model

    def loaded(self) -> Table:
        """Return the table; `ConfigError` if there is none."""
        raise NotImplementedError

    def ask(self, query: str | Query) -> Answer:
        """Ask a question, and remember it with its answer."""
        raise NotImplementedError

    def _notify(self, topic: str) -> None:
        raise NotImplementedError


def _positions(rows: Sequence[int] | Ints | None, n_rows: int) -> Ints:
    """Return positions of rows that are there; all of them for None."""
    if rows is None:
        return np.arange(n_rows)
    positions = np.asarray(rows, dtype=np.int64)
    wrong = positions[(positions < 0) | (positions >= n_rows)]
    if len(wrong):
        raise ConfigError(f"there is no row {wrong[0]}: the table has rows 0 to {n_rows - 1}")
    return positions

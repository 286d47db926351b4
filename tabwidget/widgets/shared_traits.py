"""SharedTraits: what other widgets can follow and set: question, answer, selection and rows."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import traitlets

from tabwidget.widgets.protocol import State

if TYPE_CHECKING:
    from tabwidget.session import Session

__all__ = ["SharedTraits"]

MAX_TOLD = 300
ECHO_SECONDS = 5.0  # within which the front end may say back what it was told
ROW_KEYS = ("sort", "descending", "search", "matching_only", "by_surprise", "total")
ANSWER_KEYS = ("formula", "target", "headline", "detail", "records")


class SharedTraits(traitlets.HasTraits):
    """Traits of every panel that other widgets can observe, link to and set.

    They follow the session: a question that is asked in the panel, in another panel or in Python
    appears here, and one that is set here is asked.

    Attributes
    ----------
    question : str
        The current question as a formula; empty before there is one. Setting it asks.
    answer : dict
        Its answer: ``formula``, ``target``, ``headline``, ``detail`` and ``records``, a list of
        ``{"value", "probability"}``. Empty before there is one.
    selection : list of int
        Positions of the selected rows, the newest last. Setting it selects them.
    rows : dict
        Which rows are shown and in which order: ``sort``, ``descending``, ``search``,
        ``matching_only``, ``by_surprise``, and ``total``, their number. Setting some of these
        changes them.
    seen : int
        Number of the answer on the screen, set by the front end. A host that runs cells again
        when the front end changes a trait (marimo) follows the workbench by it.
    """

    session: Session

    question = traitlets.Unicode().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)
    selection = traitlets.List(traitlets.Int()).tag(sync=True)
    rows = traitlets.Dict().tag(sync=True)
    seen = traitlets.Int().tag(sync=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._following = threading.local()
        self._told: deque[tuple[float, str, Any]] = deque(maxlen=MAX_TOLD)
        super().__init__(*args, **kwargs)

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Take traits from the front end, but not those that it only says back.

        Some hosts send all traits when one of them changes, and of these an older question than
        the one that has been asked meanwhile.
        """
        since = time.monotonic() - ECHO_SECONDS
        told = [(key, value) for at, key, value in self._told if at >= since]
        fresh = {
            key: value
            for key, value in sync_data.items()
            if key != "answer" and not any(key == k and value == v for k, v in told)
        }
        super().set_state(fresh)  # type: ignore[misc]  # of the widget

    def follow(self, slices: Mapping[str, State]) -> None:
        """Take what changed in the session."""
        with self._taking():
            if "query" in slices:
                question, answer = slices["query"]["question"], slices["query"]["answer"]
                self.question = "" if question is None else question["formula"]
                self.answer = {key: answer[key] for key in ANSWER_KEYS} if answer else {}
            if slices.get("rows", {}).get("table"):
                view, selected = slices["rows"]["view"], slices["rows"]["selected"]
                self.rows = {key: view[key] for key in ROW_KEYS}
                self.selection = selected["positions"] if selected else []
        now = time.monotonic()
        told = (("question", self.question), ("rows", self.rows), ("selection", self.selection))
        self._told.extend((now, key, value) for key, value in told)

    @contextmanager
    def _taking(self) -> Iterator[None]:
        # A session that is ahead by now must not be asked what it has left behind.
        self._following.now = True
        try:
            yield
        finally:
            self._following.now = False

    @property
    def _from_session(self) -> bool:
        return getattr(self._following, "now", False)

    @traitlets.validate("question")
    def _ask(self, proposal: Mapping[str, Any]) -> str:
        """Ask a question that was set from outside; the trait stays as it was on an error."""
        formula = str(proposal["value"])
        asked = self.session.question
        if self._from_session or not formula or (asked is not None and formula == str(asked)):
            return formula
        return str(self.session.ask(formula).query)

    @traitlets.validate("selection")
    def _select(self, proposal: Mapping[str, Any]) -> list[int]:
        positions = list(proposal["value"])
        if not self._from_session and tuple(positions) != self.session.selection:
            self.session.select(*positions)
        return positions

    @traitlets.validate("rows")
    def _view_rows(self, proposal: Mapping[str, Any]) -> State:
        wanted = dict(proposal["value"])
        if self._from_session or not wanted:
            return wanted
        changed = {key: value for key, value in wanted.items() if key != "total"}
        view = self.session.view_rows(**changed)
        return {**vars(view.settings), "total": len(view.order)}

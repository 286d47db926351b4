"""SharedTraits: what other widgets can follow and set, such as the question and its answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import traitlets

from tabwidget.widgets.protocol import State

if TYPE_CHECKING:
    from tabwidget.session import Session

__all__ = ["SharedTraits"]

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
    seen : int
        Number of the answer on the screen, set by the front end. A host that runs cells again
        when the front end changes a trait (marimo) follows the workbench by it.
    """

    session: Session

    question = traitlets.Unicode().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)
    seen = traitlets.Int().tag(sync=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._following = threading.local()
        super().__init__(*args, **kwargs)

    def follow(self, slices: Mapping[str, State]) -> None:
        """Take what changed in the session."""
        state = slices.get("query")
        if state is None:
            return
        question, answer = state["question"], state["answer"]
        with self._taking():
            self.question = "" if question is None else question["formula"]
            self.answer = {key: answer[key] for key in ANSWER_KEYS} if answer else {}

    @contextmanager
    def _taking(self) -> Iterator[None]:
        # A session that is ahead by now must not be asked what it has left behind.
        self._following.now = True
        try:
            yield
        finally:
            self._following.now = False

    @traitlets.validate("question")
    def _ask(self, proposal: Mapping[str, Any]) -> str:
        """Ask a question that was set from outside; the trait stays as it was on an error."""
        formula = str(proposal["value"])
        if getattr(self._following, "now", False) or formula in ("", self.question):
            return formula
        return str(self.session.ask(formula).query)

"""Outcomes: what a session gives back, an answer or what a choice changed."""

from __future__ import annotations

from dataclasses import dataclass

from tabwidget.inference.distribution import Distribution
from tabwidget.inference.query import Query

__all__ = ["Answer", "Change"]


@dataclass(frozen=True)
class Answer:
    """What was asked, and what came of it.

    Attributes
    ----------
    query : Query
        The question.
    distribution : Distribution
        The answer.
    seconds : float
        How long it took.
    python : str
        The line of Python that asks the same.
    """

    query: Query
    distribution: Distribution
    seconds: float
    python: str

    def __str__(self) -> str:
        bars = str(self.distribution).splitlines()[1:]
        return "\n".join([f"p({self.query})", *bars])

    def _repr_html_(self) -> str:
        return self.distribution._repr_html_()


@dataclass(frozen=True)
class Change:
    """What a choice changed, and what it made worthless.

    Attributes
    ----------
    changed : tuple of str
        Names of the choices.
    invalidates : tuple of str
        Out of "run", "model", "answer": gone with the change.
    message : str
        The same for people.
    """

    changed: tuple[str, ...]
    invalidates: tuple[str, ...]
    message: str

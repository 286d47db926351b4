"""Results of a session: an answer, a preview of a row, and the effect of a change."""

from __future__ import annotations

from dataclasses import dataclass

from tabwidget._typing import Floats
from tabwidget.backends.text.tokens import Token
from tabwidget.inference.distribution import Distribution
from tabwidget.inference.joint import JointDistribution
from tabwidget.inference.matching import Matching
from tabwidget.inference.query import Query
from tabwidget.serializers import CellSpan

__all__ = ["Answer", "Change", "RowPreview"]


@dataclass(frozen=True)
class Answer:
    """A question and its answer.

    Attributes
    ----------
    query : Query
        The question.
    distribution : Distribution or JointDistribution
        The answer; joint where the question has two targets.
    seconds : float
        Time to compute it.
    python : str
        The line of Python that asks the same.
    matching : Matching
        The table's own rows that match the evidence, counted by the target's value.
    """

    query: Query
    distribution: Distribution | JointDistribution
    seconds: float
    python: str
    matching: Matching

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return self.matching.n_rows

    @property
    def n_matching(self) -> int:
        """Rows of the table that match the evidence."""
        return self.matching.n_matching

    @property
    def shares(self) -> Floats | None:
        """Shares of the matching rows, aligned with the probabilities; None if there are none."""
        return self.matching.shares

    @property
    def share_interval(self) -> tuple[Floats, Floats] | None:
        """Lower and upper ends of the 90 % Wilson intervals of the shares."""
        return self.matching.interval(0.9)

    def __str__(self) -> str:
        bars = str(self.distribution).splitlines()[1:]
        return "\n".join([f"p({self.query})", *bars])

    def _repr_html_(self) -> str:
        return self.distribution._repr_html_()


@dataclass(frozen=True)
class RowPreview:
    """A row of the table as a model reads it.

    Attributes
    ----------
    text : str
        The whole text.
    spans : tuple of CellSpan
        The place of each cell, for rows that a serializer writes.
    tokens : tuple of Token
        The text in tokens; empty for backends that read cells, and while the tokenizer of a
        pretrained model is not on this machine.
    labels : tuple of str or None
        The row's true labels; None in tasks without labels.
    read : int
        Number of characters that the model reads; the rest is cut off.
    """

    text: str
    spans: tuple[CellSpan, ...]
    tokens: tuple[Token, ...]
    labels: tuple[str, ...] | None
    read: int


@dataclass(frozen=True)
class Change:
    """The effect of a change of a session's settings or table.

    Attributes
    ----------
    changed : tuple of str
        Names of the settings.
    invalidates : tuple of str
        Out of "run", "model", "answer": discarded because of the change.
    message : str
        The same as a sentence.
    """

    changed: tuple[str, ...]
    invalidates: tuple[str, ...]
    message: str

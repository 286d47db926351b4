"""QueryPanel: query any column given any others."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tabwidget._formatting import format_percent, format_short, format_value
from tabwidget.errors import NotFittedError
from tabwidget.inference.evidence import evidence_from_json, evidence_to_json
from tabwidget.inference.query import Query
from tabwidget.session.results import Answer
from tabwidget.widgets.panel import Panel
from tabwidget.widgets.protocol import Handler, Request, State, to_json
from tabwidget.widgets.registry import panel_classes
from tabwidget.widgets.static_html import bar_rows, escaped

if TYPE_CHECKING:
    from tabwidget.inference.distribution import Distribution
    from tabwidget.widgets.feed import Feed

__all__ = ["QueryPanel"]

MAX_RECORDS = 200
MAX_BARS = 26  # in the static view
SURVEY_SECONDS = 0.12  # of one part of a survey, about


def _ask(request: Request) -> State:
    payload = request.payload
    query: str | Query
    if "formula" in payload:
        query = str(payload["formula"])
    else:
        given = {name: evidence_from_json(e) for name, e in payload.get("given", {}).items()}
        query = Query((str(payload["target"]),), given)
    answer, number = request.feed.ask(query)
    return {"question": _question_state(answer.query), "answer": _answer_state(answer, number)}


def _survey(request: Request) -> State:
    question = request.session.question
    given = {} if question is None else question.given
    rest = request.payload.get("columns")
    if rest is None:
        rest = list(request.session.loaded().schema.targets)
    rest = [str(name) for name in rest if name not in given]
    columns: State = {}
    # A column's first answer takes long: in parts, questions that are dragged are answered between.
    began, size = time.monotonic(), 1
    while rest and (not columns or time.monotonic() < began + SURVEY_SECONDS / 2):
        part, rest = rest[:size], rest[size:]
        found = request.session.survey(given, part)
        columns |= {name: d.records()[:MAX_RECORDS] for name, d in found.items()}
        if time.monotonic() < began + SURVEY_SECONDS / 4:
            size *= 2
    return {"formula": str(question or ""), "columns": columns, "rest": rest}


def _answer_chart(request: Request) -> State:
    answer = request.session.answer
    if answer is None:
        raise NotFittedError("nothing has been asked yet")
    return {"spec": answer.distribution.plot().to_dict()}


class QueryPanel(Panel):
    """Query any column given any others: step 4 of the workbench.

    In a task whose model answers other questions, the task's own panel takes its place.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **settings
        Passed on to `Session.choose`.
    """

    name = "query"
    order = 4
    asks = True
    topics = frozenset({"table", "choices", "answer"})
    handlers: ClassVar[dict[str, Handler]] = {
        "ask": _ask,
        "survey": _survey,
        "answer-chart": _answer_chart,
    }

    @classmethod
    def drawn(cls) -> list[str]:
        """Return the names of the panels that query a model: the task's is shown."""
        return [name for name, panel in panel_classes().items() if panel.asks]

    @classmethod
    def slice(cls, feed: Feed) -> State:
        """Return the newest question and its answer."""
        answer = feed.session.answer
        number = feed.answer_number()
        if answer is None:
            return {"question": None, "answer": None}
        return {"question": _question_state(answer.query), "answer": _answer_state(answer, number)}

    @classmethod
    def static(cls, slices: Mapping[str, State]) -> str:
        """Return the answer as text bars."""
        answer = slices["query"]["answer"]
        if answer is None:
            return ""
        records = answer["records"]
        likely = sorted(records, key=lambda record: -(record["probability"] or 0))[:MAX_BARS]
        rows = bar_rows(
            (format_value(record["value"]), record["probability"] or 0)
            for record in records
            if record in likely
        )
        return (
            f"<p><code>{escaped(answer['formula'], 400)}</code></p>"
            f"<p><b>{escaped(answer['headline'])}</b> {escaped(answer['detail'], 200)}</p>"
            f"<table>{rows}</table>"
        )

    @classmethod
    def summary(cls, slices: Mapping[str, State]) -> str:
        """Return the question and the answer in a few words."""
        answer = slices["query"]["answer"]
        return "" if answer is None else f"{answer['formula']}: {answer['headline']}"


def _question_state(query: Query) -> State:
    state: State = to_json(
        {
            "formula": str(query),
            "target": query.targets[0],
            "given": {name: evidence_to_json(e) for name, e in query.given.items()},
        }
    )
    return state


def _answer_state(answer: Answer, number: int) -> State:
    """Return the distribution's records and a headline."""
    distribution = answer.distribution
    headline, detail = _in_words(distribution)
    state: State = to_json(
        {
            "number": number,
            "target": distribution.target,
            "kind": distribution.kind,
            "records": distribution.records()[:MAX_RECORDS],
            "headline": headline,
            "detail": detail,
            "seconds": answer.seconds,
            "python": answer.python,
            "formula": str(answer.query),
        }
    )
    return state


def _in_words(distribution: Distribution) -> tuple[str, str]:
    """Return a headline, and the detail that qualifies it."""
    if distribution.kind in ("categorical", "boolean"):
        order = np.argsort(distribution.probabilities)[::-1][:3]
        levels = [
            (str(distribution.support[i]), float(distribution.probabilities[i])) for i in order
        ]
        rest = ", ".join(f"{level} {format_percent(p)}" for level, p in levels[1:] if p >= 0.0005)
        headline = f"{levels[0][0]} {format_percent(levels[0][1])}"
        return headline, f"then {rest}" if rest else ""
    low, high = distribution.interval(0.9)
    between = f"90% between {format_short(low)} and {format_short(high)}"
    median = f"median {format_short(distribution.median())}"
    if distribution.kind == "datetime":
        return median, between
    return f"mean {format_short(distribution.mean())}", f"{between}, {median}"

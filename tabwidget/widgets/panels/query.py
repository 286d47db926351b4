"""QueryPanel: query any column given any others."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tabwidget._formatting import format_percent, format_short, format_value
from tabwidget.errors import NotFittedError
from tabwidget.inference.evidence import Evidence, evidence_from_json, evidence_to_json
from tabwidget.inference.joint import JointDistribution
from tabwidget.inference.matching import Matching
from tabwidget.inference.query import Query
from tabwidget.session import background
from tabwidget.session.results import Answer
from tabwidget.widgets.panel import Panel
from tabwidget.widgets.protocol import Handler, Reply, Request, State, to_json
from tabwidget.widgets.registry import panel_classes
from tabwidget.widgets.static_html import bar_rows, escaped

if TYPE_CHECKING:
    from tabwidget.inference.distribution import Distribution
    from tabwidget.widgets.feed import Feed

__all__ = ["QueryPanel"]

MAX_RECORDS = 200
MAX_PAIRS = 4_000  # of a joint distribution
INTERVAL = 0.9
MAX_BARS = 26  # in the static view
SURVEY_SECONDS = 0.12  # of one part of a survey, about


def _ask(request: Request) -> State:
    payload = request.payload
    query: str | Query
    if "formula" in payload:
        query = str(payload["formula"])
    else:
        second = payload.get("second")
        targets = (str(payload["target"]), *(() if second is None else (str(second),)))
        query = Query(targets, _given(payload))
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


def _sweep(request: Request) -> Reply:
    payload, session = request.payload, request.session
    background.asked()
    with session.lock:
        if session.model is None:
            raise NotFittedError("there is no model to query yet: train it first")
        swept = session.model.sweep(
            str(payload["target"]), _given(payload), str(payload["column"]), payload["values"]
        )
    first = swept[0]
    words = [dict(zip(("headline", "detail"), _in_words(one), strict=True)) for one in swept]
    state: State = {"records": first.records()[:MAX_RECORDS], "words": words}
    numeric = first.kind == "numeric"
    state["mean"] = [one.mean() for one in swept] if numeric else None
    ends = [one.interval(INTERVAL) for one in swept] if numeric else []
    state["low"] = [low for low, _ in ends] or None
    state["high"] = [high for _, high in ends] or None
    probabilities = np.array([one.probabilities[:MAX_RECORDS] for one in swept], dtype="<f4")
    return Reply(state, [probabilities.tobytes()])


def _given(payload: State) -> dict[str, Evidence]:
    return {name: evidence_from_json(e) for name, e in payload.get("given", {}).items()}


class QueryPanel(Panel):
    """Query any column given any others.

    In a task whose model answers other questions, the task's own panel takes its place.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        Panels over the same session stay in step.
    **settings
        Passed on to `Session.choose`.
    """

    name = "query"
    order = 5
    asks = True
    topics = frozenset({"table", "choices", "answer"})
    handlers: ClassVar[dict[str, Handler]] = {
        "ask": _ask,
        "survey": _survey,
        "sweep": _sweep,
    }

    @classmethod
    def drawn(cls) -> list[str]:
        """Return the names of the panels that query a model, and of the evidence."""
        asking = [name for name, panel in panel_classes().items() if panel.asks]
        return [*asking, "columns"]

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
    target, *others = query.targets
    state: State = to_json(
        {
            "formula": str(query),
            "target": target,
            "second": others[0] if others else None,
            "given": {name: evidence_to_json(e) for name, e in query.given.items()},
        }
    )
    return state


def _answer_state(answer: Answer, number: int) -> State:
    """Return the distribution's records and a headline."""
    distribution = answer.distribution
    target, *others = answer.query.targets
    if isinstance(distribution, JointDistribution):
        headline, detail = _joint_in_words(distribution)
        kind, records, joint = "joint", [], _pairs(distribution)
    else:
        headline, detail = _in_words(distribution)
        kind, records, joint = distribution.kind, distribution.records()[:MAX_RECORDS], None
    state: State = to_json(
        {
            "number": number,
            "target": target,
            "second": others[0] if others else None,
            "kind": kind,
            "records": records,
            "joint": joint,
            "matching": _matching_state(answer.matching, joint is None),
            "headline": headline,
            "detail": detail,
            "seconds": answer.seconds,
            "python": answer.python,
            "formula": str(answer.query),
        }
    )
    return state


def _matching_state(matching: Matching, with_shares: bool) -> State:
    """Return how many rows match the evidence, and what they say with 90 % intervals."""
    state: State = {"rows": matching.n_rows, "matching": matching.n_matching}
    interval = matching.interval(INTERVAL)
    if matching.shares is None or interval is None or not with_shares:
        return {**state, "shares": None, "low": None, "high": None}
    low, high = interval
    ends = {"low": low[:MAX_RECORDS].tolist(), "high": high[:MAX_RECORDS].tolist()}
    return {**state, "shares": matching.shares[:MAX_RECORDS].tolist(), **ends}


def _pairs(joint: JointDistribution) -> list[State]:
    """Return the probability of each pair of values, the first target down."""
    first, second = joint.targets
    pairs = [
        {"y": record[first], "x": record[second], "probability": record["probability"]}
        for record in joint.records()
    ]
    return pairs[:MAX_PAIRS]


def _joint_in_words(joint: JointDistribution) -> tuple[str, str]:
    """Return the likeliest pair, and how much one column tells of the other."""
    values = " and ".join(format_value(value) for value in joint.mode().values())
    share = format_percent(float(joint.probabilities.max()))
    bits = joint.mutual_information() / math.log(2)
    return f"{values} {share}", f"one tells {bits:.2f} bits about the other"


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
    low, high = distribution.interval(INTERVAL)
    between = f"90% between {format_short(low)} and {format_short(high)}"
    median = f"median {format_short(distribution.median())}"
    if distribution.kind == "datetime":
        return median, between
    return f"mean {format_short(distribution.mean())}", f"{between}, {median}"

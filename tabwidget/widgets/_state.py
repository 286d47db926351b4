"""A session as JSON: what the panels draw, small enough to travel as one trait."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from tabwidget.backends import BACKENDS
from tabwidget.config import QuantizationConfig
from tabwidget.inference.evidence import evidence_to_json
from tabwidget.inference.query import Query

if TYPE_CHECKING:
    from tabwidget.inference.distribution import Distribution
    from tabwidget.session import Run, Session
    from tabwidget.session.results import Answer
    from tabwidget.session.tasks.text_labels import LabelReport
    from tabwidget.table import Table

__all__ = [
    "answer_state",
    "frames",
    "labelling_state",
    "question_state",
    "report_state",
    "run_state",
    "snapshot",
    "table_state",
    "to_json",
]

State: TypeAlias = dict[str, Any]

# A curve of more points than this looks the same in a panel and makes every snapshot heavier.
MAX_POINTS = 400
MAX_RECORDS = 200
MAX_LABELS = 200


def to_json(value: Any) -> Any:
    """Return `value` as what JSON can hold: NaN and infinities become None, the rest plain.

    Examples
    --------
    >>> to_json({"a": float("nan"), "b": (1, "x")})
    {'a': None, 'b': [1, 'x']}
    """
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


def table_state(table: Table) -> State:
    """Return a table: its name, shape and columns."""
    state: State = to_json(
        {"name": table.name, "rows": len(table.frame), "columns": table.summary()}
    )
    return state


def snapshot(
    session: Session, *, table: State | None, run: State | None, answer_number: int
) -> State:
    """Return everything that the panels over `session` draw.

    Parameters
    ----------
    session : Session
        Read with its lock held, so that the parts belong together.
    table, run : dict or None
        As `table_state` and `run_state` give them: they change seldom and cost most.
    answer_number : int
        Tells one answer from the next.
    """
    from tabwidget import datasets
    from tabwidget.serializers.base import SERIALIZERS
    from tabwidget.session.tasks.base import TASKS, TEXT_LABELS

    with session.lock:
        answer = session.answer
        state: State = {
            "table": table,
            "choices": {
                "target": session.target,
                "task": session.task,
                "serializer": (
                    session.serializer
                    if isinstance(session.serializer, str)
                    else type(session.serializer).__name__
                ),
                "max_seconds": to_json(session.training.max_seconds),
                **model_state(session),
            },
            "offers": {
                "samples": list(datasets.names()),
                "frames": frames(),
                "tasks": list(TASKS),
                "serializers": list(SERIALIZERS),
                "backends": backends(),
            },
            "run": run,
            "ready": (
                session.labeling.ready if session.task == TEXT_LABELS else session.model is not None
            ),
            "labeling": labelling_state(session) if session.task == TEXT_LABELS else None,
            "question": None if answer is None else question_state(answer.query),
            "answer": None if answer is None else answer_state(answer, answer_number),
            "python": session.python() if session.table is not None else "",
        }
    return state


def model_state(session: Session) -> State:
    """Return which backend learns, and of a pretrained one which model, tuned how."""
    config = session.model_config
    lora, few = (None, None) if config is None else (config.lora, config.quantization)
    if isinstance(few, QuantizationConfig):
        few = f"{few.bits}bit"
    state: State = to_json(
        {
            "backend": session.backend,
            "model": "" if config is None or config.model is None else str(config.model),
            "rank": None if lora is None else lora.rank,
            "quantization": few,
        }
    )
    return state


def labelling_state(session: Session) -> State:
    """Return which columns are texts and labels, which model learns them, and how well it does."""
    from tabwidget.session.tasks.text_labels import STANDARD
    from tabwidget.table.label_columns import label_columns, text_columns
    from tabwidget.textclass import installed

    labeling, table = session.labeling, session.table
    report = labeling.report
    return {
        "texts": list(labeling.texts),
        "labels": list(labeling.labels),
        "delimiter": labeling.delimiter,
        "model": labeling.model or "",
        "rank": labeling.rank,
        "quantization": None if labeling.bits is None else f"{labeling.bits}bit",
        "max_length": labeling.max_length,
        "standard": STANDARD,
        "command": "" if installed() else "pip install 'tabwidget[textclass]'",
        "offers": {
            "texts": [] if table is None else text_columns(table),
            "labels": [] if table is None else label_columns(table),
        },
        "ready": labeling.ready,
        "report": None if report is None else report_state(report),
    }


def report_state(report: LabelReport) -> State:
    """Return how well texts are labeled: of all labels together, and of each."""
    rows = [
        {
            "label": label,
            **row,
            "has": report.has.get(label, []),
            "lacks": report.lacks.get(label, []),
        }
        for label, row in report.metrics["per_class"].items()
    ]
    # Of very many, the frequent ones.
    frequent = sorted(rows, key=lambda row: -row["support"])[:MAX_LABELS]
    kept = {row["label"] for row in frequent}
    state: State = to_json(
        {
            "multi": report.multi,
            "rows": report.n_rows,
            **_together(report.metrics),
            "half": None if report.at_half is None else _together(report.at_half),
            "classes": [row for row in rows if row["label"] in kept],
        }
    )
    return state


def _together(metrics: Mapping[str, Any]) -> State:
    from tabwidget.textclass.metrics import SCORES

    return {name: metrics[name] for name in SCORES}


def backends() -> list[State]:
    """Return the backends there are, and what installs those that lack something."""
    return [
        {
            "name": name,
            "title": entry.title,
            "pretrained": entry.pretrained,
            "standard": entry.standard,
            "command": "" if entry.installed else f"pip install 'tabwidget[{entry.extra}]'",
        }
        for name, entry in BACKENDS.items()
    ]


def question_state(query: Query) -> State:
    """Return a query: its formula, target and evidence."""
    state: State = to_json(
        {
            "formula": str(query),
            "target": query.targets[0],
            "given": {name: evidence_to_json(e) for name, e in query.given.items()},
        }
    )
    return state


def answer_state(answer: Answer, number: int) -> State:
    """Return an answer: the distribution's records and one line that says it."""
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


def run_state(run: Run, *, number: int, following: int, examples: Sequence[str]) -> State:
    """Return a run: its figures and the curve up to event number `following`."""
    curve = run.curve
    stride = max(1, len(curve) // MAX_POINTS)
    kept = [p for i, p in enumerate(curve) if i % stride == 0 or p["split"] == "validation"]
    return {
        **run_stats(run),
        "number": number,
        "next": following,
        "curve": to_json([p for p in kept if math.isfinite(p["loss"])]),
        "examples": list(examples),
    }


def run_stats(run: Run) -> State:
    """Return the figures of a run that go with every batch."""
    state: State = to_json(run.snapshot())
    return state


def frames() -> list[State]:
    """Return name and shape of each DataFrame in the notebook's namespace."""
    return [
        {"name": name, "rows": len(value), "columns": value.shape[1]}
        for name, value in user_frames().items()
    ]


def user_frames() -> dict[str, pd.DataFrame]:
    """Return the DataFrames of the notebook's namespace by variable name."""
    from IPython import get_ipython

    shell = get_ipython()
    namespace: dict[str, Any] = {} if shell is None else dict(shell.user_ns)
    return {
        name: value
        for name, value in namespace.items()
        if isinstance(value, pd.DataFrame) and not name.startswith("_")
    }


def _in_words(distribution: Distribution) -> tuple[str, str]:
    """Return a headline and what qualifies it."""
    if distribution.kind in ("categorical", "boolean"):
        order = np.argsort(distribution.probabilities)[::-1][:3]
        levels = [
            (str(distribution.support[i]), float(distribution.probabilities[i])) for i in order
        ]
        rest = ", ".join(f"{level} {_percent(p)}" for level, p in levels[1:] if p >= 0.0005)
        headline = f"{levels[0][0]} {_percent(levels[0][1])}"
        return headline, f"then {rest}" if rest else ""
    low, high = distribution.interval(0.9)
    between = f"90% between {_short(low)} and {_short(high)}"
    median = f"median {_short(distribution.median())}"
    if distribution.kind == "datetime":
        return median, between
    return f"mean {_short(distribution.mean())}", f"{between}, {median}"


def _percent(probability: float) -> str:
    if 0.999 <= probability < 1:
        return ">99.9%"
    return f"{probability:.1%}"


def _short(value: Any) -> str:
    """Write a number in four significant digits, and a date without an empty time."""
    if not isinstance(value, (int, float, np.number)):
        return str(value).removesuffix(" 00:00:00")
    number = float(value)
    if abs(number) >= 1e6 or (number and abs(number) < 1e-4):
        return f"{number:.3g}"
    digits = max(0, 3 - math.floor(math.log10(abs(number)))) if number else 0
    text = f"{number:,.{min(digits, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

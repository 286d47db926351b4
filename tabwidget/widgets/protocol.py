"""What a browser may ask of a session: one small function a kind of request."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.base import clone

from tabwidget.backends import BACKENDS
from tabwidget.config import LoRAConfig, ModelConfig
from tabwidget.errors import ConfigError, NotFittedError, TableError, TabwidgetError
from tabwidget.inference.evidence import evidence_from_json
from tabwidget.inference.query import Query
from tabwidget.session import Session
from tabwidget.session.tasks.base import TEXT_LABELS
from tabwidget.widgets import _state
from tabwidget.widgets._feed import Feed

__all__ = ["HANDLERS", "Reply", "answer_request"]

Payload = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """The answer to one request: a message and its buffers."""

    message: dict[str, Any]
    buffers: Sequence[bytes] = ()


@dataclass(frozen=True)
class Request:
    """One request: what is asked, with what, of which session."""

    session: Session
    feed: Feed
    payload: Payload
    buffers: Sequence[Any]


def answer_request(
    session: Session, feed: Feed, content: dict[str, Any], buffers: Sequence[Any] = ()
) -> Reply:
    """Handle ``{id, kind, payload}`` and return ``{id, ok}`` or ``{id, error}``; never raises."""
    base = {"type": "reply", "id": content.get("id")}
    kind = content.get("kind")
    handler = HANDLERS.get(str(kind))
    if handler is None:
        return Reply({**base, "error": f"there is no request {kind!r}"})
    try:
        ok, out = handler(Request(session, feed, content.get("payload") or {}, buffers))
    except TabwidgetError as error:
        return Reply({**base, "error": str(error)})
    except Exception as error:
        # Whatever it is, the person at the panel must see it, not only the kernel's log.
        first = (str(error).splitlines() or [""])[0]
        return Reply({**base, "error": f"{type(error).__name__}: {first}"})
    return Reply({**base, "ok": _state.to_json(ok)}, out)


Answered = tuple[Any, Sequence[bytes]]


def _load(request: Request) -> Answered:
    source, name = request.payload.get("source"), str(request.payload.get("name", ""))
    if source == "sample":
        change = request.session.load(name)
    elif source == "variable":
        found = _state.user_frames().get(name)
        if found is None:
            raise TableError(f"there is no DataFrame {name!r} in this notebook any more")
        change = request.session.load(found, name=name)
    elif source == "path":
        change = request.session.load(Path(name).expanduser())
    elif source == "upload":
        change = _load_upload(request, name)
    else:
        raise ConfigError(f"there is no source {source!r}: sample, variable, path or upload")
    return {"message": change.message}, ()


def _load_upload(request: Request, name: str) -> Any:
    if not request.buffers:
        raise TableError(f"the file {name!r} arrived without its content: try again")
    # Only the last part of the name is kept: it comes from outside.
    safe = Path(name.replace("\\", "/")).name or "table.csv"
    with tempfile.TemporaryDirectory(prefix="tabwidget-") as folder:
        path = Path(folder) / safe
        path.write_bytes(bytes(request.buffers[0]))
        return request.session.load(path, name=path.stem)


def _frames(request: Request) -> Answered:
    request.feed.notify("table")
    return {"frames": _state.frames()}, ()


def _choose(request: Request) -> Answered:
    model = {"model", "rank", "quantization"}
    own = {*model, "texts", "labels", "delimiter", "max_length"}
    known = {"target", "task", "serializer", "max_seconds", "backend", *own}
    unknown = sorted(set(request.payload) - known)
    if unknown:
        raise ConfigError(f"a panel cannot choose {unknown[0]!r}")
    if request.payload.get("max_seconds", 1) is None:
        raise ConfigError("seconds to train: give a number above 0")
    choices = {key: value for key, value in request.payload.items() if key not in own}
    if choices.get("task", request.session.task) == TEXT_LABELS:
        choices["labeling"] = _labelling(request.payload)
    elif {"backend", *model} & set(request.payload):
        choices["model_config"] = _model_config(request)
    return {"message": request.session.choose(**choices).message}, ()


def _labelling(payload: Payload) -> Payload:
    """Return what the panel changes of the task of texts and labels."""
    choices: Payload = {}
    as_it_is = ("texts", "labels", "rank", "max_length")
    choices |= {key: payload[key] for key in as_it_is if key in payload}
    if "delimiter" in payload:
        # Spaces are taken off each label anyway.
        choices["delimiter"] = str(payload["delimiter"]).strip() or payload["delimiter"]
    if "model" in payload:
        choices["model"] = str(payload["model"]).strip() or None
    if "quantization" in payload:
        bits = payload["quantization"]
        choices["bits"] = None if bits is None else int(str(bits).removesuffix("bit"))
    return choices


def _model_config(request: Request) -> ModelConfig | None:
    """Return the model with what the panel changes of it; None for one from scratch."""
    session, payload = request.session, request.payload
    entry = BACKENDS.get(str(payload.get("backend", session.backend)))
    if entry is None or not entry.pretrained:
        return None
    # Adapters first: they are what a laptop can tune.
    start = session.model_config or ModelConfig(lora=LoRAConfig())
    config: ModelConfig = clone(start)
    if "model" in payload:
        config.model = str(payload["model"]).strip() or None
    if "rank" in payload:
        rank = payload["rank"]
        config.lora = None if rank is None else LoRAConfig(rank=int(rank), alpha=2 * int(rank))
    if "quantization" in payload:
        config.quantization = payload["quantization"]
    return config


def _preview(request: Request) -> Answered:
    row, draw = int(request.payload.get("row", 0)), int(request.payload.get("draw", 0))
    if request.session.task == TEXT_LABELS:
        text, labels = request.session.shown(row)
        labeling = request.session.labeling
        tokens = [(end, False) for end in itertools.accumulate(map(len, labeling.tokens(text)))]
        shown = {"text": text, "spans": [], "row": row, "tokens": tokens, "labels": labels}
        return {**shown, "read": labeling.read(text)}, ()
    serialized = request.session.preview(row=row, draw=draw)
    spans = [
        {"column": span.column, "name": span.name, "value": span.value} for span in serialized.spans
    ]
    # Where each token ends, and whether it is learned.
    found = request.session.tokens(row=row, draw=draw)
    ends = itertools.accumulate(len(token.text) for token in found)
    tokens = [(end, token.learned) for end, token in zip(ends, found, strict=True)]
    text = serialized.text
    shown = {"text": text, "spans": spans, "row": row, "tokens": tokens, "labels": []}
    return {**shown, "read": len(text)}, ()


def _cost(request: Request) -> Answered:
    cost = request.session.cost()
    size = cost.size
    return {
        "cost": {
            "n_parameters": size.n_parameters,
            "n_trained": size.n_trained,
            "tokens_per_row": size.tokens_per_row,
            "seconds_per_epoch": cost.seconds_per_epoch,
            "memory": cost.memory,
            "free": cost.free,
            "advice": cost.advice,
        }
    }, ()


def _start(request: Request) -> Answered:
    request.session.start(resume=bool(request.payload.get("resume", False)))
    return {"number": request.feed.run_number()}, ()


def _stop(request: Request) -> Answered:
    request.session.stop()
    run = request.session.run
    return {"status": None if run is None else run.status}, ()


def _ask(request: Request) -> Answered:
    payload = request.payload
    query: str | Query
    if "formula" in payload:
        query = str(payload["formula"])
    else:
        given = {name: evidence_from_json(e) for name, e in payload.get("given", {}).items()}
        query = Query((str(payload["target"]),), given)
    answer, number = request.feed.ask(query)
    state = _state.answer_state(answer, number)
    return {"question": _state.question_state(answer.query), "answer": state}, ()


def _survey(request: Request) -> Answered:
    question = request.session.question
    given = {} if question is None else question.given
    found = request.session.survey(given)
    columns = {name: d.records()[: _state.MAX_RECORDS] for name, d in found.items()}
    return {"formula": str(question or ""), "columns": columns}, ()


def _thresholds(request: Request) -> Answered:
    session, payload = request.session, request.payload
    with session.lock:
        labeling = session.labeling
        if "take" in payload:
            report = labeling.take_thresholds(str(payload["take"]))
        else:
            given = {str(label): float(p) for label, p in payload.get("set", {}).items()}
            report = labeling.set_thresholds(given)
    # Every panel shows them.
    request.feed.notify("choices")
    return {"report": _state.report_state(report)}, ()


def _example(request: Request) -> Answered:
    text, labels = request.session.labeling.example(int(request.payload.get("draw", 0)))
    return {"text": text, "labels": labels}, ()


def _label(request: Request) -> Answered:
    found = request.session.labeling.label(str(request.payload.get("text", "")))
    labels = [
        {"label": label, "probability": p, "chosen": label in found.labels}
        for label, p in found.probabilities.items()
    ]
    python = f"classifier.predict_proba([{found.text!r}])"
    return {"labels": labels, "seconds": found.seconds, "python": python}, ()


def _words(request: Request) -> Answered:
    text, label = str(request.payload.get("text", "")), str(request.payload.get("label", ""))
    within = request.payload.get("within")
    place = None if within is None else (int(within[0]), int(within[1]))
    probability, words = request.session.labeling.words(text, label, place)
    read = request.session.labeling.read(text)
    weighed = [vars(word) for word in words]
    return {"label": label, "probability": probability, "words": weighed, "read": read}, ()


def _chart(request: Request) -> Answered:
    from tabwidget import charts

    name = request.payload.get("name")
    if name == "losses":
        chart = charts.loss_chart([], name="losses")
    elif name == "distribution":
        answer = request.session.answer
        if answer is None:
            raise NotFittedError("nothing has been asked yet")
        chart = answer.distribution.plot()
    else:
        raise ConfigError(f"there is no chart {name!r}")
    return {"spec": chart.to_dict()}, ()


def _catch_up(request: Request) -> Answered:
    batch = request.feed.since(int(request.payload["run"]), int(request.payload["since"]))
    if batch is None:
        return {"batch": None}, ()
    message, buffers = batch
    return {"batch": message}, buffers


HANDLERS: dict[str, Callable[[Request], Answered]] = {
    "load": _load,
    "frames": _frames,
    "choose": _choose,
    "preview": _preview,
    "cost": _cost,
    "start": _start,
    "stop": _stop,
    "ask": _ask,
    "survey": _survey,
    "thresholds": _thresholds,
    "example": _example,
    "label": _label,
    "words": _words,
    "chart": _chart,
    "catch-up": _catch_up,
}

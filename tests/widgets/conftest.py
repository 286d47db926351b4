"""What the tests of widgets share: a session with the requests that a front end would send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from tabwidget.session import Session
from tabwidget.widgets.feed import Feed
from tabwidget.widgets.protocol import answer_request
from tabwidget.widgets.registry import handlers, panel_classes
from tests.backends.text.fakes import save_tiny
from tests.textclass.fakes import WORDS, toy_texts

FRAME = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0] * 12, "g": ["a", "a", "b", "b"] * 12})


class Bench:
    """A session that answers requests, each checked to be JSON."""

    def __init__(self, source: Any = None, **settings: Any) -> None:
        self.session = Session(source, **settings)
        self.feed = Feed(self.session, panel_classes())
        self.buffers: list[bytes] = []  # of the newest reply

    def __call__(self, kind: str, payload: object = None, buffers: Any = ()) -> dict[str, Any]:
        content = {"id": "q1", "kind": kind, "payload": payload}
        reply = answer_request(handlers(), self.feed, content, buffers)
        json.dumps(reply.message, allow_nan=False)
        assert reply.message["id"] == "q1"
        self.buffers = list(reply.buffers)
        return reply.message


@pytest.fixture
def bench() -> Bench:
    return Bench(FRAME)


@pytest.fixture(scope="module")
def fitted() -> Iterator[Bench]:
    bench = Bench(FRAME)
    assert "error" not in bench("choose", {"target": "g", "max_seconds": 1.0})
    assert "ok" in bench("start", {"resume": False})
    assert bench.session.run is not None
    assert bench.session.run.wait(60)
    yield bench


@pytest.fixture(scope="module")
def labeled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    toys = toy_texts(60)
    assert toys.targets is not None
    columns = dict(zip(WORDS, toys.targets.T.astype(int), strict=True))
    bench = Bench(pd.DataFrame({"said": toys.texts, **columns}))
    tiny = str(save_tiny(tmp_path_factory.mktemp("tiny")))
    chosen = {"task": "text labels", "texts": ["said"], "labels": list(WORDS), "max_seconds": 1.0}
    assert "ok" in bench("choose", {**chosen, "model": tiny, "rank": 4, "quantization": None})
    assert "ok" in bench("start", {"resume": False})
    assert bench.session.run is not None
    assert bench.session.run.wait(60)
    assert bench.session.run.error is None
    yield bench

"""Requests: every kind is answered, and every error is one readable message."""

from __future__ import annotations

import pandas as pd
import pytest

from tabwidget.widgets.protocol import to_json
from tabwidget.widgets.registry import handlers
from tests.widgets.conftest import Bench


def test_an_unknown_request_is_an_answer_too(bench: Bench) -> None:
    assert "no request 'fly'" in bench("fly")["error"]


@pytest.mark.parametrize("kind", sorted(handlers()))
def test_no_request_raises_whatever_it_carries(kind: str) -> None:
    for payload in (None, {}, {"name": 3, "target": [], "given": {"x": 1}, "row": "no"}):
        reply = Bench()(kind, payload)
        assert ("ok" in reply) != ("error" in reply)


def test_to_json_takes_whatever_a_table_holds() -> None:
    stamp = pd.Timestamp("2020-01-02")
    assert to_json({"t": stamp, "n": float("inf")}) == {
        "t": "2020-01-02 00:00:00",
        "n": None,
    }

"""The columns panel: what each column would tell about the one that is asked for."""

from __future__ import annotations

import pytest

from tests.widgets.conftest import Bench


def test_influences_are_the_gains_of_the_model(fitted: Bench) -> None:
    fitted("ask", {"formula": "g"})
    found = fitted("influence")["ok"]
    model = fitted.session.model
    assert model is not None
    gain = model.information_gain("g")
    assert found["rest"] == []
    assert found["bits"] == pytest.approx(dict(zip(gain["column"], gain["bits"], strict=True)))
    assert set(found["bits"]) == {"x"}


def test_what_is_known_or_asked_has_no_influence(fitted: Bench) -> None:
    fitted("ask", {"formula": "g | x=1"})
    assert fitted("influence")["ok"] == {"bits": {}, "rest": []}
    assert fitted("influence", {"columns": ["g", "no such column"]})["ok"]["bits"] == {}


def test_influences_that_take_long_come_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench("iris")
    bench("ask", {"formula": "species"})
    monkeypatch.setattr("tabwidget.widgets.panels.columns.PART_SECONDS", 0.0)
    first = bench("influence")["ok"]
    assert (len(first["bits"]), len(first["rest"])) == (1, 3)


def test_there_is_none_before_a_question() -> None:
    assert Bench()("influence")["ok"] == {"bits": {}, "rest": []}

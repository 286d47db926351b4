"""The columns panel: what each column would tell about the one that is asked for."""

from __future__ import annotations

import pandas as pd
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


def test_alerts_come_with_the_columns() -> None:
    frame = pd.DataFrame({"a": [1, 2] * 10, "b": ["x", "y"] * 10, "c": [5] * 20})
    bench = Bench(frame)
    found = bench.feed.refresh()["columns"]["alerts"]
    assert set(found) == {"a", "b", "c"}
    assert Bench().feed.refresh()["columns"] == {"alerts": {}}


def test_a_column_is_declared_from_its_menu() -> None:
    bench = Bench("penguins", target="species")
    bench("ask", {"formula": "species | year=2008, island=Dream"})
    assert "ok" in bench("declare", {"column": "year", "kind": "categorical"})
    assert bench.session.loaded().schema["year"].kind == "categorical"
    assert str(bench.session.question) == "species | island=Dream"
    assert "ok" in bench("declare", {"column": "island", "role": "ignored"})
    assert bench.session.stage == "pretrained"
    assert "number" in bench("declare", {"column": "sex", "kind": "numeric"})["error"]
    code = bench.session.python()
    assert "as_table('penguins').declare('year', kind='categorical').declare('island'" in code
    scope: dict[str, object] = {}
    exec(code, scope)
    model = scope["lm"]
    assert "island" not in model.schema.targets  # type: ignore[attr-defined]

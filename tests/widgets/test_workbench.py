"""The workbench draws all panels over one session."""

from __future__ import annotations

from tabwidget.session import Session
from tabwidget.widgets import Workbench
from tabwidget.widgets.registry import panel_classes


def test_it_draws_every_panel_and_settings_go_to_the_session() -> None:
    session = Session("penguins")
    bench = Workbench(session, target="island", max_seconds=3)
    assert bench.panels == list(panel_classes())
    assert (session.target, session.training.max_seconds) == ("island", 3)
    assert bench.slices["task"]["settings"]["target"] == "island"
    assert bench.python == session.python()
    bench.close()


def test_two_workbenches_receive_the_same_change() -> None:
    session = Session("iris")
    first, second = Workbench(session), Workbench(session)
    session.choose(serializer="bracket")
    first._feed.tick()
    for bench in (first, second):
        assert bench.slices["task"]["settings"]["serializer"] == "bracket"
        bench.close()

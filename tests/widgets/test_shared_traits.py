"""What other widgets follow and set: the question and its answer."""

from __future__ import annotations

import ipywidgets
import pytest
import traitlets

from tabwidget.errors import FormulaError, TabwidgetError
from tabwidget.session import Session
from tabwidget.widgets import QueryPanel, Workbench


def test_a_question_that_is_set_is_asked_and_one_that_is_asked_appears() -> None:
    bench = Workbench("penguins", target="species")
    seen: list[str] = []
    bench.observe(lambda change: seen.append(change["new"]["headline"]), "answer")
    bench.question = "species|island=Torgersen"
    assert bench.question == "species | island=Torgersen"
    assert str(bench.session.question) == "species | island=Torgersen"
    bench._feed.tick()
    assert bench.answer["headline"].startswith("Adelie")
    assert sum(r["probability"] for r in bench.answer["records"]) == pytest.approx(1)
    bench.session.ask("island")
    bench._feed.tick()
    assert bench.question == "island"
    assert len(seen) == 2
    bench.close()


def test_a_question_that_cannot_be_asked_changes_nothing() -> None:
    bench = Workbench("penguins")
    bench.question = "species | island=Dream"
    with pytest.raises(FormulaError, match="islnd"):
        bench.question = "species | islnd=Dream"
    assert bench.question == "species | island=Dream"
    bench.close()


def test_a_question_that_was_left_behind_is_not_asked_again() -> None:
    session = Session("penguins")
    bench = Workbench(session)
    session.ask("species")
    slices = bench._feed.refresh()
    session.ask("island")
    bench.receive_slices(slices, "")
    assert str(session.question) == "island"
    bench.close()


def test_it_links_to_another_widget_in_both_directions() -> None:
    bench, panel = Workbench("penguins", target="species"), QueryPanel("penguins")
    box = ipywidgets.Text()
    traitlets.link((bench, "question"), (box, "value"))
    box.value = "species | sex=male"
    assert str(bench.session.question) == "species | sex=male"
    traitlets.dlink((bench, "question"), (panel, "question"))
    assert str(panel.session.question) == "species | sex=male"
    for widget in (bench, panel):
        widget.close()


def test_rows_are_selected_and_arranged_by_traits() -> None:
    bench = Workbench("penguins", target="species")
    bench.selection = [3, 5]
    assert bench.session.selection == (3, 5)
    bench.rows = {"sort": "body_mass_g", "descending": True}
    assert bench.session.rows_view.settings.sort == "body_mass_g"
    assert bench.rows["total"] == 344
    bench.session.select(7)
    bench.session.view_rows(search="dream")
    bench._feed.tick()
    assert bench.selection == [7]
    assert bench.rows["search"] == "dream"
    assert bench.rows["total"] == 124
    with pytest.raises(TabwidgetError, match="body_mass"):
        bench.rows = {"sort": "body_mas"}
    assert bench.rows["sort"] == "body_mass_g"
    with pytest.raises(TabwidgetError, match="row 400"):
        bench.selection = [400]
    assert bench.selection == [7]
    bench.close()


def test_what_the_front_end_says_back_is_not_asked_again() -> None:
    bench = Workbench("penguins")
    for formula in ("species", "island"):
        bench.session.ask(formula)
        bench._feed.tick()
    stale = {"question": "species", "answer": {"headline": "old"}, "seen": 3}
    bench.set_state(stale)
    assert (bench.question, str(bench.session.question), bench.seen) == ("island", "island", 3)
    assert bench.answer["formula"] == "island"
    bench.set_state({"question": "sex | island=Dream"})
    assert str(bench.session.question) == "sex | island=Dream"
    bench.close()

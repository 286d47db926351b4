"""A session's rows: the view, the selection as evidence, what-ifs, and the surprise of cells."""

from __future__ import annotations

import pandas as pd
import pytest

from tabwidget.errors import ColumnError, ConfigError, EvidenceError, NotFittedError
from tabwidget.session import Session

FRAME = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0] * 12, "g": ["a", "a", "b", None] * 12})


@pytest.fixture
def session() -> Session:
    return Session(FRAME, backend="pretrained", target="g")


def heard(session: Session) -> list[str]:
    topics: list[str] = []
    session.subscribe(topics.append)
    return topics


def test_a_view_keeps_the_settings_that_are_not_given(session: Session) -> None:
    topics = heard(session)
    session.view_rows(sort="x", descending=True)
    view = session.view_rows(search="b")
    assert (view.settings.sort, view.settings.search) == ("x", "b")
    assert FRAME["g"].iloc[view.order].unique().tolist() == ["b"]
    assert session.rows_view is view
    assert topics == ["rows", "rows"]


def test_an_unknown_setting_is_refused_by_name(session: Session) -> None:
    with pytest.raises(ConfigError, match="no setting 'sorted'"):
        session.view_rows(sorted="x")


def test_another_table_has_a_view_and_a_selection_of_its_own(session: Session) -> None:
    session.view_rows(sort="x")
    session.select(3)
    session.load("iris")
    assert session.rows_view.settings.sort is None
    assert len(session.rows_view.order) == 150
    assert session.selection == ()


def test_without_a_table_there_are_no_rows() -> None:
    with pytest.raises(ConfigError, match="no table"):
        _ = Session().rows_view
    assert Session().selection == ()


def test_matching_rows_follow_the_question(session: Session) -> None:
    session.view_rows(matching_only=True)
    assert len(session.rows_view.order) == 48
    session.ask("g | x=2")
    version = session.rows_view.version
    assert FRAME["x"].iloc[session.rows_view.order].unique().tolist() == [2]
    assert session.rows_view.version == version
    session.ask("g | x=3")
    assert FRAME["x"].iloc[session.rows_view.order].unique().tolist() == [3]


def test_a_selected_row_is_evidence_but_for_the_target(session: Session) -> None:
    topics = heard(session)
    assert session.select(2) == (2,)
    assert session.row_evidence() == {"x": 3}
    assert session.row_evidence(0) == {"x": 1}
    assert topics == ["selection"]
    session.select(1, as_evidence=True)
    assert session.question is not None
    assert session.question.given == {"x": 2}


def test_several_rows_can_be_selected_and_none(session: Session) -> None:
    assert session.select(4, 2, 4) == (4, 2)
    assert session.select() == ()
    with pytest.raises(ConfigError, match="no row is selected"):
        session.row_evidence()
    with pytest.raises(ConfigError, match="rows 0 to 47"):
        session.select(48)


def test_an_edited_cell_is_evidence_and_leaves_the_table_alone(session: Session) -> None:
    session.select(0)
    session.edit_cell("x", "4")
    assert session.edits == {"x": 4}
    assert session.row_evidence() == {"x": 4}
    assert session.loaded().frame["x"].iat[0] == 1
    session.edit_cell("x", " ")
    assert session.row_evidence() == {}
    session.select(1)
    assert session.edits == {}


def test_an_edit_that_the_column_cannot_have_is_refused(session: Session) -> None:
    with pytest.raises(ConfigError, match="select one"):
        session.edit_cell("x", "4")
    session.select(0)
    with pytest.raises(EvidenceError, match="'x' is numeric, but 'tall'"):
        session.edit_cell("x", "tall")
    with pytest.raises(EvidenceError, match="no level 'z'"):
        session.edit_cell("g", "z")
    with pytest.raises(ColumnError):
        session.edit_cell("y", "1")
    assert session.edits == {}


def test_rows_sorted_by_surprise_are_sorted_again_at_the_end(session: Session) -> None:
    topics = heard(session)
    session.view_rows(by_surprise=True)
    scan = session.surprise_scan
    assert scan is not None
    assert scan.wait(120)
    assert "cells" in topics
    order = session.rows_view.order
    bits = scan.of_rows()[order]
    assert (bits[:-1] >= bits[1:]).all()
    session.view_rows(sort="x")
    assert not session.rows_view.settings.by_surprise


def test_surprise_is_that_of_the_model(session: Session) -> None:
    scan = session.scan_surprise(5)
    assert scan.wait(120)
    assert session.model is not None
    found = pd.DataFrame.from_dict(scan.bits(range(48)), orient="index", columns=["x", "g"])
    expected = session.model.surprise(FRAME, relative=True)
    assert found["x"].to_numpy() == pytest.approx(expected["x"].to_numpy(), abs=0.02)
    assert found["g"].isna().tolist() == FRAME["g"].isna().tolist()


def test_the_scan_and_the_predictions_are_those_of_the_newest_model(session: Session) -> None:
    scan, missing = session.scan_surprise(), session.missing_cells()
    assert session.scan_surprise() is scan
    assert session.missing_cells() is missing
    session.load(FRAME.copy())
    assert session.surprise_scan is None
    assert session.missing_cells() is not missing
    assert scan.wait(60)


def test_before_training_there_is_nothing_to_score() -> None:
    session = Session(FRAME, backend="minilm")
    with pytest.raises(NotFittedError, match="train it first"):
        session.scan_surprise()
    with pytest.raises(NotFittedError):
        session.missing_cells()

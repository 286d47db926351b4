"""DashboardView: rendering within the size of the terminal, with the data shown literally."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from tabwidget.callbacks.dashboard_view import DashboardView, render_fit
from tabwidget.events import EvalReport, FitEnd, FitStart, Reason, TrainingState, TrainReport
from tests.callbacks.fakes import FIT, folded

ROWS = ('{"größe": 1}', "[red]b[/]", "[/]", "c\x1b[2Jd", "語" * 200)


def trained_state(n_columns: int = 9) -> TrainingState:
    losses = {f"[b]column {i}[/b]": float(i) for i in range(n_columns)}
    reports = [TrainReport(i / 10, i, 0, 2 - i / 50, 1e-3, 500.0) for i in range(1, 50)]
    start = FitStart(0.0, 100, 5, 90, 10, 1234, "fake", 10.0, None)
    return folded(start, *reports, EvalReport(5.0, 50, 1.2, losses, True))


def lines(state: TrainingState, width: int = 80, height: int = 24) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, height=height).print(render_fit(state, ROWS, width, height))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [30, 80, 99, 100, 120, 250])
@pytest.mark.parametrize("height", [8, 12, 24, 40, 100])
def test_dashboard_stays_within_the_terminal(width: int, height: int) -> None:
    shown = lines(trained_state(), width, height)
    assert {cell_len(line) for line in shown} == {width}
    assert len(shown) < height


@pytest.mark.parametrize("width", [80, 120])
def test_dashboard_shows_progress_losses_columns_and_rows(width: int) -> None:
    shown = "\n".join(lines(trained_state(), width))
    for text in [
        *("fake · 100 rows × 5 columns · 1,234 parameters", "● training", "5.0 s, 5 s left"),
        *("step 50", "rows/s 500", "train 1.020", "validation 1.200", "best 1.200 at step 50"),
        *("⠉", "step 10"),  # dots and axis of the curve
        *("column 8", "8.000", "column 0", "0.000", "training examples"),
    ]:
        assert text in shown


def test_data_is_rendered_literally() -> None:
    shown = "\n".join(lines(trained_state()))
    for text in [*ROWS[:3], r"c\x1b[2Jd", "[b]column 8[/b]"]:
        assert text in shown


def test_highest_and_lowest_of_many_columns_are_shown() -> None:
    shown = "\n".join(lines(trained_state(100), 120))
    assert all(f"column {i}[/b]" in shown for i in (99, 98, 1, 0))
    assert "column 50" not in shown


@pytest.mark.parametrize(
    ("reason", "text"),
    [("budget", "✔ done"), ("stopped", "■ stopped"), ("failed", "✖ failed")],
)
def test_the_reason_for_the_end_is_shown(reason: Reason, text: str) -> None:
    state = trained_state()
    state.fold(FitEnd(6.0, 50, reason, 50, 1.2))
    assert text in lines(state)[1]


@pytest.mark.parametrize("losses", [[], [1.0], [float("nan")], [float("inf"), 1.0], [1.0] * 5])
def test_few_or_unknown_losses_are_rendered(losses: list[float]) -> None:
    state = folded(
        FIT[0], *(TrainReport(1.0, i, 0, loss, 1e-3, 1.0) for i, loss in enumerate(losses))
    )
    assert len(lines(state)) < 24


def test_rendering_is_cached_until_refresh() -> None:
    state = trained_state()
    view = DashboardView(state)
    console = Console(file=io.StringIO(), width=80, height=24)
    before = console.render_lines(view)
    state.fold(TrainReport(9.0, 99, 0, 1.0, 1e-3, 500.0))
    assert console.render_lines(view) == before
    view.refresh()
    assert console.render_lines(view) != before

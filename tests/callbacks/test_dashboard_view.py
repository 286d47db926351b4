"""The picture of a fit: it keeps within its size, and shows the data letter by letter."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from tabwidget.callbacks.curve import loss_curve, round_ticks
from tabwidget.callbacks.dashboard_view import Picture, dashboard
from tabwidget.events import EvalReport, FitEnd, FitStart, Point, Reason, TrainingState, TrainReport
from tests.callbacks.play import FIT, folded

ROWS = ('{"größe": 1}', "[red]b[/]", "[/]", "c\x1b[2Jd", "語" * 200)


def learned(n_columns: int = 9) -> TrainingState:
    losses = {f"[b]column {i}[/b]": float(i) for i in range(n_columns)}
    reports = [TrainReport(i / 10, i, 0, 2 - i / 50, 1e-3, 500.0) for i in range(1, 50)]
    start = FitStart(0.0, 100, 5, 90, 10, 1234, "fake", 10.0, None)
    return folded(start, *reports, EvalReport(5.0, 50, 1.2, losses, True))


def lines(state: TrainingState, width: int = 80, height: int = 24) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, height=height).print(dashboard(state, ROWS, width, height))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [30, 80, 99, 100, 120, 250])
@pytest.mark.parametrize("height", [8, 12, 24, 40, 100])
def test_it_keeps_within_its_size(width: int, height: int) -> None:
    shown = lines(learned(), width, height)
    assert {cell_len(line) for line in shown} == {width}
    assert len(shown) < height


@pytest.mark.parametrize("width", [80, 120])
def test_everything_is_there(width: int) -> None:
    shown = "\n".join(lines(learned(), width))
    for text in [
        *("fake · 100 rows × 5 columns · 1,234 parameters", "● training", "5.0 s, 5 s left"),
        *("step 50", "rows/s 500", "train 1.020", "validation 1.200", "best 1.200 at step 50"),
        *("⠉", "step 10"),  # dots of the curve, and its axis
        *("column 8", "8.000", "column 0", "0.000", "rows being learned"),
    ]:
        assert text in shown


def test_texts_of_the_data_are_shown_as_they_are() -> None:
    shown = "\n".join(lines(learned()))
    for text in [*ROWS[:3], r"c\x1b[2Jd", "[b]column 8[/b]"]:
        assert text in shown


def test_of_many_columns_the_ends_are_shown() -> None:
    shown = "\n".join(lines(learned(100), 120))
    assert all(f"column {i}[/b]" in shown for i in (99, 98, 1, 0))
    assert "column 50" not in shown


@pytest.mark.parametrize(
    ("end", "text"),
    [("budget", "✔ done"), ("stopped", "■ stopped"), ("failed", "✖ failed")],
)
def test_the_end_says_why(end: Reason, text: str) -> None:
    state = learned()
    state.fold(FitEnd(6.0, 50, end, 50, 1.2))
    assert text in lines(state)[1]


@pytest.mark.parametrize("losses", [[], [1.0], [float("nan")], [float("inf"), 1.0], [1.0] * 5])
def test_a_curve_of_few_or_unknown_losses_is_drawn(losses: list[float]) -> None:
    state = folded(
        FIT[0], *(TrainReport(1.0, i, 0, loss, 1e-3, 1.0) for i, loss in enumerate(losses))
    )
    assert len(lines(state)) < 24
    points = [Point(seconds=0, step=i, loss=x, split="train") for i, x in enumerate(losses)]
    assert len(loss_curve(points, 60, 12).splitlines()) == 12


@pytest.mark.parametrize(
    ("values", "ticks"),
    [([], [0.0]), ([3, 3], [3]), ([0, 100], [0, 50, 100]), ([0.31, 1.69], [0.5, 1.0, 1.5])],
)
def test_ticks_are_round_numbers(values: list[float], ticks: list[float]) -> None:
    assert round_ticks(values, 4) == ticks


def test_what_is_printed_meanwhile_costs_no_drawing() -> None:
    state = learned()
    picture = Picture(state)
    console = Console(file=io.StringIO(), width=80, height=24)
    before = console.render_lines(picture)
    state.fold(TrainReport(9.0, 99, 0, 1.0, 1e-3, 500.0))
    assert console.render_lines(picture) == before
    picture.refresh()
    assert console.render_lines(picture) != before

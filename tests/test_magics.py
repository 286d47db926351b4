"""The magics in a real IPython shell, with no notebook around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

from tabwidget import magics
from tabwidget.inference.distribution import Distribution
from tabwidget.magics import current_session
from tabwidget.session import Session

ROOT = Path(__file__).resolve().parents[1]
COLOURS = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0] * 10, "color": ["red", "blue"] * 20})


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    magics.load_ipython_extension(shell)
    yield shell
    magics.unload_ipython_extension(shell)
    assert shell.history_manager is not None
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


@pytest.fixture
def fitted(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> InteractiveShell:
    shell.user_ns["colors"] = COLOURS
    assert shell.run_cell("%tabfit colors --target color --seconds 1").success
    return shell


def error(result: ExecutionResult) -> str:
    """Return the error that made a cell fail, which must be one that shows no traceback."""
    assert type(result.error_in_exec).__name__ == "UsageError"
    return str(result.error_in_exec)


def test_loading_only_registers(shell: InteractiveShell) -> None:
    assert {"tabwidget", "tabfit", "tabp"} <= set(shell.magics_manager.magics["line"])
    with pytest.raises(AttributeError, match="no session yet"):
        current_session()


def test_unloading_takes_the_magics_away(shell: InteractiveShell) -> None:
    magics.unload_ipython_extension(shell)
    assert not {"tabwidget", "tabfit", "tabp"} & set(shell.magics_manager.magics["line"])
    assert "not found" in error(shell.run_cell("%tabp species"))


def test_tabwidget_opens_a_workbench_over_the_named_frame(shell: InteractiveShell) -> None:
    shell.user_ns["colors"] = COLOURS
    shell.run_cell("bench = %tabwidget colors --target size --serializer bracket --seconds 3")
    session = current_session()
    assert shell.user_ns["bench"].session is session
    assert session.table is not None
    assert session.table.name == "colors"
    assert (session.target, session.serializer) == ("size", "bracket")
    assert session.training.max_seconds == 3


def test_tabwidget_without_a_source_shows_the_current_session(shell: InteractiveShell) -> None:
    shell.run_cell("one = %tabwidget penguins")
    shell.run_cell("two = %tabwidget --target sex")
    assert shell.user_ns["two"].session is shell.user_ns["one"].session
    assert current_session().target == "sex"


def test_tabwidget_opens_on_nothing(shell: InteractiveShell) -> None:
    shell.run_cell("bench = %tabwidget")
    assert shell.user_ns["bench"].session.table is None


def test_a_variable_comes_before_a_sample(shell: InteractiveShell) -> None:
    shell.user_ns["penguins"] = COLOURS
    shell.run_cell("bench = %tabwidget penguins")
    assert shell.user_ns["bench"].session.table.frame.shape == COLOURS.shape


def test_a_session_of_the_notebook_is_taken_as_it_is(shell: InteractiveShell) -> None:
    shell.user_ns["mine"] = Session("penguins")
    shell.run_cell("bench = %tabwidget mine")
    assert current_session() is shell.user_ns["mine"]


def test_a_file_with_a_space_stands_in_quotes(shell: InteractiveShell) -> None:
    COLOURS.rename(columns={"size": "the size"}).to_csv("my colors.csv", index=False)
    result = shell.run_cell('bench = %tabwidget "my colors.csv" --target "the size"')
    assert result.success
    assert current_session().target == "the size"


def test_tabfit_says_how_it_went(
    fitted: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    fitted.run_cell("%tabfit")
    printed = capsys.readouterr()
    assert "fitted colors: 40 rows, 2 columns" in printed.out
    assert "validation loss" in printed.out
    assert "fit" in printed.err  # the progress bar
    assert current_session().model is not None


def test_tabp_answers_before_training(shell: InteractiveShell) -> None:
    shell.user_ns["colors"] = COLOURS
    shell.run_cell("bench = %tabwidget colors --target color")
    result = shell.run_cell("%tabp color | size=3")
    assert isinstance(result.result, Distribution)
    assert (current_session().run, current_session().stage) == (None, "pretrained")


def test_tabp_answers_with_braces_unexpanded(fitted: InteractiveShell) -> None:
    fitted.user_ns["red"] = "not this"
    result = fitted.run_cell("%tabp size | color in {red, blue}")
    assert isinstance(result.result, Distribution)
    assert result.result.target == "size"
    assert str(current_session().question) == "size | color in {red, blue}"


def test_tabp_can_be_assigned(fitted: InteractiveShell) -> None:
    fitted.run_cell("answer = %tabp color | size > 1")
    assert sum(fitted.user_ns["answer"].probabilities) == pytest.approx(1)


def test_tabp_of_two_columns_is_their_joint(fitted: InteractiveShell) -> None:
    result = fitted.run_cell("%tabp color, size")
    assert result.result.targets == ("color", "size")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%tabwidget pengins", "Did you mean 'penguins'?"),
        ("%tabwidget number", "'number' is not a DataFrame but of type int"),
        ("%tabwidget penguins --target specis", "Did you mean 'species'?"),
        ("%tabwidget penguins --second soon", "seconds"),
        ("%tabwidget penguins --colour red", "--colour"),
        ("%tabwidget empty", "the table is empty"),
        ("%tabfit", "there is no table yet"),
        ("%tabfit broken.csv", "is not a table"),
        ("%tabp species", "no session yet"),
        ("%tabp", "name a column"),
    ],
)
def test_a_mistake_is_one_line_and_fails_the_cell(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], cell: str, said: str
) -> None:
    shell.user_ns |= {"number": 3, "empty": pd.DataFrame()}
    Path("broken.csv").write_bytes(b'"a\0\xff')
    message = error(shell.run_cell(cell))
    assert said in message
    assert "\n" not in message
    printed = capsys.readouterr()
    assert printed.err.strip() == f"UsageError: {message}"
    assert "Traceback" not in printed.out


def test_a_formula_mistake_has_a_caret_under_the_place(fitted: InteractiveShell) -> None:
    lines = error(fitted.run_cell("%tabp color | sise=1")).splitlines()
    assert "Did you mean 'size'?" in lines[0]
    assert lines[1].index("sise") == lines[2].index("^")


def test_a_mistake_keeps_the_session(fitted: InteractiveShell) -> None:
    before = current_session()
    fitted.run_cell("%tabwidget penguins --target specis")
    assert current_session() is before


def test_help_has_arguments_and_examples(shell: InteractiveShell) -> None:
    for name in ("tabwidget", "tabfit"):
        text = shell.find_line_magic(name).__doc__
        assert "--seconds" in text
        assert f"%{name} df --target species --seconds 10" in text
    assert "%tabp species | bill_length_mm=39.1" in shell.find_line_magic("tabp").__doc__


def test_a_mistake_stops_a_notebook_that_runs_all_cells() -> None:
    nbclient = pytest.importorskip("nbclient")
    v4: Any = pytest.importorskip("nbformat.v4")
    cells = [v4.new_code_cell(line) for line in ("%load_ext tabwidget", "%tabp species", "1")]
    here = {"metadata": {"path": ROOT}}
    client = nbclient.NotebookClient(v4.new_notebook(cells=cells), resources=here)
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="no session yet"):
        client.execute()
    [output] = cells[1].outputs
    assert (output.output_type, output.name) == ("stream", "stderr")
    assert cells[2].execution_count is None

"""The README is short, its Python prints what it shows, and its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from tabwidget import cli
from tests.pages import README, blocks, run_python


def test_python_prints_what_the_readme_shows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_python(README)
    # Digits and bars depend on the fit.
    [shown] = [block for block in blocks(README, "text") if block.startswith("p(")]
    printed = capsys.readouterr().out
    assert (
        re.findall(r"[A-Za-z]+", printed)[: len(words := re.findall(r"[A-Za-z]+", shown))] == words
    )


def test_commands_exist() -> None:
    commands = get_command(cli.app).commands  # type: ignore[attr-defined]
    named = re.findall(r"bin/tabwidget (\w+)", README.read_text(encoding="utf-8"))
    assert set(named) == {"lab", "demo"} <= set(commands)


def test_one_liners_are_those_that_are_tested() -> None:
    lines = "".join(blocks(README, "sh")).splitlines()
    begin = "python3 -m venv .venv && .venv/bin/pip install -c binder/constraints.txt"
    assert lines == [
        f'{begin} ".[lab]" && .venv/bin/tabwidget lab',
        f'{begin} -e ".[test]" && .venv/bin/pytest',
    ]


def test_it_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150
    first, *_ = blocks(README, "python")
    assert len(first.replace("\n\n", "\n").splitlines()) <= 8

"""What the README shows: its Python runs, its commands and files exist, its tables are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from tabwidget import cli
from tabwidget.inference.formula import parse
from tests.backends.text.fakes import save_tiny

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FORMULAS = re.findall(r"^\|[^|]+\| `(.+?)` \| `(\{.*\})` \|$", README, re.MULTILINE)


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_python_runs_in_order(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # No hub in a test: a folder of the model's name, with a tiny one in it, comes before.
    save_tiny(tmp_path / "HuggingFaceTB" / "SmolLM2-135M-Instruct")
    namespace: dict[str, object] = {}
    for block in blocks("python"):
        quick = re.sub(r"max_seconds=\d+", "max_seconds=0.3", block)
        exec(compile(quick, "README.md", "exec"), namespace)
    assert "p(species" in capsys.readouterr().out


def test_the_commands_exist() -> None:
    commands = get_command(cli.app).commands  # type: ignore[attr-defined]
    named = re.findall(r"bin/tabwidget (\w+)", "".join(blocks("sh")))
    assert set(named) == {"lab", "demo", "text"} <= set(commands)
    text = re.findall(r"bin/tabwidget text (\w+)", "".join(blocks("sh")))
    assert set(text) <= set(commands["text"].commands)


def test_the_config_of_a_text_classification_is_one(tmp_path: Path) -> None:
    from tabwidget.textclass import TextClassConfig

    [config] = blocks("yaml")
    (tmp_path / "reviews.yaml").write_text(config, encoding="utf-8")
    read = TextClassConfig.read(tmp_path / "reviews.yaml")
    assert read.data.label_columns == ("books", "movies", "music")
    assert read.exp.seeds == (1, 3, 4, 5)


def test_the_one_liners_are_those_that_are_tested() -> None:
    lines = "\n".join(blocks("sh")).splitlines()
    begin = "python3 -m venv .venv && .venv/bin/pip install -c binder/constraints.txt"
    assert f'{begin} ".[lab]" && .venv/bin/tabwidget lab' in lines
    assert f'{begin} -e ".[test]" && .venv/bin/pytest' in lines


@pytest.mark.parametrize(("formula", "python"), FORMULAS)
def test_formula_and_python_say_the_same(formula: str, python: str) -> None:
    from tabwidget import Above, Below, Between, NoneOf, OneOf

    names = {kind.__name__: kind for kind in (Above, Below, Between, NoneOf, OneOf)}
    assert parse(formula.replace(r"\|", "|")).given == eval(python, names)


def test_the_formula_table_was_found() -> None:
    assert len(FORMULAS) == 9


def test_every_file_it_names_exists() -> None:
    links = re.findall(r"\]\(([\w./-]+)\)", README)
    [tree] = [block for block in blocks("text") if block.startswith("tabwidget/\n")]
    inside = [f"tabwidget/{name}" for name in re.findall(r"^  ([\w./]+)", tree, re.MULTILINE)]
    beside = re.findall(r"^([\w./]+)", tree, re.MULTILINE)
    missing = [name for name in [*links, *inside, *beside] if not (ROOT / name).exists()]
    assert not missing


def test_every_module_stands_in_the_tree() -> None:
    [tree] = [block for block in blocks("text") if block.startswith("tabwidget/\n")]
    modules = {path.name for path in (ROOT / "tabwidget").glob("[!_]*.py")}
    assert modules <= set(re.findall(r"^  ([\w.]+)", tree, re.MULTILINE))

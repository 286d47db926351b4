"""The documents: Python runs, links lead somewhere, commands exist, tables are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

import tabwidget
from tabwidget import cli
from tabwidget.inference.formula import parse
from tests.architecture import PAGE, with_rooms
from tests.pages import PAGES, README, ROOT, blocks, broken_links, run_python

WITH_PYTHON = [page for page in PAGES if page != README and blocks(page, "python")]
FORMULAS = re.findall(
    r"^\|[^|]+\| `(.+?)` \| `(\{.*\})` \|$",
    (ROOT / "docs" / "formula.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_python(page)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


@each_page
def test_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    modules = re.findall(r"python -m (tests[.\w]+)", text)
    assert [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").exists()] == []
    files = re.findall(r"`((?:tabwidget|tests|js|docs)/[\w./-]+)`", text)
    planned = {"tabwidget/lm/chat/"}
    assert [name for name in files if name not in planned and not (ROOT / name).exists()] == []


def test_every_page_is_listed() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages <= set(re.findall(r"\]\(([\w.-]+)\)", index))


def test_text_commands_exist() -> None:
    page = ROOT / "docs" / "text-classification.md"
    named = re.findall(r"tabwidget text (\w+)", page.read_text(encoding="utf-8"))
    text = get_command(cli.app).commands["text"]  # type: ignore[attr-defined]
    assert set(named) == set(text.commands)


def test_text_classification_config_is_valid(tmp_path: Path) -> None:
    from tabwidget.textclass import TextClassConfig

    [config] = blocks(ROOT / "docs" / "text-classification.md", "yaml")
    (tmp_path / "reviews.yaml").write_text(config, encoding="utf-8")
    read = TextClassConfig.read(tmp_path / "reviews.yaml")
    assert read.data.label_columns == ("books", "movies", "music")
    assert read.exp.seeds == (1, 3, 4, 5)


@pytest.mark.parametrize(("formula", "python"), FORMULAS)
def test_formula_and_python_are_equivalent(formula: str, python: str) -> None:
    from tabwidget import Above, Below, Between, NoneOf, OneOf

    names = {kind.__name__: kind for kind in (Above, Below, Between, NoneOf, OneOf)}
    assert parse(formula.replace(r"\|", "|")).given == eval(python, names)


def test_formula_table_was_found() -> None:
    assert len(FORMULAS) == 9


def test_rooms_and_files_are_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_rooms(page), "run python -m tests.architecture --write"


def test_citation_is_valid() -> None:
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert set(citation) >= {"message", "title", "authors"}
    assert citation["version"] == tabwidget.__version__

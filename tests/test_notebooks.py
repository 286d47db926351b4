"""The notebooks are stored without outputs and run from top to bottom."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
QUICKSTART = ROOT / "notebooks" / "00_quickstart.ipynb"
LANGUAGE_MODEL = ROOT / "notebooks" / "01_language_model.ipynb"

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@each
def test_it_is_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@each
def test_it_runs_from_top_to_bottom(path: Path) -> None:
    assert not [output for output in outputs(path) if output.output_type == "error"]


@each
def test_its_outputs_load_nothing_from_a_network(path: Path) -> None:
    pages = [output.data.get("text/html", "") for output in outputs(path) if "data" in output]
    assert not [page for page in pages if "https://" in page]


def test_quickstart_is_short_and_opens_one_workbench() -> None:
    cells = nbformat.read(QUICKSTART, as_version=4).cells
    assert len(cells) < 15
    assert sum("%tabwidget" in cell.source for cell in cells if cell.cell_type == "code") == 1


def test_language_model_notebook_has_few_short_cells() -> None:
    cells = nbformat.read(LANGUAGE_MODEL, as_version=4).cells
    assert len(cells) <= 25
    assert max(len(cell.source.splitlines()) for cell in cells if cell.cell_type == "code") <= 35


def test_language_model_notebook_shows_charts() -> None:
    charts = [o for o in outputs(LANGUAGE_MODEL) if "image/svg+xml" in o.get("data", {})]
    assert len(charts) >= 6


def test_perplexity_comes_close_to_the_best_possible() -> None:
    pages = [
        o.data["text/html"] for o in outputs(LANGUAGE_MODEL) if "text/html" in o.get("data", {})
    ]
    (page,) = [page for page in pages if "perplexity" in page]
    model, best = map(float, re.findall(r">(\d+\.\d+)</td>", page)[-2:])
    assert 0.97 * best < model < 1.15 * best


@cache
def outputs(path: Path) -> list[Any]:
    """Run a notebook once, and return the outputs of its cells."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        # The answers are tested elsewhere; here one second of training is enough.
        cell.source = re.sub(r"--seconds \d+|max_seconds=\d+", _shorter, cell.source)
    resources = {"metadata": {"path": ROOT}}
    client = nbclient.NotebookClient(notebook, timeout=120, resources=resources, allow_errors=True)
    client.execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def _shorter(match: re.Match[str]) -> str:
    return re.sub(r"\d+", "1", match.group())

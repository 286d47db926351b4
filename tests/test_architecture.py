"""The shape of the package holds: rooms, arrows, owners of packages, and what may be imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tabwidget
from tests.architecture import (
    MAX_LINES,
    MAX_ROOT_FILES,
    PACKAGE,
    import_cycles,
    module_paths,
    wrong_imports,
)


def test_all_imports_follow_the_arrows() -> None:
    assert wrong_imports() == []


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("model/queries.py", "import tabwidget.session", "against the arrow"),
        ("model/queries.py", "from tabwidget import Session", "against the arrow"),
        (
            "model/queries.py",
            "def f():\n    from tabwidget.session import Session",
            "against the arrow",
        ),
        ("backends/base.py", "from ..model import TabularLanguageModel", "against the arrow"),
        ("backends/__init__.py", "from ..model import TabularLanguageModel", "against the arrow"),
        ("serializers/base.py", "from tabwidget import model", "against the arrow"),
        (
            "table/table.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tabwidget import model",
            "against the arrow",
        ),
        (
            "minilm/cell_model.py",
            "from tabwidget.errors import TabwidgetError",
            "may import only ['_files']",
        ),
        ("minilm/cell_model.py", "import pandas", "minilm imports only"),
        (
            "charts.py",
            "from tabwidget.table import Table",
            "may import only ['_formatting', 'errors']",
        ),
        ("model/queries.py", "def f():\n    import torch.nn", "may"),
        ("session/session.py", "from IPython import get_ipython", "only widgets, magics may"),
        ("session/session.py", "require('altair', extra='lab')", "only charts may"),
        ("backends/minilm/fit.py", "import transformers", "only backends.huggingface"),
        ("helpers.py", "", "has no row"),
        ("model/queries.py", "import tabwidget.helpers", "no room of ours"),
    ],
)
def test_wrong_import_is_found(tmp_path: Path, module: str, source: str, reason: str) -> None:
    path = tmp_path / module
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    (found,) = wrong_imports(tmp_path)
    assert reason in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("session/session.py", "import tabwidget.inference.formula\nfrom tabwidget import charts"),
        ("backends/minilm/fit.py", "from . import base\nfrom .base import Backend"),
        ("backends/__init__.py", "from .base import Backend"),
        ("backends/huggingface.py", "def f():\n    import transformers"),
        ("minilm/cell_model.py", "import math\nimport torch\nfrom tabwidget.minilm import encoder"),
        ("inference/distribution.py", "if TYPE_CHECKING:\n    import altair"),
    ],
)
def test_right_import_is_not_found(tmp_path: Path, module: str, source: str) -> None:
    path = tmp_path / module
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    assert wrong_imports(tmp_path) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert import_cycles() == []


def test_circle_is_found(tmp_path: Path) -> None:
    for module, source in {
        "a": "from tabwidget.b import x",
        "b": "def f():\n    import tabwidget.c",
        "c": "import tabwidget.a",
        "d": "import tabwidget.a",
    }.items():
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
    assert import_cycles(tmp_path) == [["a", "b", "c"]]


def test_rooms_and_modules_keep_their_size() -> None:
    assert len(list(PACKAGE.glob("*.py*"))) <= MAX_ROOT_FILES
    lines = {m: len(path.read_text("utf-8").splitlines()) for m, path in module_paths().items()}
    assert {module: n for module, n in lines.items() if n > MAX_LINES} == {}


def test_import_of_the_package_imports_nothing_heavy() -> None:
    heavy = {"IPython", "altair", "anywidget", "numpy", "pandas", "sklearn", "torch"}
    script = "import sys, tabwidget; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    assert heavy & set(done.stdout.split()) == set()


@pytest.mark.parametrize("name", tabwidget.__all__)
def test_public_name_is_found(name: str) -> None:
    assert getattr(tabwidget, name) is not None
    assert name in dir(tabwidget)


def test_type_checkers_and_python_see_the_same_names(root: Path) -> None:
    tree = ast.parse((root / "tabwidget" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and node.body and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    typed = {
        alias.name: (statement.module or "").removeprefix("tabwidget.")
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    typed.pop("datasets")
    assert typed == tabwidget._MODULE_OF
    assert set(typed) == set(tabwidget.__all__) - {"__version__", "datasets"}


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Sesion'"):
        _ = tabwidget.Sesion  # type: ignore[attr-defined]

"""The shape of the package holds: rooms, arrows, and which rooms import which packages."""

from __future__ import annotations

from pathlib import Path

import pytest

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

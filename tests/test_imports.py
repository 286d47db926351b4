"""Which module may import which: the arrows between ours, and who owns which package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import tabwidget

# Each part imports only from the rows above its own. A part is a module or a package of ours.
ROWS = [
    ["errors", "orders"],
    [
        "bins",
        "charts",
        "datasets",
        "number_format",
        "params",
        "reading",
        "rubin",
        "texts",
        "values",
    ],
    ["column"],
    ["table"],
    ["serialize", "evidence", "config", "events", "folder"],
    [
        "alternatives",
        "callbacks",
        "conformance",
        "discretization",
        "forms",
        "memorisation",
        "minilm",
        "sampling",
        "textlm",
        "chat",
    ],
    ["dtypes", "query", "backends", "contexts", "run"],
    ["cleaning", "code", "formula", "tasks", "textclass"],
    ["choices", "constraints", "distribution", "labelled", "reliability"],
    ["joint", "outcomes"],
    ["answering"],
    ["model"],
    ["estimators", "labelling"],
    ["session", "distill", "sweep", "evaluation"],
    ["demo"],
    ["widgets"],
    ["magics", "cli", "serve"],
    ["__main__"],
]
ROW_OF = {part: row for row, parts in enumerate(ROWS) for part in parts}

# Against the arrows, each for a reason.
UPWARD = {
    ("model", "estimators"),  # a fitted model reads as an estimator: lm.as_classifier("species")
}

# Narrower than their rows: the only parts of ours that these may import.
ONLY = {
    "charts": {"errors"},
    "chat": {"errors", "config", "events"},
    "minilm": set[str](),
    "textclass": {"backends", "config", "errors", "events", "params"},
}

# Who alone imports a package, lazily or not. Naming its types is free.
OWNERS = {
    "IPython": ["widgets", "magics"],
    "accelerate": ["backends.huggingface"],
    "altair": ["charts"],
    "anywidget": ["widgets", "magics"],
    "bert_score": ["evaluation"],
    "fastapi": ["serve"],
    "gguf": ["backends.places"],
    "huggingface_hub": ["backends.places"],
    "imblearn": ["estimators"],
    "iterstrat": ["textclass"],
    "ipywidgets": ["widgets", "magics"],
    "jupyterlab": ["cli"],
    "mlx": ["backends.mlx"],
    "mlx_lm": ["backends.mlx"],
    "optuna": ["sweep"],
    "peft": ["backends.huggingface", "textclass"],
    "ray": ["sweep"],
    "plotext": ["callbacks"],
    "pydantic": ["textclass"],
    "psutil": ["backends", "callbacks"],
    "rich": ["callbacks"],
    "rouge_score": ["evaluation"],
    "sacrebleu": ["evaluation"],
    "torch": ["minilm", "backends", "chat", "distill", "textclass"],
    "tqdm": ["callbacks"],
    "traitlets": ["widgets", "magics"],
    "transformers": [
        "backends.huggingface",
        "backends.pretrained",
        "chat",
        "cleaning",
        "textclass",
    ],
    "trl": ["distill"],
    "typer": ["cli", "textclass"],
    "uvicorn": ["serve"],
    "vl_convert": ["demo"],
    "yaml": ["textclass"],
}
# torch alone to compute with; the others write and read files.
MINILM_IMPORTS = {"pyarrow", "safetensors", "torch"}


@dataclass(frozen=True)
class Import:
    """One import of a module, written somewhere in another."""

    module: str  # without "tabwidget."
    line: int
    imported: str
    for_types: bool

    @property
    def part(self) -> str:
        """The part of ours that imports."""
        return self.module.split(".")[0]


def wrong_imports(package: Path) -> list[str]:
    """Return one line for each import below `package` that the tables above do not allow."""
    wrong = []
    for path in sorted(package.rglob("*.py")):
        if path == package / "__init__.py":
            continue  # only names what others hold; a test of its own holds it
        module = ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__")
        if module.split(".")[0] not in ROW_OF:
            wrong.append(f"{module} has no row")
            continue
        for found in imports(path, module):
            reason = _ours(found) or _theirs(found)
            if reason:
                wrong.append(f"{module}:{found.line} imports {found.imported}: {reason}")
    return wrong


def imports(path: Path, module: str) -> Iterator[Import]:
    """Yield every import of a file, those inside functions too, and `require("package")`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    around = ["tabwidget", *module.split(".")]
    if path.name == "__init__.py":
        around.append("")  # a package's dots count from the package itself
    for node in ast.walk(tree):
        for name in _imported(node, around):
            yield Import(module, getattr(node, "lineno", 0), name, node in for_types)


def _imported(node: ast.AST, around: list[str]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = ".".join(around[: -node.level]) if node.level else ""
        source = ".".join(filter(None, [base, node.module]))
        if source != "tabwidget":
            return [source]
        # `from tabwidget import charts, Session`: what holds each name.
        homes = tabwidget._MODULE_OF
        names = [alias.name for alias in node.names if alias.name != "__version__"]
        return [f"tabwidget.{homes.get(name, name)}" for name in names]
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {
        "import_module",
        "require",
    }:
        return [
            argument.value
            for argument in node.args[:1]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
    return []


def _ours(found: Import) -> str:
    package, _, rest = found.imported.partition(".")
    to = rest.split(".")[0]
    if package != "tabwidget" or found.part == to:
        return ""
    if to not in ROW_OF:
        return "no part of ours"
    if found.part in ONLY and to not in ONLY[found.part]:
        return f"{found.part} may import only {sorted(ONLY[found.part])} of ours"
    if ROW_OF[to] < ROW_OF[found.part] or (found.part, to) in UPWARD:
        return ""
    return "against the arrow"


def _theirs(found: Import) -> str:
    package = found.imported.split(".")[0]
    if found.for_types or package == "tabwidget":
        return ""
    if found.part == "minilm" and package not in sys.stdlib_module_names | MINILM_IMPORTS:
        return f"minilm imports only {sorted(MINILM_IMPORTS)}"
    owners = OWNERS.get(package)
    if owners is None or any(f"{found.module}.".startswith(f"{owner}.") for owner in owners):
        return ""
    return f"only {', '.join(owners)} may"


def test_all_imports_follow_the_arrows(root: Path) -> None:
    assert wrong_imports(root / "tabwidget") == []


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("formula.py", "import tabwidget.session", "against the arrow"),
        ("formula.py", "from tabwidget import Session", "against the arrow"),
        ("formula.py", "def f():\n    from tabwidget.session import Session", "against the arrow"),
        ("backends/base.py", "from ..model import TabularLanguageModel", "against the arrow"),
        ("backends/__init__.py", "from ..model import TabularLanguageModel", "against the arrow"),
        ("serialize.py", "from tabwidget import formula", "against the arrow"),
        (
            "table.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tabwidget import model",
            "against the arrow",
        ),
        ("minilm/cells.py", "from tabwidget.errors import TabwidgetError", "may import only []"),
        ("minilm/cells.py", "import pandas", "minilm imports only"),
        ("charts.py", "from tabwidget.orders import column_orders", "may import only ['errors']"),
        ("model.py", "def f():\n    import torch.nn", "may"),
        ("session.py", "from IPython import get_ipython", "only widgets, magics may"),
        ("session.py", "require('altair', extra='lab')", "only charts may"),
        ("backends/minilm.py", "import transformers", "only backends.huggingface"),
        ("helpers.py", "", "has no row"),
        ("model.py", "import tabwidget.helpers", "no part of ours"),
    ],
)
def test_wrong_import_is_found(tmp_path: Path, module: str, source: str, reason: str) -> None:
    path = tmp_path / module
    path.parent.mkdir(exist_ok=True)
    path.write_text(source, encoding="utf-8")
    (found,) = wrong_imports(tmp_path)
    assert reason in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("session.py", "import tabwidget.formula\nfrom tabwidget import charts"),
        ("backends/minilm.py", "from . import base\nfrom .base import Backend"),
        ("backends/__init__.py", "from .base import Backend"),
        ("backends/huggingface.py", "def f():\n    import transformers"),
        ("minilm/cells.py", "import math\nimport torch\nfrom tabwidget.minilm import encoder"),
        ("distribution.py", "if TYPE_CHECKING:\n    import altair"),
    ],
)
def test_right_import_is_not_found(tmp_path: Path, module: str, source: str) -> None:
    path = tmp_path / module
    path.parent.mkdir(exist_ok=True)
    path.write_text(source, encoding="utf-8")
    assert wrong_imports(tmp_path) == []


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

"""The shape of the package: its rooms, the arrows between them, and their measures.

``python -m tests.architecture`` prints the measures; `tests/test_architecture.py` holds them. With
``--write`` it rewrites the list of rooms and files in `docs/architecture.md`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tabwidget

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tabwidget"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- generated: python -m tests.architecture --write -->\n", "<!-- end -->"

# A room imports only rooms of the rows above its own. A room is a folder, or a module at the root.
ROWS = [
    ["_files", "_formatting", "_typing", "errors"],
    ["charts", "datasets", "events", "minilm", "params"],
    ["config", "table"],
    ["callbacks", "inference", "serializers"],
    ["storage"],
    ["backends"],
    ["lm", "model", "textclass"],
    ["batch", "estimators", "export", "serve", "session"],
    ["demo", "widgets"],
    ["cli", "magics"],
    ["__main__"],
]
ROW_OF = {room: row for row, rooms in enumerate(ROWS) for room in rooms}

# Stricter than the rows: the only rooms that these may import.
ONLY = {
    "charts": {"_formatting", "errors"},
    "events": set[str](),
    "inference": {"_formatting", "_typing", "charts", "config", "errors", "params", "table"},
    "lm": {"_files", "_typing", "backends", "config", "errors", "events", "params", "storage"},
    "minilm": {"_files"},
    "textclass": {
        "_files",
        "_typing",
        "backends",
        "config",
        "errors",
        "events",
        "params",
        "storage",
    },
}

# The only rooms that import a package, lazily or not. Imports for types are free.
OWNERS = {
    "IPython": ["widgets", "magics"],
    "accelerate": ["backends.huggingface"],
    "altair": ["charts"],
    "anywidget": ["widgets", "magics"],
    "bert_score": ["lm.evaluation"],
    "fastapi": ["serve"],
    "gguf": ["backends.hub"],
    "huggingface_hub": ["backends.hub"],
    "imblearn": ["estimators"],
    "iterstrat": ["textclass"],
    "ipywidgets": ["widgets", "magics"],
    "jupyterlab": ["cli"],
    "mlx": ["backends.mlx"],
    "mlx_lm": ["backends.mlx"],
    "optuna": ["lm.sweeps"],
    "peft": ["backends.huggingface", "textclass"],
    "plotext": ["callbacks"],
    "psutil": ["backends", "callbacks"],
    "pydantic": ["params", "config", "textclass"],
    "ray": ["lm.sweeps"],
    "rich": ["callbacks"],
    "rouge_score": ["lm.evaluation"],
    "sacrebleu": ["lm.evaluation"],
    "torch": ["minilm", "backends", "lm", "textclass"],
    "tqdm": ["callbacks"],
    "traitlets": ["widgets", "magics"],
    "transformers": ["backends.huggingface", "backends.text", "lm", "textclass"],
    "trl": ["lm"],
    "typer": ["cli", "textclass"],
    "uvicorn": ["serve"],
    "vl_convert": ["demo"],
    "yaml": ["textclass"],
}
# torch for computation; the others read and write files.
MINILM_IMPORTS = {"pyarrow", "safetensors", "torch"}

MAX_ROOT_FILES = 16
MAX_LINES = 600
MAX_PUBLIC_NAMES = 45


@dataclass(frozen=True)
class Import:
    """One import of a module, written somewhere in another."""

    module: str  # without "tabwidget."
    line: int
    imported: str
    for_types: bool

    @property
    def room(self) -> str:
        """The room that imports."""
        return self.module.split(".")[0]


def module_paths(package: Path = PACKAGE) -> dict[str, Path]:
    """Return the paths of a package's modules by dotted name, its own `__init__` left out."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        if path != package / "__init__.py":
            parts = path.relative_to(package).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def wrong_imports(package: Path = PACKAGE) -> list[str]:
    """Return one line for each import in `package` that the tables above do not allow."""
    wrong = []
    for module, path in module_paths(package).items():
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
            folder = PACKAGE.joinpath(*source.split(".")[1:])
            modules = [a.name for a in node.names if (folder / f"{a.name}.py").is_file()]
            if source.startswith("tabwidget.") and len(modules) == len(node.names):
                return [f"{source}.{name}" for name in modules]
            return [source]
        # `from tabwidget import charts, Session`: the module of each name.
        homes = home_of_names()
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


@cache
def home_of_names() -> dict[str, str]:
    """Return the module of each name that the package's stub imports, without "tabwidget."."""
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        alias.name: node.module or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _ours(found: Import) -> str:
    package, _, rest = found.imported.partition(".")
    to = rest.split(".")[0]
    if package != "tabwidget" or found.room == to:
        return ""
    if to not in ROW_OF:
        return "no room of ours"
    if found.room in ONLY and to not in ONLY[found.room]:
        return f"{found.room} may import only {sorted(ONLY[found.room])} of ours"
    return "" if ROW_OF[to] < ROW_OF[found.room] else "against the arrow"


def _theirs(found: Import) -> str:
    package = found.imported.split(".")[0]
    if found.for_types or package == "tabwidget":
        return ""
    if found.room == "minilm" and package not in sys.stdlib_module_names | MINILM_IMPORTS:
        return f"minilm imports only {sorted(MINILM_IMPORTS)}"
    owners = OWNERS.get(package)
    if owners is None or any(f"{found.module}.".startswith(f"{owner}.") for owner in owners):
        return ""
    return f"only {', '.join(owners)} may"


def import_cycles(package: Path = PACKAGE) -> list[list[str]]:
    """Return the groups of modules that import each other in a circle; types do not count."""
    paths = module_paths(package)
    edges = {
        module: {
            target
            for found in imports(path, module)
            if not found.for_types
            for target in [found.imported.removeprefix("tabwidget.")]
            if found.imported.startswith("tabwidget.") and target in paths and target != module
        }
        for module, path in paths.items()
    }
    # A module is in a circle with every module that it reaches and that reaches it.
    reach = {module: _reached(module, edges) for module in edges}
    groups = {
        tuple(sorted({module, *(other for other in reach[module] if module in reach[other])}))
        for module in edges
        if module in reach[module]
    }
    return [list(group) for group in sorted(groups)]


def _reached(module: str, edges: dict[str, set[str]]) -> set[str]:
    found, todo = set[str](), [module]
    while todo:
        for target in edges[todo.pop()] - found:
            found.add(target)
            todo.append(target)
    return found


def modules_without_tests(root: Path = ROOT) -> list[str]:
    """Return the modules that define something and have no ``tests/<room>/test_<module>.py``."""
    lacking = []
    for module, path in module_paths(root / "tabwidget").items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        defines = any(isinstance(node, (ast.ClassDef, ast.FunctionDef)) for node in tree.body)
        if path.name == "__init__.py" or not defines:
            continue
        *rooms, name = module.split(".")
        if not (root / "tests").joinpath(*rooms, f"test_{name.strip('_')}.py").is_file():
            lacking.append(module)
    return lacking


def with_rooms(page: str) -> str:
    """Return the architecture page with its list of rooms and files up to date."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{_rooms()}{END}{after}"


def _rooms() -> str:
    """Return the rows of rooms, then each room with its files, one line each, as Markdown."""
    paths = module_paths()
    rooms = {module.split(".")[0] for module in paths}
    rows = [" ".join(sorted(rooms.intersection(row))) for row in ROWS]
    out = ["Each room imports only rooms of the lines above its own:\n", "```text"]
    out += [*filter(None, rows), "```\n", "### The root\n"]
    folders: dict[str, list[str]] = {}
    for module, path in paths.items():
        room, _, name = module.partition(".")
        summary = _summary(path)
        if path.parent == PACKAGE:
            out.append(f"- `{path.name}`: {summary}")
        elif name == "":
            folders[room] = [f"\n### {room}\n", f"{summary}\n"]
        elif path.name != "__init__.py":
            file = path.relative_to(PACKAGE / room).as_posix()
            folders[room].append(f"- `{file}`: {summary}")
    return "\n".join([*out, *(line for lines in folders.values() for line in lines)]) + "\n"


def _summary(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n\n")[0].replace("\n", " ")


def main() -> None:
    """Print the measures, or write the page."""
    if "--write" in sys.argv[1:]:
        PAGE.write_text(with_rooms(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        return
    paths = module_paths()
    lines = {module: len(path.read_text("utf-8").splitlines()) for module, path in paths.items()}
    longest = max(lines, key=lambda module: lines[module])
    at_root = sorted(path.name for path in PACKAGE.glob("*.py*"))
    folders = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
    cycles, wrong, untested = import_cycles(), wrong_imports(), modules_without_tests()
    print(
        f"modules at the root     {len(at_root):4}  (at most {MAX_ROOT_FILES}) {', '.join(at_root)}"
    )
    print(f"folders                 {len(folders):4}  {', '.join(folders)}")
    print(f"modules                 {len(paths):4}")
    print(f"longest module          {lines[longest]:4}  (at most {MAX_LINES}) {longest}")
    print(f"import circles          {len(cycles):4}  {cycles or ''}")
    print(f"upward arrows           {len(wrong):4}  {wrong or ''}")
    print(f"modules without a test  {len(untested):4}  {', '.join(untested)}")
    print(f"public names            {len(tabwidget.__all__):4}  (at most {MAX_PUBLIC_NAMES})")


if __name__ == "__main__":
    main()

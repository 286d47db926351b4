"""Packaging: the wheel, the sdist, the constraints and the lock file."""

from __future__ import annotations

import configparser
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

import tabwidget
from tests.architecture import imports

BUNDLE = {
    "tabwidget/widgets/static/charts.js",
    "tabwidget/widgets/static/workbench.js",
    "tabwidget/widgets/static/workbench.css",
}
MAX_WHEEL_BYTES = 10_000_000
# An up-to-date bundle needs no Node, so a missing one is no reason to stop.
BUILD = [sys.executable, "-m", "build", "--no-isolation", "--skip-dependency-check"]
# In two halves, so that this file does not contain what it searches for.
REGISTRIES = [
    name + "." + domain
    for name, domain in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("download.pytorch", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("conda.anaconda", "org"),
    ]
]


def build(source: Path, out: Path, kind: str) -> Path:
    """Build the wheel or the sdist of `source` in this environment, and return its path."""
    command = [*BUILD, f"--{kind}", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return made


def plain_name(requirement: str) -> str:
    """Return the normalized name at the head of a requirement."""
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


@pytest.fixture(scope="module")
def sdist(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(root, tmp_path_factory.mktemp("sdist"), "sdist")


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder)  # no filter before Python 3.11.4; the archive is our own
    (top,) = folder.iterdir()
    return top


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(build(unpacked, tmp_path_factory.mktemp("wheel"), "wheel")) as archive:
        yield archive


def test_sdist_contains_the_front_end_and_its_sources(unpacked: Path) -> None:
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*")}
    assert {*BUNDLE, "js/src/index.tsx", "js/package-lock.json", "hatch_build.py"} <= names
    assert {"CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "docs/README.md"} <= names
    assert not any("node_modules" in name for name in names)


def test_wheel_from_sdist_needs_no_front_end_build(unpacked: Path, wheel: zipfile.ZipFile) -> None:
    assert not (unpacked / "js" / "node_modules").exists()
    assert set(wheel.namelist()) >= BUNDLE


def test_wheel_contains_the_pretrained_weights_and_is_small(wheel: zipfile.ZipFile) -> None:
    from tabwidget.backends.pretrained.weights import DIGEST, FILE

    weights = wheel.read(f"tabwidget/backends/pretrained/{FILE}")
    assert hashlib.sha256(weights).hexdigest() == DIGEST
    assert sum(file.compress_size for file in wheel.infolist()) < MAX_WHEEL_BYTES


def test_wheel_contains_data_notebook_and_types(wheel: zipfile.ZipFile) -> None:
    expected = {
        "tabwidget/__init__.pyi",
        "tabwidget/data/penguins.csv",
        "tabwidget/notebooks/00_quickstart.ipynb",
        "tabwidget/py.typed",
    }
    assert expected <= set(wheel.namelist())


def test_wheel_contains_every_module_and_nothing_else(root: Path, wheel: zipfile.ZipFile) -> None:
    modules = {path.relative_to(root).as_posix() for path in (root / "tabwidget").rglob("*.py")}
    names = set(wheel.namelist())
    assert {name for name in names if name.endswith(".py")} == modules
    assert {name.split("/")[0].split("-")[0] for name in names} == {"tabwidget"}


def test_wheel_has_version_and_command(wheel: zipfile.ZipFile) -> None:
    info = f"tabwidget-{tabwidget.__version__}.dist-info"
    scripts = configparser.ConfigParser()
    scripts.read_string(wheel.read(f"{info}/entry_points.txt").decode())
    assert scripts["console_scripts"]["tabwidget"] == "tabwidget.cli:main"
    assert f"{info}/licenses/LICENSE" in wheel.namelist()


def test_every_imported_package_is_declared(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {plain_name(requirement) for each in lists for requirement in each}
    shipped_by = metadata.packages_distributions()
    undeclared = set()
    for path in (root / "tabwidget").rglob("*.py"):
        for found in imports(path, "module"):
            package = found.imported.split(".")[0]
            if package not in sys.stdlib_module_names | {"tabwidget"} and not declared & {
                plain_name(name) for name in shipped_by.get(package, [package])
            }:
                undeclared.add(package)
    assert undeclared == set()


def test_constraints_pin_every_package_exactly(root: Path) -> None:
    lines = (root / "binder" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert "torch==2.13.0" in pins
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin)] == []


def test_lock_file_records_no_addresses(root: Path) -> None:
    lock = json.loads((root / "js" / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []


def test_no_tracked_file_names_a_registry(root: Path) -> None:
    if not (root / ".git").exists():
        pytest.skip("tracked files need a git checkout")
    patterns = [argument for registry in REGISTRIES for argument in ("-e", registry)]
    command = ["git", "-C", str(root), "grep", "-I", "-i", "-n", "-F", *patterns]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")

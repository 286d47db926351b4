"""The built front end is there, and the part that draws charts is not in the part that is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabwidget.widgets import bundle
from tabwidget.widgets.bundle import bundled


def test_only_the_script_for_charts_brings_the_library_that_draws_them() -> None:
    assert "vega" in bundled("charts.js")
    assert "vega" not in bundled("workbench.js")


def test_what_is_not_built_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundle, "_STATIC", tmp_path)
    assert "the front end is not built" in bundled("workbench.js")
    assert bundled("workbench.css") == ""

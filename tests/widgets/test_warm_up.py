"""The warm-up: what the first answer needs is imported once, on a thread."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tabwidget.widgets import DataPanel
from tabwidget.widgets import panel as panel_module
from tabwidget.widgets.warm_up import warm_up

CODE = """
import sys
import tabwidget.widgets
from tabwidget.widgets.warm_up import warm_up
assert not {"torch", "altair"} & set(sys.modules)
warm_up().join()
assert {"torch", "altair"} <= set(sys.modules)
"""


def test_it_imports_what_the_first_answer_needs() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=120)


def test_it_runs_once_and_when_a_panel_is_displayed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert warm_up() is warm_up()
    begun: list[bool] = []
    monkeypatch.setattr(panel_module, "warm_up", lambda: begun.append(True))
    panel = DataPanel()
    assert begun == []
    panel._ipython_display_()
    assert begun == [True]
    panel.close()

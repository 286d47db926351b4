"""Public names of textclass are imported lazily."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

from tabwidget import textclass


def test_no_module_shadows_a_public_name() -> None:
    for module in pkgutil.iter_modules(textclass.__path__):
        importlib.import_module(f"{textclass.__name__}.{module.name}")
    for name in textclass.__all__:
        assert not isinstance(getattr(textclass, name), ModuleType), name
    assert set(textclass.__all__) <= set(dir(textclass))


def test_an_unknown_name_raises() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'x'"):
        textclass.x  # type: ignore[attr-defined]  # noqa: B018


def test_the_import_alone_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'pydantic', 'sklearn', 'torch', 'transformers', 'yaml'}"
    code = f"import sys, tabwidget.textclass; print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"

"""The package's public names: listed in its stub, imported when used, and few."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import tabwidget
from tests.architecture import MAX_PUBLIC_NAMES, PACKAGE, home_of_names

# What the document of scikit-lm imports from its package, and the events that it names.
DOCUMENTED = {
    "Callback",
    "DiscretizationConfig",
    "EvalReport",
    "Event",
    "FitEnd",
    "FitStart",
    "Generation",
    "GenerationConfig",
    "HFBackend",
    "JSONSerializer",
    "KeyValueSerializer",
    "LanguageModelClassifier",
    "LanguageModelImputer",
    "LanguageModelOverSampler",
    "LanguageModelRegressor",
    "LoRAConfig",
    "LoggingCallback",
    "MLXBackend",
    "Memory",
    "ModelConfig",
    "PredictEnd",
    "PredictStart",
    "Retry",
    "RichCallback",
    "RowEnd",
    "Score",
    "SpacedDigits",
    "TabularLanguageModel",
    "TqdmCallback",
    "TrainExamples",
    "TrainReport",
    "TrainingConfig",
    "TrainingState",
    "aggregate_default",
}


@pytest.mark.parametrize("name", sorted(home_of_names()))
def test_name_in_the_stub_is_found(name: str) -> None:
    assert getattr(tabwidget, name) is not None


def test_python_and_type_checkers_see_the_same_public_names() -> None:
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    [listed] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert listed == tabwidget.__all__
    assert set(listed) <= set(dir(tabwidget))
    assert len(listed) <= MAX_PUBLIC_NAMES


def test_documented_names_can_be_imported() -> None:
    assert set(home_of_names()) >= DOCUMENTED


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Sesion"):
        _ = tabwidget.Sesion  # type: ignore[attr-defined]


def test_extension_loads_into_ipython() -> None:
    assert callable(tabwidget.load_ipython_extension)
    assert callable(tabwidget.unload_ipython_extension)


def test_import_of_the_package_imports_nothing_heavy() -> None:
    heavy = {"IPython", "altair", "anywidget", "numpy", "pandas", "sklearn", "torch"}
    script = "import sys, tabwidget; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    assert heavy & set(done.stdout.split()) == set()

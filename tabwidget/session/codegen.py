"""Code generation: the Python that does the same without a session."""

from __future__ import annotations

from collections.abc import Sequence
from keyword import iskeyword
from pathlib import Path
from typing import cast

from sklearn.base import clone

from tabwidget.config import ModelConfig, TrainingConfig
from tabwidget.inference.query import Query
from tabwidget.serializers.base import Serializer

__all__ = ["declared_code", "fitting_code", "source_code"]


def source_code(source: object, name: str) -> str:
    """Return a source as an expression: a quoted name or path, or the frame's variable.

    Examples
    --------
    >>> source_code("iris", "iris"), source_code(object(), "df"), source_code(object(), "my table")
    ("'iris'", 'df', 'frame')
    """
    if isinstance(source, (str, Path)):
        return repr(str(source))
    return name if name.isidentifier() and not iskeyword(name) else "frame"


def declared_code(source: str, column: str, kind: str | None, used: bool | None) -> str:
    """Return a source with a declaration about a column, see `Table.declare`.

    Examples
    --------
    >>> declared_code("'iris'", "species", None, False)
    "as_table('iris').declare('species', used=False)"
    """
    table = source if source.startswith("as_table(") else f"as_table({source})"
    said = [f"kind={kind!r}"] if kind is not None else []
    said += [f"used={used}"] if used is not None else []
    return f"{table}.declare({', '.join([repr(column), *said])})"


def fitting_code(
    source: str,
    *,
    backend: str,
    model_config: ModelConfig | None,
    serializer: str | Serializer,
    training: TrainingConfig,
    trained: bool = True,
    random_state: int,
    targets: Sequence[str],
    asked: Query | None,
) -> str:
    """Return the lines that fit a model, and ask the question, if there is one.

    Parameters
    ----------
    source : str
        The table, as an expression.
    backend, model_config, serializer, training, random_state
        Parameters of `TabularLanguageModel`; defaults are left out.
    trained : bool, default True
        Whether to train; if not, the pretrained model answers.
    targets : sequence of str
        Columns that matter most.
    asked : Query or None
        The question.
    """
    settings = []
    if backend != "auto":
        settings.append(f'backend="{backend}"')
    if model_config is not None:
        settings.append(f"model_config={model_config!r}")
    if serializer != "json":
        settings.append(f"serializer={serializer!r}")
    shown = cast(TrainingConfig, clone(training))
    if not trained:
        shown.set_params(max_seconds=0)
    settings += [f"training={shown!r}", f"random_state={random_state}"]
    named = {"TabularLanguageModel", "TrainingConfig"}
    named |= _ours(model_config, getattr(model_config, "lora", None))
    named |= _ours(getattr(model_config, "quantization", None))
    named |= _ours(serializer, getattr(serializer, "number", None))
    named |= set() if asked is None else set(asked.imports)
    lines = [
        f"from tabwidget import {', '.join(sorted(named))}",
        *(["from tabwidget.table import as_table"] if source.startswith("as_table(") else []),
        "",
        *([] if trained else [f"# Not trained yet: max_seconds={training.max_seconds} trains."]),
        f"lm = TabularLanguageModel({', '.join(settings)})",
        f"lm.fit({source}{f', target_cols={list(targets)!r}' if targets else ''})",
    ]
    return "\n".join(lines if asked is None else [*lines, asked.to_python()])


def _ours(*parts: object) -> set[str]:
    """Return the names of the objects' classes, if they are classes of this package."""
    return {type(part).__name__ for part in parts if type(part).__module__.startswith("tabwidget.")}
